"""Wire shapes of fraud cases: no field takes a narrative."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from app.audit.purposes import AccessPurpose
from app.core.codelists import Coded
from app.core.paging import PageQuery
from app.core.schemas import Country, Day, Instant, Money, Schema, Text

AgencyCode = Annotated[str, Field(strict=True, pattern=r"^[A-Z][A-Z0-9_]{1,15}$", examples=["WFP"])]
CaseType = Literal[
    "fraud", "corruption", "theft_or_diversion", "sea", "terrorism_financing", "other_misconduct"
]
Stage = Literal["presumptive", "under_investigation", "substantiated", "unsubstantiated", "closed"]
Outcome = Literal["substantiated", "unsubstantiated"]
Referral = Literal["none", "under_legal_review", "referred", "accepted", "declined", "concluded"]
Recovery = Literal[
    "none",
    "demand_letter",
    "repayment_plan",
    "set_off",
    "civil_action",
    "criminal_restitution",
    "closed",
]
ActKind = Literal["substantiate", "write_off"]
Reference = Annotated[
    Text,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./:-]{0,39}$"),
    Field(description="number of a file; no spaces, so no story", examples=["OIAI/2026/114"]),
]


def _positive(value: Decimal) -> Decimal:
    if value <= 0:
        raise ValueError("must be more than nothing")
    return value


Positive = Annotated[Money, AfterValidator(_positive)]


class FraudCaseIn(Schema):
    """A case of the own oversight office, by its own number. Nothing of what happened is taken."""

    partner_id: UUID
    reference: Reference
    case_type: CaseType = Field(examples=["fraud"])
    stage: Literal["presumptive", "under_investigation"] = "presumptive"
    loss_usd: Money = Field(Decimal(0), description="as presumed", examples=["48000.00"])


class FraudCasePatch(Schema):
    """JSON Merge Patch of what is known; `null` takes a link away."""

    loss_usd: Money | None = Field(None, examples=["52000.00"])
    asset_recovery: Recovery | None = Field(None, examples=["demand_letter"])
    sanction_case_id: UUID | None = Field(None, description="own sanction case on this partner")
    entry_id: UUID | None = Field(None, description="own measure on this partner")


class StageIn(Schema):
    """Where the case stands now. That it is substantiated is an act of two persons."""

    stage: Literal["under_investigation", "unsubstantiated", "closed"] = Field(
        examples=["under_investigation"]
    )


class ReferralIn(Schema):
    """What became of a referral to national authorities, through the legal office; status only."""

    state: Literal["under_legal_review", "referred", "accepted", "declined", "concluded"] = Field(
        examples=["referred"]
    )
    referred_on: Day | None = Field(None, description="with `referred`", examples=["2026-10-12"])
    authority_kind: Annotated[str, Coded("referral_authorities")] | None = Field(
        None, description="with `referred`", examples=["PROSECUTOR"]
    )
    authority_country: Country | None = Field(None, description="with `referred`", examples=["KEN"])

    @model_validator(mode="after")
    def _whole(self) -> Self:
        said = (self.referred_on, self.authority_kind, self.authority_country)
        if any((one is not None) != (self.state == "referred") for one in said):
            raise ValueError("day, kind and country of the authority go with `referred`")
        return self


class RecoveryIn(Schema):
    """Money that came back; or the reversal of an amount that was recorded by mistake."""

    amount_usd: Positive | None = Field(None, examples=["12000.00"])
    reverses: UUID | None = Field(None, description="id of the wrong amount")
    booked_on: Day = Field(examples=["2026-11-03"])
    reference: Reference

    @model_validator(mode="after")
    def _either(self) -> Self:
        if (self.amount_usd is None) == (self.reverses is None):
            raise ValueError("give amount_usd or reverses")
        return self


class ActIn(Schema):
    """What a second person has to decide."""

    kind: ActKind = Field(examples=["substantiate"])
    amount_usd: Positive | None = Field(None, description="of a write-off")
    reference: Reference

    @model_validator(mode="after")
    def _amount(self) -> Self:
        if (self.kind == "write_off") != (self.amount_usd is not None):
            raise ValueError("amount_usd goes with `write_off`, and with nothing else")
        return self


class ActDecisionIn(Schema):
    """What the second person decides."""

    decision: Literal["approve", "reject"]


class FraudShareIn(Schema):
    """To which agency the oversight office opens the case, for what, until when."""

    shared_with: AgencyCode
    purpose: AccessPurpose = Field(examples=["INVESTIGATION"])
    valid_until: Instant = Field(
        description="two years at the latest", examples=["2027-06-30T23:59:59Z"]
    )


class FraudShareOut(Schema):
    """A share of a fraud case."""

    id: UUID
    fraud_case_id: UUID
    owner_agency: str = Field(examples=["UNICEF"])
    shared_with: str = Field(examples=["WFP"])
    purpose: str
    valid_from: Instant
    valid_until: Instant | None


class _Amounts(Schema):
    loss_usd: Money
    recovered_usd: Money
    written_off_usd: Money
    outstanding_usd: Money


class FraudCaseOut(_Amounts):
    """A fraud case as its owner sees it."""

    id: UUID
    partner_id: UUID
    owner_agency: str = Field(examples=["UNICEF"])
    reference: str = Field(examples=["OIAI/2026/114"])
    case_type: CaseType
    stage: Stage
    outcome: Outcome | None
    outcome_on: date | None
    closed_on: date | None
    national_referral: Referral
    referred_on: date | None
    authority_kind: str | None
    authority_country: str | None
    asset_recovery: Recovery
    sanction_case_id: UUID | None
    entry_id: UUID | None
    published_at: Instant | None
    opened_at: Instant
    version: int


class FraudActOut(Schema):
    """An act of two persons."""

    id: UUID
    fraud_case_id: UUID
    kind: ActKind
    amount_usd: Money | None
    reference: str
    state: Literal["proposed", "approved", "rejected"]
    proposed_by: UUID = Field(description="person")
    proposed_at: Instant
    decided_by: UUID | None
    decided_at: Instant | None
    version: int


class FraudAmountOut(Schema):
    """Money that came back or was given up."""

    id: UUID
    kind: Literal["recovered", "written_off"]
    amount_usd: Annotated[Decimal, Field(description="below nothing for a reversal")]
    booked_on: date
    reference: str
    act_id: UUID | None
    reverses: UUID | None
    recorded_at: Instant


class FraudHistoryOut(Schema):
    """What the case was known to be at one version."""

    version: int
    stage: Stage
    loss_usd: Money
    recovered_usd: Money
    written_off_usd: Money
    national_referral: Referral
    asset_recovery: Recovery
    sanction_case_id: UUID | None
    entry_id: UUID | None
    published: bool
    changed_by: UUID = Field(description="person")
    at: Instant


class FraudCaseDetailOut(FraudCaseOut):
    """A case with all that belongs to it. To an agency it is shared with, without acts, amounts,
    history and the own sanction case."""

    acts: list[FraudActOut]
    amounts: list[FraudAmountOut]
    history: list[FraudHistoryOut]


class FraudSummaryOut(_Amounts):
    """What every agency may know of a case that its owner has published."""

    id: UUID
    partner_id: UUID
    owner_agency: str = Field(examples=["UNICEF"])
    case_type: CaseType
    stage: Literal["substantiated", "closed"]
    substantiated_on: date
    closed_on: date | None
    national_referral: Referral
    asset_recovery: Recovery
    entry_id: UUID | None
    published_at: Instant


class FraudCaseFilter(PageQuery):
    """Filters of the own agency's cases."""

    partner_id: UUID | None = None
    stage: Stage | None = None
    case_type: CaseType | None = None


class FraudSummaryFilter(PageQuery):
    """Filters of published cases."""

    partner_id: UUID | None = None
    owner_agency: AgencyCode | None = None


class FraudDisclosureOut(Schema):
    """One reading of a fraud case."""

    id: UUID
    agency: str = Field(examples=["WFP"])
    office: str | None
    role: str | None
    person: str | None = Field(description="for oversight roles only")
    purpose: str | None
    reference: str | None
    basis: str | None
    version: int | None
    at: Instant
