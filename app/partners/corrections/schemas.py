"""Wire shapes of correction requests."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.core.paging import PageQuery
from app.core.schemas import Flag, Instant, Paragraph, Schema, Text
from app.partners.claims.rules import RULES

State = Literal["open", "accepted", "rejected"]
Pointer = Annotated[
    Text,
    StringConstraints(max_length=120, pattern=r"^/(profile|sections/[a-z_]{1,40})/[a-z_]{1,40}$"),
    Field(examples=["/profile/website"]),
]


class CorrectionIn(Schema):
    """What the partner is asked to change."""

    pointer: Pointer = Field(description="`/profile/FIELD` or `/sections/SECTION/FIELD`")
    proposed: Any = Field(
        description="the value as a PATCH of that field takes it",
        examples=["https://amani.example"],
    )
    reason: Paragraph = Field(examples=["The address on the letterhead is another one."])
    document_ids: list[UUID] = Field(default=[], max_length=RULES.documents)


class CorrectionFilter(PageQuery):
    """Filters of the list."""

    state: State | None = None


class CorrectionOut(Schema):
    """A correction request; the texts are for the agency that asks and the partner."""

    id: UUID
    version: int
    partner_id: UUID
    filed_by: str = Field(examples=["WFP"])
    pointer: str
    proposed: Any
    reason: str
    document_ids: list[UUID]
    filed_at: Instant
    due_on: date
    overdue: Flag
    state: State
    answer: str | None = Field(description="the partner's reason")
    decided_at: Instant | None


class CorrectionDecision(Schema):
    """The partner's answer; what it accepts is applied at once as its own change."""

    decision: Literal["accept", "reject"]
    reason: Paragraph = Field(examples=["The old site was closed in May."])
