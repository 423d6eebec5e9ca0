"""Wire shapes of policies, scales and clearances."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from app.audit.purposes import AccessPurpose
from app.core.clock import add_months
from app.core.paging import PageQuery
from app.core.schemas import Country, Day, Flag, Instant, Line, Money, Schema
from app.partners.identifiers.schemas import IdentifierRef
from app.partners.matching.schemas import CandidateBrief
from app.recognition.rules import Outcome
from app.sanctions.screening.schemas import LineError, LineId, OwnListOut

_MOST_YEARS = 10


class PartnerRef(Schema):
    """Which partner: exactly one of id, identifier, or name and country."""

    id: UUID | None = None
    identifier: IdentifierRef | None = None
    name: Line | None = Field(None, examples=["Amani Relief Trust"])
    country: Country | None = Field(None, description="with `name`: where the partner is at home")

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [self.id is not None, self.identifier is not None, self.name is not None]
        if sum(given) != 1:
            raise ValueError("give exactly one of id, identifier, or name with country")
        if (self.name is not None) != (self.country is not None):
            raise ValueError("country goes with name")
        return self


class Period(Schema):
    """From and to, both included."""

    from_: Day = Field(alias="from", examples=["2026-07-01"])
    to: Day = Field(examples=["2027-06-30"])

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.to < self.from_:
            raise ValueError("to must not lie before from")
        if self.to > add_months(self.from_, 12 * _MOST_YEARS):
            # Thresholds are of a year: a large amount over a long time would pass below them.
            raise ValueError(f"to must lie within {_MOST_YEARS} years of from")
        return self


def _positive(value: Decimal) -> Decimal:
    if value <= 0:
        raise ValueError("must be more than zero")
    return value


class CashIn(Schema):
    """What went to the partner already, beside the amount asked about, as far as the caller knows:
    policies have thresholds of a year or a programme cycle, of the own or of all agencies."""

    own_year: Money | None = Field(None, examples=["40000.00"])
    own_cycle: Money | None = None
    all_year: Money | None = None
    all_cycle: Money | None = None


class ClearanceIn(Schema):
    """What is about to be signed, and with whom."""

    partner: PartnerRef
    country: Country = Field(description="country of the work", examples=["KEN"])
    amount_usd: Annotated[Money, AfterValidator(_positive)] | None = Field(
        None, examples=["250000.00"]
    )
    period: Period | None = Field(None, description="default: from today for twelve months")
    purpose: AccessPurpose
    context: Literal["regular", "emergency"] = "regular"
    modality: Line | None = Field(
        None,
        description="a code of `cash_transfer_modalities`; another word is as if none were said",
        examples=["direct_cash_transfer"],
    )
    sector: Line | None = Field(None, examples=["HEA"])
    contact_with_beneficiaries: Flag | None = None
    cash: CashIn | None = None


class ClearanceLine(ClearanceIn):
    """What is about to be signed, in a stream, by the sender's own id."""

    id: LineId


class Reason(Schema):
    """Why: a stable code, who says so, and what there is to know."""

    code: str = Field(examples=["SANCTIONED_OTHER_AGENCY"])
    source: str = Field(examples=["UNDP"])
    detail: dict[str, Any]


class MatchBlock(Schema):
    """Which profile was meant, and how it was found.

    Of a profile that is protected from the caller only `by`, `score` and `contact_registry`.
    """

    partner_id: UUID | None
    registry_number: str | None
    legal_name: str | None
    partner_version: int | None
    by: Literal["id", "identifier", "name"]
    score: float
    contact_registry: bool = Field(
        False, description="the profile is protected; the registry answers for it in person"
    )


class RecognitionLine(Schema):
    """One requirement: by whose assessment it is satisfied, under which policy and rule."""

    requirement: str = Field(examples=["PSEA"])
    satisfied: bool
    by: Literal["own", "recognised"] | None
    from_agency: str | None
    assessment_id: UUID | None
    policy_id: UUID
    policy_version: int
    rule: int | None
    reason: str = Field(examples=["ACCEPTED"])
    tier: Literal["light", "standard"] | None = Field(
        None, description="`light`: the rule is one for small partners"
    )
    complete_by: date | None = Field(
        None, description="waived in an emergency: to be completed by this day"
    )


