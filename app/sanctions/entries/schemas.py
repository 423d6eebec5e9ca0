"""Wire shapes of measures."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from app.core.paging import PageQuery
from app.core.schemas import Code, Count, Country, Day, Instant, Line, Paragraph, Schema
from app.partners.objections.contested import ContestedOut
from app.sanctions.codes import MeasureCode
from app.sanctions.entries.status import EntryStatus

Regime = Literal["VENDOR", "IMPLEMENTING_PARTNER"]
Level = Literal["PUBLIC", "INTER_AGENCY", "RESTRICTED"]
Relation = Literal[
    "CONTROLLING", "CONTROLLED", "COMMON_CONTROL", "SUCCESSOR", "ASSIGN", "PRINCIPAL"
]
Stop = Literal["allowed", "stop"]
Running = Literal["continue", "wind_down", "stop"]
Payments = Literal["continue", "stop"]
ConditionState = Literal["open", "met", "waived", "breached"]
_MAX_SCOPE = 60


def _each_once(values: list[str]) -> list[str]:
    return sorted(set(values))


Countries = Annotated[list[Country], Field(max_length=_MAX_SCOPE), AfterValidator(_each_once)]
Modalities = Annotated[list[Code], Field(max_length=_MAX_SCOPE), AfterValidator(_each_once)]


class EffectsIn(Schema):
    """What the measure means for each kind of act. What is left out: see the fields."""

    renewals: Stop | None = Field(
        None, description="renewals and amendments; a blocking measure stops them by default"
    )
    payments_due: Payments = Field(
        "continue", description="payments for work already done; never stopped by default"
    )
    running_agreements: Running = Field("continue", examples=["wind_down"])
    wind_down_until: Day | None = Field(None, examples=["2026-12-31"])
    continuity_contact: Line | None = Field(
        None,
        description="office that answers for running programmes; needed where anything stops",
        examples=["Kenya country office, partnerships"],
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.running_agreements == "wind_down") != (self.wind_down_until is not None):
            raise ValueError("wind_down_until goes with running_agreements: wind_down")
        stops = self.running_agreements != "continue" or self.payments_due == "stop"
        if stops and self.continuity_contact is None:
            raise ValueError("name a continuity_contact where running work or payments stop")
        return self


class ScopeIn(Schema):
    """Where the measure holds: everywhere and for all, unless countries or modalities are named."""

    countries: Countries = Field([])
    modalities: Modalities = Field([], examples=[["direct_cash_transfer"]])


class ConditionIn(Schema):
    """What the partner has to do; every agency reads it."""

    condition: Line = Field(examples=["An independent compliance programme is in place."])
    due_on: Day | None = Field(None, examples=["2027-06-30"])


class AffiliateIn(Schema):
    """The own measure that this one was extended from, by a decision of its own."""

    entry_id: UUID
    relation: Relation


class SupersedesIn(Schema):
    """The own measure that this one takes the place of, in the same instant."""

    entry_id: UUID
    version: Annotated[Count, Field(ge=1)] | None = Field(
        None, description="the version that was read; another one refuses the decision"
    )


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
    nationalities: Annotated[list[Country], Field(max_length=5), AfterValidator(_each_once)] = (
        Field([])
    )


class MeasureTerms(Schema):
    """What a decision imposes, and for how long."""

    measure: MeasureCode
    effective_from: Day = Field(examples=["2026-06-15"])
    effective_to: Day | None = Field(None, examples=["2028-06-14"])
    regime: Regime = "IMPLEMENTING_PARTNER"
    level: Level | None = Field(
        None, description="who may know of it; default INTER_AGENCY, PUBLIC is published"
    )
    effects: EffectsIn | None = None
    scope: ScopeIn | None = None
    conditions: Annotated[list[ConditionIn], Field(max_length=20)] = Field([])
    release_not_before: Day | None = Field(
        None, description="earliest day of a conditional release", examples=["2029-06-15"]
    )
    practice_ended_on: Day | None = Field(
        None, description="last day of the practice, where it is known", examples=["2025-03-01"]
    )
    legal_reference: Line | None = Field(None, examples=["Vendor sanctions policy 2023, section 4"])
    contact_office: Line | None = Field(None, examples=["Office of Audit and Investigations"])
    affiliate_of: AffiliateIn | None = None
    supersedes: SupersedesIn | None = None


class LiftIn(Schema):
    """Ends a measure early."""

    reason: Paragraph = Field(examples=["Appeal granted."])


class EntryChange(Schema):
    """What of a measure changes without a new decision; a field left out stays."""

    level: Level | None = None
    contact_office: Line | None = None
    continuity_contact: Line | None = None
    last_reviewed: Day | None = Field(None, description="the day of the latest review")


class Effect(Schema):
    """What the measure does, for each kind of act."""

    eligible: bool
    text: str
    new_agreements: Stop
    renewals: Stop = Field(description="renewals and amendments")
    payments_due: Payments = Field(description="payments for work already done")
    running_agreements: Running
    wind_down_until: date | None
    continuity_contact: str | None


class ScopeOut(Schema):
    """Where the measure holds; `all`: in every country and for every modality."""

    all: bool
    countries: list[str]
    modalities: list[str]


class ConditionOut(Schema):
    """A condition and how far it is."""

    id: UUID
    position: int
    condition: str
    due_on: date | None
    state: ConditionState
    verified_on: date | None
    version: int


class RecognitionOut(Schema):
    """What another agency decided about the measure."""

    id: UUID
    agency: str = Field(examples=["WFP"])
    decision: Literal["recognise", "not_recognise"]
    reason: str | None
    redacted: bool = Field(False, description="the reason is hidden, or destroyed")
    policy: str | None
    decided_at: Instant


class AffiliateOut(Schema):
    """The measure that this one was extended from."""

    entry_id: UUID
    relation: Relation


class IndividualOut(Schema):
    """A person whom a measure names."""

    names: list[str]
    birth_date: str | None = None
    nationalities: list[str] = Field([])


class CrossDebarmentOut(Schema):
    """Whether an agreement between institutions would enforce it, and why not."""

    agreement: str = Field(examples=["MDB-2010"])
    satisfied: bool
    unmet: list[str] = Field(
        description="conditions that are not met: NOT_A_DEBARMENT, PRACTICE, PERIOD, PUBLIC, "
        "TOO_LATE, NOT_ORIGINAL",
        examples=[["PUBLIC", "TOO_LATE"]],
    )
    unknown: list[str] = Field(
        description="those of them that count as not met because what they ask is not known",
        examples=[["TOO_LATE"]],
    )


class EntryOut(Schema):
    """A measure on the shared list."""

    entry_id: UUID
    seq: int | None = Field(description="number in the feed; null for up to two seconds")
    version: int
    partner_id: UUID | None = Field(description="null for a person")
    individual: IndividualOut | None = None
    affiliate_of: AffiliateOut | None = None
    imposing_agency: str = Field(examples=["UNDP"])
    regime: Regime
    measure: str = Field(examples=["DEBARMENT_FIXED"])
    blocking: bool
    effect: Effect
    scope: ScopeOut
    level: Level
    practices: list[str]
    decided_on: date
    effective_from: date
    effective_to: date | None
    release_not_before: date | None = None
    conditions: list[ConditionOut] = Field([])
    status: EntryStatus = Field(description="on the day that was asked for, else today")
    next_transition_at: Instant | None = Field(
        None, description="when that changes without anyone's act"
    )
    ended_on: date | None = None
    supersedes: UUID | None = None
    superseded_by: UUID | None = None
    procedure: Literal["full", "recorded"]
    certificate: str | None = None
    legal_reference: str | None = None
    contact_office: str | None = None
    last_reviewed: date | None = None
    recognitions: list[RecognitionOut] = Field([])
    cross_debarment: list[CrossDebarmentOut] = Field(
        [], description="by the conditions of each agreement; it informs and binds nobody"
    )
    recorded_from: Instant = Field(description="since when the registry knows it so")
    contested: ContestedOut | None = Field(
        description="the partner's objection to it; not in the feed, whose entries are signed"
    )
    owner_withdrawn: bool = Field(
        False, description="the imposing agency has left the registry; the measure stays"
    )
    custodian: str | None = Field(
        None, description="agency or office that answers for it then", examples=["UNICEF"]
    )


class InterimOut(Schema):
    """RESTRICTED measures in force on a partner."""

    items: list[EntryOut]


class FormerOut(Schema):
    """What was known of a measure, and from when to when."""

    version: int
    recorded_from: Instant
    recorded_to: Instant | None = Field(description="null for what is known now")
    status_then: EntryStatus = Field(description="on the day it was recorded")
    terms: dict[str, Any]


class EntryTimes(Schema):
    """The two times of a reading."""

    on: Day | None = Field(None, description="valid on this day; default today")
    as_of: Instant | None = Field(None, description="as the registry knew it at this instant")


class EntryFilter(PageQuery):
    """Filters of the list of measures."""

    partner_id: UUID | None = None
    status: EntryStatus | None = None
    regime: Regime | None = None
    country: Country | None = Field(None, description="of the partner", examples=["KE"])
    on: Day | None = Field(
        None, description="those in force on this day, or of the status they had on it"
    )
    as_of: Instant | None = Field(None, description="as the registry knew it at this instant")
