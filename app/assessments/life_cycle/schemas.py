"""Wire shapes of an assessment's life."""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import Field

from app.assessments.schemas import WithdrawalReason
from app.assessments.types.base import RatingLevel, Value
from app.core.schemas import Day, Instant, Paragraph, Schema

MilestoneCode = Literal[
    "partner_contacted",
    "field_visit",
    "draft_to_partner",
    "partner_comments",
    "draft_to_agency",
    "agency_comments",
    "report_submitted",
]


class MilestoneIn(Schema):
    """A step that was reached. It cannot be changed afterwards."""

    code: MilestoneCode = Field(examples=["field_visit"])
    reached_on: Day = Field(
        description="not before an earlier step, not after a later one", examples=["2026-02-10"]
    )


class MilestoneOut(Schema):
    """A step, with its day."""

    code: MilestoneCode
    reached_on: date
    recorded_at: Instant


class MilestonesOut(Schema):
    """All steps in their order; the list is short and has no pages."""

    items: list[MilestoneOut]


class WithdrawalIn(Schema):
    """Why a result no longer stands. The code is shown to all, the note to the owner alone."""

    reason: WithdrawalReason = Field(examples=["ERROR_FOUND"])
    note: Paragraph = Field(examples=["Answers of another partner were entered."])


class AdjustmentIn(Schema):
    """Another rating than the computed one, for other information."""

    value: Value = Field(description="one of the methodology's results", examples=["LOW_CAPACITY"])
    reason: Paragraph = Field(examples=["Two findings of the last audit are still open."])


class AdjustmentDecisionIn(Schema):
    """A second person decides on it."""

    decision: Literal["approve", "refuse"]
    reason: Paragraph | None = Field(None, description="a refusal says why")


class AdjustmentOut(Schema):
    """A proposed or decided adjusted rating; for the owner alone."""

    id: UUID
    assessment_id: UUID
    value: str = Field(examples=["LOW_CAPACITY"])
    level: RatingLevel | None
    reason: str
    state: Literal["proposed", "approved", "refused"]
    decision_reason: str | None = None
    proposed_by: str = Field(description="office of who proposed it", examples=["Nairobi"])
    proposed_at: Instant
    decided_by: str | None = Field(None, description="office of who decided")
    decided_at: Instant | None = None
    version: int


class NoteOut(Schema):
    """Why an assessment was sent back, cancelled or withdrawn."""

    id: UUID
    kind: Literal["sent_back", "cancelled", "withdrawn"]
    text: str
    written_at: Instant


class NotesOut(Schema):
    """All notes, oldest first; the list is short and has no pages."""

    items: list[NoteOut]


class AdjustmentsOut(Schema):
    """All adjusted ratings, oldest first; the list is short and has no pages."""

    items: list[AdjustmentOut]
