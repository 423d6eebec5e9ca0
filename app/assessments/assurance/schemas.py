"""Wire shapes of assurance plans, the calendar, requirements and coverage."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, Strict, WithJsonSchema, model_validator

from app.assessments.assurance.policies import FIRST_YEAR, LAST_YEAR, REASONS, RiskRow
from app.assessments.types.base import AgencyCode
from app.core.paging import PageQuery
from app.core.schemas import Country, Day, Instant, Money, Paragraph, QueryInt, Schema

ActivityType = Literal["programmatic_visit", "spot_check", "audit", "special_audit", "hact_micro"]
Basis = Literal["required", "additional", "follow_up"]
PlanStatus = Literal["draft", "submitted", "approved", "superseded"]
ActivityStatus = Literal["planned", "postponed", "done", "cancelled"]
CoverageStatus = Literal["complete", "void", "partial"]
QueryYear = Annotated[QueryInt, Field(ge=FIRST_YEAR, le=LAST_YEAR, examples=[2026])]
Year = Annotated[int, Strict(), Field(ge=FIRST_YEAR, le=LAST_YEAR, examples=[2026])]
Quarter = Annotated[int, Strict(), Field(ge=1, le=4, examples=[2])]
Revision = Annotated[QueryInt, Field(ge=1, le=999, description="default: the newest one")]
_BASIS = "`required` by the policy, `additional`, or a `follow_up` of an earlier one"
_OWN = "; null to other agencies"


def _reason(code: str) -> str:
    if code not in REASONS.reasons:
        raise ValueError("is not the code of a reason")
    return code


ReasonCode = Annotated[
    str,
    Strict(),
    AfterValidator(_reason),
    WithJsonSchema({"type": "string", "enum": sorted(REASONS.reasons)}),
]


class Source(Schema):
    """Where a rule is written. ``confirmed`` false: remembered, not read in the agency's source."""

    policy: str = Field(description="agency code, or `default`", examples=["UNICEF"])
    version: str = Field(examples=["2026.1"])
    section: str = Field(examples=["programmatic_visits"])
    source: str = Field(examples=["UNICEF eTools code, HACT minimum requirements"])
    confirmed: bool
    note: str | None


class PolicyOut(Schema):
    """The agency's policy of the year: the version in force on its first of January."""

    agency: str = Field(description="agency code, or `default`", examples=["UNICEF"])
    title: str
    version: str = Field(examples=["2026.1"])
    effective_from: date
    effective_to: date | None
    dates_confirmed: bool


class RatingOut(Schema):
    """A rating that counts, whoever filed it."""

    assessment_id: UUID
    type: str = Field(examples=["psea"])
    agency: str = Field(examples=["WFP"])
    conducted_on: date
    valid_until: date
    scheme: str
    value: str = Field(examples=["MEDIUM_CAPACITY"])
    level: str | None
    rating_source: str
    inherited_from: UUID | None = Field(
        None, description="the headquarters that it is about; null: the partner itself"
    )


class RiskRatingOut(RatingOut):
    """A rating with the row of the table that it leads to."""

    row: RiskRow


class RiskOut(Schema):
    """The row of the table: the highest of the known risks of money (HACT) and SEA."""

    row: RiskRow | None = Field(description="null: not known, and no rule says what it counts as")
    basis: Literal[
        "highest_known", "unknown", "unknown_above_threshold", "not_assessed_above_threshold"
    ]
    assumed: bool = Field(description="not known, and treated as this row by the rule")
    hact: RiskRatingOut | None
    sea: RiskRatingOut | None
    unknown: list[Literal["hact", "sea"]] = Field(description="risks of which no valid rating is")
    rule: Source


class HeadquartersOut(Schema):
    """Whether a result of the headquarters counts for its country profile, and why."""

    partner_id: UUID = Field(description="the headquarters")
    counts: bool
    reason: Literal[
        "inherited", "own_result", "no_valid_result", "excepted", "partner_type_not_covered"
    ]
    types: list[str] = Field(description="whose results may count", examples=[["psea"]])
    unless: list[str] = Field(
        description="where one of these holds it does not count: ask again with "
        "`without_headquarters`; the registry does not know",
        examples=[["DECENTRALISED", "HIGH_RISK_CONTEXT"]],
    )
    rule: Source


class MicroOut(Schema):
    """Whether the partner needs a micro-assessment."""

    needed: bool | None = Field(description="null while the cash is not given")
    reason: Literal[
        "exempt_partner_type",
        "valid_one_exists",
        "cash_not_given",
        "above_threshold",
        "not_above_threshold",
    ]
    approaching: bool = Field(description="not needed yet, and near the threshold")
    threshold_usd: Money
    approaching_usd: Money | None
    basis: Literal["per_year", "per_cycle"]
    aggregate: Literal["own", "all_agencies"] = Field(description="whose cash must be given")
    valid: RatingOut | None
    rule: Source


