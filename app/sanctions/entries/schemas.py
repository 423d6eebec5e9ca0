"""Wire shapes of measures."""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import Field

from app.core.paging import PageQuery
from app.core.schemas import Day, Paragraph, Schema
from app.partners.objections.contested import ContestedOut
from app.sanctions.codes import MeasureCode

EntryStatus = Literal["ACTIVE", "EXPIRED", "LIFTED"]


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
