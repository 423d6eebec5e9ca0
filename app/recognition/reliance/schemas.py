"""Wire shapes of the reliance record."""

from __future__ import annotations

from datetime import date
from typing import Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from app.core.clock import add_months
from app.core.paging import PageQuery
from app.core.schemas import Day, Instant, Line, Schema


class RecognitionOut(Schema):
    """One requirement of one clearance, and by whose assessment it was satisfied."""

    clearance_id: UUID | None = Field(description="null for others' clearances")
    agency: str = Field(description="that relied", examples=["WFP"])
    owner_agency: str | None = Field(examples=["UNICEF"])
    partner_id: UUID | None
    assessment_id: UUID | None
    requirement: str = Field(examples=["PSEA"])
    satisfied: bool
    by: Literal["own", "recognised"] | None
    reason: str = Field(examples=["ACCEPTED"])
    purpose: str
    signed: bool | None = Field(description="an agreement followed; null where that is not known")
    at: Instant


class RecognitionFilter(PageQuery):
    """Filters of the reliance record."""

    side: Literal["relying", "relied_on"] | None = None
    requirement: Line | None = None
    assessment_id: UUID | None = None


class StatisticsFilter(Schema):
    """The period, both days included."""

    since: Day | None = Field(None, description="default: a year before its end")
    until: Day | None = Field(None, description="default: today")

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.since is not None and self.until is not None and self.until < self.since:
            raise ValueError("until must not lie before since")
        return self

    def days(self, today: date) -> tuple[date, date]:
        """First and last: work grows with the period, so there always is one."""
        until = self.until or max(today, self.since or today)
        return self.since or add_months(until, -12), until


class RecognitionCount(Schema):
    """One requirement, one reason."""

    requirement: str
    from_agency: str | None
    satisfied: bool
    by: Literal["own", "recognised"] | None
    reason: str
    clearances: int
    partners: int


class RecognitionCounts(Schema):
    """What own clearances of a period recognised and refused."""

    since: date
    until: date
    items: list[RecognitionCount]
    duplicates_avoided: int = Field(
        description="partners and requirements that another agency's assessment satisfied"
    )
    relied_on_by_others: int = Field(
        description="clearances of other agencies that rest on assessments of one's own"
    )
