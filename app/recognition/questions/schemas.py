"""Wire shapes of questions to owners."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.core.codelists import Coded
from app.core.paging import PageQuery
from app.core.schemas import Instant, Line, Schema

SubjectKind = Literal["assessment", "measure"]
Outcome = Literal["stands", "corrected", "withdrawn", "under_review"]
State = Literal["open", "answered", "withdrawn"]


class QuestionIn(Schema):
    """About which statement of another agency, and what. Letters stay between the agencies."""

    subject_kind: SubjectKind
    subject_id: UUID
    question: Annotated[str, Coded("clearance_questions")]
    reference: Line | None = Field(None, examples=["WFP-KE-2026-17"])


class AnswerIn(Schema):
    """What came of it; a correction or withdrawal is made in the statement's own place."""

    outcome: Outcome


class QuestionOut(Schema):
    """A question and its outcome; it changes no clearance and decides nothing by itself."""

    id: UUID
    clearance_id: UUID | None = Field(description="null for the owner")
    agency: str = Field(description="that asks")
    owner_agency: str
    subject_kind: SubjectKind
    subject_id: UUID
    question: str
    reference: str | None
    state: State
    outcome: Outcome | None
    asked_at: Instant
    answered_at: Instant | None
    version: int


class QuestionFilter(PageQuery):
    """Filters of the list of questions."""

    state: State | None = None
