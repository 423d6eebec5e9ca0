"""Wire shapes of assessments as their partner sees them."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from app.assessments.life_cycle.schemas import MilestoneOut
from app.assessments.schemas import AdjustedRatingOut, PartnerCommentsOut, WithdrawalReason
from app.assessments.types.base import Rating
from app.core.paging import PageQuery
from app.core.schemas import Instant, Schema
from app.partners.objections.contested import ContestedOut


class OwnAssessmentOut(Schema):
    """The summary of an assessment of the own organisation."""

    id: UUID
    partner_id: UUID = Field(description="the profile that it was made about")
    type: str = Field(examples=["psea"])
    methodology: str = Field(examples=["UN-PSEA-2020"])
    owner_agency: str = Field(examples=["UNICEF"])
    state: Literal["draft_for_comment", "held", "final", "expired", "superseded", "withdrawn"] = (
        Field(
            description="`draft_for_comment`: not final, shown for a comment; `held`: final, and "
            "shown to no other agency before the partner has commented or `held_until` has come"
        )
    )
    conducted_on: date | None = Field(examples=["2026-03-01"])
    valid_until: date | None = Field(description="last day it counts", examples=["2031-03-01"])
    rating: Rating | None
    adjusted_rating: AdjustedRatingOut | None = None
    summary: dict[str, Any] = Field(default={}, description="what else the type shows to all")
    participating_agencies: list[str] = Field(default=[], examples=[["WFP"]])
    held_until: Instant | None = None
    comment_until: date = Field(description="last day for a comment")
    finalised_at: Instant | None = None
    withdrawn_at: Instant | None = None
    withdrawal_reason: WithdrawalReason | None = None
    contested: ContestedOut | None = Field(description="the own objection to it")
    partner_comments: PartnerCommentsOut | None = Field(None, description="the own comments")
    redacted: bool = Field(False, description="the detail is hidden from all, or destroyed")


class OwnDetailOut(OwnAssessmentOut):
    """An assessment of the own organisation with its detail."""

    milestones: list[MilestoneOut]
    detail: dict[str, Any] = Field(
        description="what the partner gets of it, in the shape of the type",
        examples=[{"standards": [{"number": 1, "result": "met", "comment": "policy of 2024"}]}],
    )


class OwnAssessmentFilter(PageQuery):
    """Filters of the own assessments."""


class CommentFilter(PageQuery):
    """Filters of an assessment's comments."""