class BandOut(Schema):
    """Visits for more cash than ``above`` and not more than ``up_to``."""

    above: Money | None
    up_to: Money | None
    low: int
    moderate: int
    high: int


class BandBounds(Schema):
    """A band without its rows."""

    above: Money | None
    up_to: Money | None


class VisitsOut(Schema):
    """Programmatic visits of the year, at least."""

    minimum: int | None = Field(description="null while it cannot be told")
    band: BandBounds | None
    row: RiskRow | None
    bands: list[BandOut]
    rule: Source


class SpotChecksOut(Schema):
    """Spot checks of the year, at least; ``required`` has the follow-ups of the plan, too."""

    minimum: int | None
    reason: Literal[
        "exempt_partner_type",
        "low_risk_assumed",
        "audit_scheduled",
        "liquidations_not_given",
        "above_threshold",
        "not_above_threshold",
    ]
    follow_ups: int
    required: int | None
    liquidations_above_usd: Money
    rule: Source


class AuditsOut(Schema):
    """Audits of the year, at least."""

    minimum: int | None
    reason: Literal[
        "exempt_partner_type",
        "cash_not_given",
        "not_above_threshold",
        "planned",
        "audited_in_cycle",
        "above_threshold",
    ]
    planned: int = Field(description="audits and special audits of the approved plan")
    in_cycle_before: int = Field(description="the agency's audits since `cycle_start`")
    threshold_usd: Money
    per: Literal["cycle", "year"]
    cycle_cash_unknown: bool = Field(
        description="the cash of the year stands for that of the cycle, which may be more"
    )
    rule: Source


class RequirementsQuery(Schema):
    """For whom, when, and what was paid; without cash the answer has the table alone."""

    agency: AgencyCode | None = Field(None, description="default: the calling agency")
    year: QueryYear | None = Field(None, description="default: this year")
    cash_usd: Money | None = Field(None, description="net cash transferred in the year")
    liquidations_usd: Money | None = Field(None, description="liquidations reported in the year")
    cycle_start: Day | None = Field(None, description="first day of the programme cycle")
    cycle_cash_usd: Money | None = Field(
        None, description="net cash of the cycle to the end of the year; default: the year's"
    )
    without_headquarters: Literal["true"] | None = Field(
        None,
        description="a result of the headquarters does not count: one of the exceptions "
        "(`headquarters.unless`) holds",
    )


class RequirementsOut(Schema):
    """Assurance that a partner needs of an agency in a year, rule by rule."""

    partner_id: UUID
    agency: str = Field(examples=["UNICEF"])
    year: int
    as_of: date = Field(description="ratings valid on this day count")
    cycle_start: date | None
    cash_usd: Money | None
    cycle_cash_usd: Money | None
    liquidations_usd: Money | None
    missing: list[Literal["cash_usd", "liquidations_usd"]]
    exempt: bool = Field(description="the partner type needs nothing")
    exempt_rule: Source | None
    policy: PolicyOut
    risk: RiskOut
    headquarters: HeadquartersOut | None = Field(None, description="null: it has none")
    micro_assessment: MicroOut
    programmatic_visits: VisitsOut
    spot_checks: SpotChecksOut
    audits: AuditsOut


class CountOut(Schema):
    """One kind of activity."""

    required: int | None = Field(description="null while it cannot be told")
    planned: int
    done: int
    done_by: list[UUID] = Field(description="the assessments that were counted")


class CoverageOut(Schema):
    """Required, planned and done of a partner and year."""

    partner_id: UUID
    agency: str
    year: int
    required_by: Literal["policy", "plan"]
    status: CoverageStatus | None = Field(
        description="asked in this order: complete, void, partial; null while not all is known"
    )
    programmatic_visits: CountOut
    spot_checks: CountOut
    audits: CountOut


class PartnerCoverageOut(CoverageOut):
    """Coverage by the policy, with what it was computed from."""

    missing: list[Literal["cash_usd", "liquidations_usd"]]
    requirements: RequirementsOut


# ------------------------------------------------------------------------------------- plans


class PlanIn(Schema):
    """A new plan: a draft of the calling agency."""

    country: Country = Field(examples=["KEN"])
    year: Year


class PlanOut(Schema):
    """A revision of a plan."""

    id: UUID
    revision: int
    agency: str = Field(examples=["UNICEF"])
    country: str = Field(examples=["KEN"])
    year: int
    status: PlanStatus
    version: int
    created_at: Instant
    submitted_at: Instant | None
    submitted_by: UUID | None = Field(description="person" + _OWN)
    approved_at: Instant | None
    approved_by: UUID | None = Field(description="person" + _OWN)
    returned_at: Instant | None = Field(
        None, description="when this revision was last sent back, `…/returns` says why" + _OWN
    )