class ListBlock(Schema):
    """Which list was used, and the oldest check of the sources it needs."""

    version: int
    algorithm: str | None = Field(
        None, description="how names were compared; null for clearances older than this field"
    )
    statistics_version: str | None = Field(
        None, description="word statistics that the scores rest on"
    )
    checked_at: Instant | None
    stale_sources: list[str]
    own_lists: list[OwnListOut] = Field(
        [],
        description="lists that the calling agency switched on for itself, which counted, too; one "
        "that is stale is a note",
    )


class NotRecorded(Schema):
    """A block the registry does not hold yet; no rule reads it."""

    status: Literal["not_recorded"] = "not_recorded"


class FlagNumbers(Schema):
    """Flags that stand, by kind."""

    observations: int
    yellow: int
    escalated: int
    red: int


class FlagBlock(FlagNumbers):
    """Flags on the partner and, apart, on its headquarters; of all of them the caller's own."""

    mine: int
    red_mine: int
    inherited: FlagNumbers


class VerificationBlock(Schema):
    """The verification in force at this moment."""

    status: Literal["pending_verification", "verified", "unverified"]
    on: date | None
    until: date | None
    by: str | None = Field(description="agency", examples=["UNICEF"])


class NextStep(Schema):
    """Something to do before or after signing.

    `gap`: what is lacking; `approval`: who has to approve; `ask`: whom to consult; `assurance`: the
    least that the agency's assurance policy asks for at this amount and risk, a year; `modality`:
    advice; `terms`: the agency's own.
    """

    kind: Literal["gap", "approval", "ask", "assurance", "modality", "terms"]
    requirement: str | None
    detail: dict[str, Any]


class LastOpinion(Schema):
    """The newest audit opinion; never made a rating."""

    opinion: str = Field(examples=["UNQUALIFIED"])
    year: int
    agency: str


class OpenFindings(Schema):
    """Open findings of high priority of one agency."""

    agency: str
    count: int
    oldest: date


class PendingAmounts(Schema):
    """Unsupported amounts of one agency that are pending, as a band."""

    agency: str
    band: str


class AssuranceBlock(Schema):
    """What agencies let be known of audits and their findings."""

    last_opinion: LastOpinion | None
    open_high_findings: list[OpenFindings]
    pending_unsupported: list[PendingAmounts]


class LegalBlock(Schema):
    """What kind of legal person it is. Why there may be no registration is not said here."""

    partner_type: str
    country: str
    registration: Literal["valid", "expired", "missing"] | None = None


class ClearanceOut(Schema):
    """One complete answer. To people CLEAR reads "no adverse information found" and REFER
    "consult before signing": it informs, the agency decides."""

    clearance_id: UUID
    outcome: Outcome
    reasons: list[Reason]
    match: MatchBlock | None
    candidates: list[CandidateBrief] = Field(description="other profiles the name may mean")
    contact_registry: bool = Field(
        False,
        description="a protected profile is meant, or fits the name: ask the registry in person",
    )
    legal: LegalBlock | None
    verification: VerificationBlock | NotRecorded
    restrictions: list[dict[str, Any]] = Field(description="measures in force on the partner")
    potential_matches: list[dict[str, Any]] = Field(
        description="to be looked at by a person; `decision` where one was, which the agency made, "
        "accepted, or accepts by its setting; of people of the partner no name and no entry"
    )
    flags: FlagBlock | NotRecorded
    assessments: list[dict[str, Any]] = Field(description="final summaries the caller may see")
    assurance: AssuranceBlock | NotRecorded = NotRecorded()
    recognition: list[RecognitionLine]
    required_next: list[NextStep] = Field([], description="empty in answers older than this")
    exposure: NotRecorded
    list_: ListBlock = Field(alias="list")
    evaluated_at: Instant
    expires_at: Instant
    status: Literal["open"]
    notice: str


class ClearanceLineResult(Schema):
    """What became of a line: its clearance, or an error. ``id`` is null where none was readable."""

    line: int
    id: str | None
    clearance: ClearanceOut | None = None
    error: LineError | None = None


class ClearanceSummary(Schema):
    """A clearance in a list."""

    clearance_id: UUID
    partner_id: UUID | None
    outcome: Outcome
    reasons: list[str]
    purpose: str
    evaluated_at: Instant
    expires_at: Instant


class ClearanceFilter(PageQuery):
    """Filters of the list of own clearances."""

    partner_id: UUID | None = None
    outcome: Outcome | None = None
