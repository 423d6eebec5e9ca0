"""Wire shapes of decisions and waivers."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from app.core.codelists import Coded
from app.core.paging import PageQuery
from app.core.schemas import Day, Instant, Line, Schema
from app.recognition.rules import Outcome

Decision = Literal["signed", "not_signed", "waived"]
Level = Literal["officer", "head_of_office", "regional", "headquarters"]


class WaivedIn(Schema):
    """A requirement that is to be met after the signature."""

    requirement: Line = Field(examples=["PSEA"])
    complete_by: Day = Field(description="at most six months from today", examples=["2027-03-31"])


class DecisionIn(Schema):
    """What the agency decided. Waivers go with `waived`, and with nothing else."""

    decision: Decision
    reason: Annotated[str, Coded("clearance_decision_reasons")]
    level: Level = Field(description="at which the decision was approved")
    agreement_reference: Line | None = Field(None, examples=["WFP-KE-2026-17"])
    waivers: list[WaivedIn] = Field([], max_length=20)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.decision == "waived") != bool(self.waivers):
            raise ValueError("waivers go with the decision waived, and with no other")
        if len({one.requirement for one in self.waivers}) != len(self.waivers):
            raise ValueError("a requirement is waived once")
        return self


class WaiverOut(Schema):
    """A waived requirement, and whether it was met since."""

    id: UUID
    clearance_id: UUID
    requirement: str
    reason: str
    office: str
    given_on: date
    complete_by: date
    completed_on: date | None
    completed_with: UUID | None = Field(description="the clearance that shows it as met")
    overdue: bool
    version: int


class DecisionOut(Schema):
    """A decision as it was recorded."""

    clearance_id: UUID
    decision: Decision
    reason: str
    level: Level
    agreement_reference: str | None
    outcome_then: Outcome = Field(description="of the clearance when it was decided on")
    office: str
    role: str
    decided_at: Instant
    waivers: list[WaiverOut]


class CompletionIn(Schema):
    """Which later clearance shows the requirement as met."""

    clearance_id: UUID


class WaiverFilter(PageQuery):
    """Filters of the list of waivers."""

    state: Literal["open", "overdue", "completed"] | None = None
    requirement: Line | None = None


class WaiverCount(Schema):
    """Waivers of one office for one reason."""

    office: str
    reason: str
    requirement: str
    given: int
    open: int
    overdue: int
    completed: int


class WaiverCounts(Schema):
    """All of them, of the own agency."""

    items: list[WaiverCount]


class DecisionCount(Schema):
    """Decisions of one office for one reason."""

    office: str
    decision: Decision
    reason: str
    outcome_then: Outcome
    decisions: int


class DecisionCounts(Schema):
    """All of them, of the own agency."""

    items: list[DecisionCount]
