"""Wire shapes of measures."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from app.core.paging import PageQuery
from app.core.schemas import Country, Day, Line, Paragraph, Schema
from app.partners.objections.contested import ContestedOut
from app.sanctions.codes import MeasureCode

EntryStatus = Literal["ACTIVE", "EXPIRED", "LIFTED"]


def _partial_date(value: str) -> str:
    try:
        date.fromisoformat((value + "-01-01")[:10])
    except ValueError:
        raise ValueError("must be a year, a month or a day that there is") from None
    return value


PartialDate = Annotated[
    str,
    StringConstraints(pattern=r"^(19|20)\d{2}(-\d{2}(-\d{2})?)?$"),
    AfterValidator(_partial_date),
    Field(examples=["1975"]),
]


class IndividualIn(Schema):
    """A person whom a measure names: no more than is needed to tell them from others."""

    names: Annotated[list[Line], Field(min_length=1, max_length=20)]
    birth_date: PartialDate | None = None
    nationalities: Annotated[list[Country], Field(max_length=5)] = Field([], examples=[["KEN"]])


class MeasureTerms(Schema):
    """What a decision imposes, and for how long."""

    measure: MeasureCode
    effective_from: Day = Field(examples=["2026-06-15"])
    effective_to: Day | None = Field(None, examples=["2028-06-14"])


class LiftIn(Schema):
    """Ends a measure early."""

    reason: Paragraph = Field(examples=["Appeal granted."])


class Effect(Schema):
    """What the measure does."""

    eligible: bool
    text: str


class EntryOut(Schema):
    """A measure on the shared list."""

    entry_id: UUID
    seq: int | None = Field(description="number in the feed; null for up to two seconds")
    version: int
    partner_id: UUID
    imposing_agency: str = Field(examples=["UNDP"])
    measure: str = Field(examples=["DEBARMENT_FIXED"])
    blocking: bool
    effect: Effect
    practices: list[str]
    decided_on: date
    effective_from: date
    effective_to: date | None
    status: EntryStatus
    ended_on: date | None = None
    procedure: Literal["full", "recorded"]
    contested: ContestedOut | None = Field(
        description="the partner's objection to it; not in the feed, whose entries are signed"
    )
    owner_withdrawn: bool = Field(
        False, description="the imposing agency has left the registry; the measure stays"
    )
    custodian: str | None = Field(
        None, description="agency or office that answers for it then", examples=["UNICEF"]
    )


class EntryFilter(PageQuery):
    """Filters of the list of measures."""

    partner_id: UUID | None = None
    status: EntryStatus | None = None
