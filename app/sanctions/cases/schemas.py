"""Wire shapes of cases."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from app.core.schemas import Day, Flag, Instant, Line, Paragraph, Schema
from app.sanctions.codes import PracticeCode
from app.sanctions.entries.schemas import MeasureTerms

CaseState = Literal["DRAFT", "NOTICE_ISSUED", "REPLY_RECORDED", "UNDER_REVIEW", "IMPOSED"]


class FindingIn(Schema):
    """The finding of the agency's own investigation office; a reference, never the story."""

    reference: Line = Field(examples=["OAI-2026-114"])
    on: Day = Field(examples=["2026-04-02"])


class CaseIn(Schema):
    """Opens a case."""

    partner_id: UUID
    practices: Annotated[list[PracticeCode], Field(min_length=1, max_length=13)]
    finding: FindingIn


class NoticeIn(Schema):
    """The notice to the partner."""

    sent_on: Day = Field(examples=["2026-05-04"])
    summary: Paragraph = Field(examples=["Notice of intent to debar, with the grounds."])


class ReplyIn(Schema):
    """The partner's reply, or its waiver; either ends the reply period."""

    received_on: Day = Field(examples=["2026-05-20"])
    text: Paragraph = Field(examples=["The partner disputes the second invoice."])
    waiver: Flag = False


class ReviewIn(Schema):
    """What the reviewer recommends."""

    recommendation: Literal["impose", "do_not_impose"] = Field(examples=["impose"])
    note: Paragraph = Field(examples=["Evidence reviewed; measure proportionate."])


class DecisionIn(MeasureTerms):
    """The reasoned decision."""

    reason: Paragraph = Field(examples=["Forged invoices; decided after reply and review."])


class StepOut(Schema):
    """What was written at one step."""

    id: UUID
    kind: Literal["finding", "notice", "reply", "review", "decision", "lift"]
    at: Instant
    content: dict[str, Any] = Field(description="as it was sent; empty when redacted")
    redacted: bool = False


class CaseOut(Schema):
    """A case, for the agency that runs it and nobody else."""

    id: UUID
    version: int
    state: CaseState
    partner_id: UUID
    practices: list[str]
    finding_on: date
    notice_sent_on: date | None = None
    reply_due_on: date | None = None
    reply_received_on: date | None = None
    reviewed_on: date | None = None
    recommendation: str | None = None
    decided_on: date | None = None
    opened_at: Instant


class CaseDetailOut(CaseOut):
    """A case with what was written at its steps."""

    steps: list[StepOut]