class PlanFilter(PageQuery):
    """Filters of the list of plans."""

    agency: AgencyCode | None = None
    country: Country | None = None
    year: QueryYear | None = None
    status: Literal["draft", "submitted", "approved"] | None = None


class PlanDecisionIn(Schema):
    """What the second person decides."""

    decision: Literal["approve", "return"] = Field(examples=["return"])
    reason: Paragraph | None = Field(
        None,
        description="why it is sent back, for its agency alone: required then, and only then",
        examples=["The visits to the two new partners are missing."],
    )

    @model_validator(mode="after")
    def _reason(self) -> Self:
        if (self.decision == "return") != (self.reason is not None):
            raise ValueError("a plan is sent back with a reason, and approved without one")
        return self


class PlanReturnOut(Schema):
    """That a revision was sent back, and why. For the plan's agency alone."""

    id: UUID
    revision: int
    reason: str = Field(examples=["The visits to the two new partners are missing."])
    returned_by: UUID = Field(description="person; never the one who handed it in")
    returned_at: Instant


class ActivityIn(Schema):
    """An activity to plan."""

    partner_id: UUID
    type: ActivityType = Field(examples=["spot_check"])
    quarter: Quarter
    basis: Basis = Field("required", description=_BASIS)
    joint_with: list[AgencyCode] = Field(
        default_factory=list, max_length=20, description="other agencies that do it together"
    )
    lead_agency: AgencyCode | None = Field(None, description="default: the calling agency")


class ActivityPatch(Schema):
    """What may change of an activity of a draft; another partner or type is another activity."""

    quarter: Quarter = 1
    basis: Basis = "required"
    joint_with: list[AgencyCode] = Field(default_factory=list, max_length=20)
    lead_agency: AgencyCode = ""


class Postponed(Schema):
    """The quarter to which an activity was put off."""

    year: Year
    quarter: Quarter


class ProgressIn(Schema):
    """How an activity of the approved plan went."""

    status: ActivityStatus = Field(examples=["postponed"])
    reason: ReasonCode | None = Field(
        None, description="for what is postponed or cancelled", examples=["insecurity"]
    )
    postponed_to: Postponed | None = Field(None, examples=[{"year": 2026, "quarter": 4}])
    assessment_id: UUID | None = Field(None, description="what it was done by", examples=[None])

    @model_validator(mode="after")
    def _fits(self) -> Self:
        stated = self.status in ("postponed", "cancelled")
        if stated != (self.reason is not None):
            raise ValueError("reason: stated for what is postponed or cancelled, and only then")
        if (self.status == "postponed") != (self.postponed_to is not None):
            raise ValueError("postponed_to: stated for what is postponed, and only then")
        if (self.status == "done") != (self.assessment_id is not None):
            raise ValueError("assessment_id: stated for what is done, and only then")
        return self


class ActivityOut(Schema):
    """A planned activity."""

    id: UUID
    plan_id: UUID
    revision: int
    line: UUID = Field(description="the same activity in every revision")
    partner_id: UUID
    type: ActivityType
    year: int
    quarter: int
    basis: Basis | None = Field(description=_BASIS + _OWN)
    joint_with: list[str] = Field(examples=[["WFP"]])
    lead_agency: str = Field(examples=["UNICEF"])
    status: ActivityStatus
    reason: str | None = Field(description="code" + _OWN)
    postponed_to: Postponed | None
    done_by: UUID | None = Field(description="assessment" + _OWN)
    version: int


class RowsQuery(PageQuery):
    """Which revision's activities."""

    revision: Revision | None = None


class CalendarQuery(PageQuery):
    """Filters of the joint calendar."""

    year: QueryYear | None = Field(None, description="default: this year")
    country: Country | None = None
    partner_id: UUID | None = None
    type: ActivityType | None = None


class CalendarOut(Schema):
    """An activity of an approved plan, of whatever agency."""

    id: UUID
    plan_id: UUID
    agency: str = Field(examples=["UNICEF"])
    country: str = Field(examples=["KEN"])
    year: int
    quarter: int
    partner_id: UUID
    type: ActivityType
    joint_with: list[str] = Field(examples=[["WFP"]])
    lead_agency: str = Field(examples=["UNICEF"])
    status: ActivityStatus
    postponed_to: Postponed | None
    shared: bool = Field(description="another agency plans, or holds, something on this partner")
    shared_with: list[str] = Field(description="those agencies", examples=[["UNDP", "WFP"]])
