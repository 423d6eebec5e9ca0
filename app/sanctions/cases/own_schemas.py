"""Wire shapes of cases for the partner that answers in them."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from app.core.schemas import Instant, Paragraph, Schema


class OwnReplyIn(Schema):
    """The reply to the notice."""

    text: Paragraph = Field(examples=["We dispute the second invoice."])


class OwnAppealIn(Schema):
    """An appeal, or a request to reconsider the decision."""

    kind: Literal["appeal", "reconsideration"] = "appeal"
    text: Paragraph = Field(examples=["We appeal against the length of the measure."])


class OwnCaseOut(Schema):
    """A case in which the partner answers. Of one that came to nothing: that it is closed."""

    id: UUID = Field(description="of the partner's part in the case")
    partner_id: UUID
    agency: str = Field(examples=["UNDP"])
    state: Literal["notice_issued", "replied", "under_review", "imposed", "closed"]
    notice_sent_on: date | None
    reply_due_on: date | None
    reply_received_on: date | None
    decided_on: date | None
    decision_sent_on: date | None
    appeal_due_on: date | None
    entry_id: UUID | None = Field(description="the measure on the shared list")
    closed_on: date | None = None


class OwnTextOut(Schema):
    """What the partner was told, or said."""

    id: UUID
    kind: Literal["notice", "reply", "decision", "decision_notice", "appeal", "appeal_decision"]
    at: Instant
    content: dict[str, Any]


class OwnAppealOut(Schema):
    """An appeal of the partner, and what became of it."""

    id: UUID
    kind: Literal["appeal", "reconsideration"]
    suspensive: bool = Field(description="the measure waits for the outcome")
    filed_on: date
    outcome: Literal["upheld", "reduced", "overturned"] | None
    decided_on: date | None


class OwnCaseDetailOut(OwnCaseOut):
    """The same with notice, replies, decision and appeals."""

    texts: list[OwnTextOut]
    appeals: list[OwnAppealOut]
