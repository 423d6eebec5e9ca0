"""Wire shapes of recognition policies."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from app.core.paging import PageQuery
from app.core.schemas import Day, Instant, Line, Schema
from app.recognition.requirements import ALL
from app.recognition.rules import AgencyCode, Outcome


def _known(code: str) -> str:
    if code not in ALL:
        raise ValueError("is no requirement that policies speak of")
    return code


Requirement = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^[A-Z_]{1,40}$",
        examples=["PSEA"],
        json_schema_extra={"enum": [*ALL]},
    ),
    AfterValidator(_known),
]
Rules = Annotated[
    list[dict[str, Any]],
    Field(
        min_length=1,
        max_length=20,
        description="the first that is made for the work and the assessment decides; shapes: "
        "`GET /v1/recognition-policies/requirements`",
        examples=[
            [
                {
                    "applies_when": {"contact_with_beneficiaries": True},
                    "accept_from": ["ANY_UN"],
                    "methodologies": ["UN-PSEA-2020"],
                    "max_age_months": 60,
                    "must_be_unexpired": True,
                    "max_risk": "MODERATE",
                    "accept_reported": False,
                    "gap": {"regular": "REFER", "emergency": "REFER"},
                    "emergency_waiver": {"months": 6, "approval": "PSEA_FOCAL_POINT"},
                }
            ]
        ],
    ),
]


class RulesIn(Schema):
    """Rules of one requirement."""

    requirement: Requirement
    rules: Rules


class PolicyIn(RulesIn):
    """A new version of the own agency's policy for one requirement."""

    effective_from: Day = Field(examples=["2027-01-01"])
    effective_to: Day | None = None
    source: Line = Field(description="the agency's own document", examples=["IPM/2026/14, 4.2"])
    note: Line | None = Field(None, description="what changes, and why")

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.effective_to is not None and self.effective_to < self.effective_from:
            raise ValueError("effective_to must not lie before effective_from")
        return self


class PolicyDecisionIn(Schema):
    """What the second person says."""

    decision: Literal["approve", "refuse"]
    reason: Line | None = Field(None, description="needed where it is refused")

    @model_validator(mode="after")
    def _why(self) -> Self:
        if self.decision == "refuse" and self.reason is None:
            raise ValueError("a refusal has a reason")
        return self


State = Literal["proposed", "approved", "refused", "withdrawn"]


class PolicyOut(Schema):
    """A version of an agency's policy. What is in force is for all agencies; a proposal, and who
    proposed and decided, is for its own.
    """

    id: UUID
    agency: str = Field(examples=["WFP"])
    requirement: str = Field(examples=["PSEA"])
    version: int
    state: State
    rules: list[dict[str, Any]]
    source: str
    note: str | None
    effective_from: date
    effective_to: date | None
    proposed_by: UUID | None
    decided_by: UUID | None
    decided_at: Instant | None
    reason: str | None


class PolicyFilter(PageQuery):
    """Filters of the policy list."""

    agency: AgencyCode | None = None
    requirement: Requirement | None = None
    state: State | None = None
    in_force_on: Day | None = Field(None, description="those that hold on this day")


class RequirementOut(Schema):
    """A requirement that policies speak of, and the shape of its rules."""

    code: str
    title: str
    needed: bool = Field(description="without a policy in force every answer is REFER")
    one_rule: bool
    rule_schema: dict[str, Any]


class GroupOut(Schema):
    """Agencies that a rule may name at once; ``members`` null: every agency of the registry."""

    code: str
    title: str
    members: list[str] | None
    source: str
    effective_from: date
    confirmed: bool
    note: str | None


class CatalogueOut(Schema):
    """What policies may say."""

    requirements: list[RequirementOut]
    groups: list[GroupOut]
    groups_version: str


class CheckOut(Schema):
    """That the rules are ones the registry can go by, as it reads them."""

    requirement: str
    rules: list[dict[str, Any]]


class ComparisonFilter(Schema):
    """Two agencies, and the day."""

    left: AgencyCode = Field(examples=["UNICEF"])
    right: AgencyCode = Field(examples=["WFP"])
    requirement: Requirement | None = None
    on: Day | None = Field(None, description="default: today")


class Difference(Schema):
    """One place where the two differ, as a JSON Pointer into the rules."""

    pointer: str = Field(examples=["/0/max_age_months"])
    left: Any
    right: Any


class ComparedRequirement(Schema):
    """One requirement of both."""

    requirement: str
    left_version: int | None
    right_version: int | None
    same: bool
    differences: list[Difference]


class ComparisonOut(Schema):
    """Where the policies of two agencies differ on a day."""

    left: str
    right: str
    on: date
    items: list[ComparedRequirement]


class DryRunIn(RulesIn):
    """Rules to try on clearances that were given."""

    since: Day | None = Field(None, description="default: ninety days ago")
    limit: int = Field(100, ge=1, le=200, strict=True)


class DryRunLine(Schema):
    """A clearance that these rules would have answered otherwise."""

    clearance_id: UUID
    evaluated_at: Instant
    outcome_given: Outcome
    outcome_before: Outcome = Field(description="by the policies in force, with the facts of now")
    outcome_after: Outcome
    reasons_added: list[str]
    reasons_removed: list[str]


class DryRunOut(Schema):
    """What would change. The clearances are asked again with the facts of now, once by the
    policies in force and once by the rules to try, so that what differs is the rules' doing."""

    examined: int
    changed: int
    skipped: int = Field(description="their partner is not to be seen any more, or was never known")
    outcomes: dict[str, int] = Field(description="of all that were examined, by the rules to try")
    items: list[DryRunLine]
