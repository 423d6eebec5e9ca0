"""Wire shapes of transfer restrictions."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from app.core.codelists import Coded
from app.core.paging import PageQuery
from app.core.schemas import Code, Country, Day, Instant, Line, Paragraph, Schema

Status = Literal["PROPOSED", "PENDING", "ACTIVE", "EXPIRED", "LIFTED", "REFUSED", "WITHDRAWN"]


def _each_once(value: list[str]) -> list[str]:
    return sorted(set(value))


Modalities = Annotated[
    list[Annotated[str, Coded("cash_transfer_modalities")]],
    Field(max_length=20),
    AfterValidator(_each_once),
]


class RestrictionIn(Schema):
    """That ways of paying a public authority are held back in a country, and for how long."""

    partner_id: UUID
    country: Country | None = Field(
        None, description="where it holds; default: the country of the profile", examples=["KEN"]
    )
    suspended: Modalities = Field(min_length=1, examples=[["direct_cash_transfer"]])
    allowed: Modalities = Field(
        default=[], description="what is left expressly", examples=[["direct_payment"]]
    )
    reason: Annotated[str, Coded("transfer_restriction_reasons")]
    statement: Paragraph = Field(
        description="in the agency's words; RESTRICTED and sealed",
        examples=["Direct payment only until the advances of 2025 are accounted for."],
    )
    contact_office: Line | None = Field(None, examples=["Finance unit, Nairobi"])
    starts_on: Day | None = Field(None, description="default: today", examples=["2026-12-01"])
    ends_on: Day | None = Field(
        None,
        description="last day; with it the restriction ends by itself. Without one, or for longer "
        "than `single_person_days` of the rules, a second person decides",
        examples=["2027-02-15"],
    )
    review_by: Day | None = Field(
        None, description="default, and at the latest: in six months", examples=["2027-03-01"]
    )

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if set(self.suspended) & set(self.allowed):
            raise ValueError("what is suspended is not allowed")
        return self


class RestrictionReviewIn(Schema):
    """A person of the owner looked at it, and it stays in force."""

    review_by: Day | None = Field(
        None, description="default, and at the latest: in six months", examples=["2027-03-01"]
    )


class RestrictionDecisionIn(Schema):
    """What a second person decides about a proposed restriction."""

    decision: Literal["approve", "refuse"]


class RestrictionOut(Schema):
    """A transfer restriction without its statement. It is no sanction, and on no list."""

    id: UUID
    partner_id: UUID = Field(description="profile it was set on")
    exercises_public_functions: bool = Field(
        description="the profile bears this tag instead of a government's type; it says what the "
        "body does and implies no recognition"
    )
    owner_agency: str = Field(examples=["UNICEF"])
    country: str = Field(examples=["KEN"])
    suspended: list[str] = Field(examples=[["direct_cash_transfer"]])
    allowed: list[str] = Field(examples=[["direct_payment"]])
    reason: str = Field(examples=["LIQUIDATION_OVERDUE"])
    contact_office: str | None
    starts_on: date
    ends_on: date | None
    status: Status = Field(
        description="as of today; only the owner sees more than what is in force"
    )
    review_by: date
    review_overdue: bool = Field(description="it stays in force")
    redacted: bool = Field(description="the statement is hidden or destroyed")
    set_at: Instant
    decided_at: Instant | None
    reviewed_at: Instant | None
    lifted_on: date | None
    version: int


class RestrictionDetailOut(RestrictionOut):
    """A transfer restriction with its statement."""

    statement: str


class RestrictionFilter(PageQuery):
    """Filters of the list."""

    partner_id: UUID | None = None
    country: Country | None = None
    owner_agency: Code | None = Field(None, examples=["UNICEF"])
    mine: Literal["true"] | None = Field(
        None, description="the own agency's only, ended ones included; needs no Access-Purpose"
    )
    status: Literal["PROPOSED", "PENDING", "ACTIVE", "EXPIRED", "LIFTED"] | None = None
    review_overdue: Literal["true"] | None = None


class RestrictionDisclosureOut(Schema):
    """One reading of a restriction by another agency or the own one."""

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
