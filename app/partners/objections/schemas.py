"""Wire shapes of objections."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.core.paging import PageQuery
from app.core.schemas import Instant, Schema, Text
from app.partners.objections.contested import ObjectionState, SubjectKind
from app.partners.objections.periods import PERIODS

Reason = Annotated[Text, StringConstraints(min_length=20, max_length=8_000, strip_whitespace=True)]


class ObjectionIn(Schema):
    """Why a statement is wrong. Its owner answers within a fixed time."""

    subject_kind: SubjectKind = Field(examples=["flag"])
    subject_id: UUID = Field(description="the statement")
    reason: Reason = Field(examples=["The receipts were sent on 3 April; see the attached letter."])
    evidence: list[UUID] = Field(
        default=[],
        max_length=PERIODS.evidence,
        description="ids of documents of the partner; at least one on a partner's behalf",
        examples=[["5b9c3f2e-6f0a-4d0e-8c1b-0d3a7c1e2f40"]],
    )


class AnswerIn(Schema):
    """The owner's reasoned answer. An upheld objection to a flag makes it invalid."""

    decision: Literal["upheld", "partly", "rejected"] = Field(examples=["rejected"])
    answer: Reason = Field(examples=["The letter of 3 April concerns another advance."])


class ObjectionOut(Schema):
    """An objection without its texts."""

    id: UUID
    partner_id: UUID
    subject_kind: SubjectKind
    subject_id: UUID
    owner_agency: str = Field(examples=["UNICEF"])
    raised_by: str = Field(
        description="`partner`, or the agency that did so on its behalf", examples=["partner"]
    )
    raised_at: Instant
    due_on: date
    state: ObjectionState
    overdue: bool
    answered_by_office: Literal["owner", "outside_author_office"] = Field(
        description="who answers: once overdue, a person outside the author's office"
    )
    answered_at: Instant | None
    version: int


class ObjectionTextOut(ObjectionOut):
    """An objection with reason, evidence and answer."""

    reason: str
    evidence: list[UUID]
    answer: str | None


class ObjectionFilter(PageQuery):
    """Filters of the lists of objections."""

    state: ObjectionState | None = None
