"""Wire shapes of capacity-strengthening plans."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

import pycountry
from pydantic import AfterValidator, Field, Strict, StringConstraints, model_validator

from app.assessments.plans.rules import AREAS, KINDS, RULES
from app.assessments.types.base import AgencyCode, Rating
from app.core.codelists import Coded
from app.core.paging import PageQuery
from app.core.schemas import Day, Instant, Line, Money, Paragraph, Schema

Kind = Annotated[str, Coded(KINDS), Field(examples=["PSEA_CSIP"])]
Area = Annotated[str, Coded(AREAS), Field(examples=["PSEA_4"])]
PlanStatus = Literal["draft", "agreed", "in_progress", "completed", "not_completed", "cancelled"]
ActionStatus = Literal["open", "in_progress", "done", "verified", "dropped"]
Responsible = Literal["partner", "agency", "provider"]
OutcomeResult = Literal["improved", "unchanged", "worsened", "not_comparable"]
_NOTE = "Trained 40 of 52 staff members; the attendance sheets are in the shared folder."


def _currency(value: str) -> str:
    if pycountry.currencies.get(alpha_3=value) is None:
        raise ValueError("is no currency code of ISO 4217")
    return value


Currency = Annotated[
    str,
    Strict(),
    StringConstraints(pattern=r"^[A-Z]{3}$"),
    AfterValidator(_currency),
    Field(examples=["USD"]),
]


class ActionIn(Schema):
    """A new action. The partner reads all of it."""

    area: Area = Field(description="an area of the plan's kind, or a general one")
    text: Paragraph = Field(examples=["Train all personnel on the duty to report, once a year."])
    responsible: Responsible = Field("partner", examples=["partner"])
    provider: Line | None = Field(None, description="who helps: an organisation, not a person")
    evidence_expected: Paragraph | None = Field(None, examples=["Training agenda and attendance"])
    due_on: Day = Field(examples=["2027-02-28"])
    cost: Money | None = Field(None, description="estimate", examples=["1500.00"])
    currency: Currency | None = Field(None, description="of the cost")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.cost is None) != (self.currency is None):
            raise ValueError("a cost has a currency, and a currency a cost")
        if self.responsible == "provider" and self.provider is None:
            raise ValueError("name the provider that is responsible")
        return self


class ActionPatch(Schema):
    """JSON Merge Patch of an action. What it says changes only while the plan is a draft."""

    area: Area | None = None
    text: Paragraph | None = None
    responsible: Responsible | None = None
    provider: Line | None = None
    evidence_expected: Paragraph | None = None
    due_on: Day | None = Field(None, examples=["2027-03-31"])
    cost: Money | None = None
    currency: Currency | None = None


class PlanIn(Schema):
    """A new plan, a draft until it is agreed with the partner. Never write facts of an allegation,
    or the name of a victim or complainant, into a plan."""

    partner_id: UUID
    kind: Kind
    assessment_id: UUID | None = Field(None, description="own assessment that it follows from")
    supporters: list[AgencyCode] = Field(
        default=[],
        max_length=20,
        description="agencies that support it jointly",
        examples=[["WFP"]],
    )
    starts_on: Day | None = Field(None, description="default: with the first progress")
    actions: list[ActionIn] = Field(default=[], max_length=RULES.most_actions)


class PlanPatch(Schema):
    """JSON Merge Patch of an own plan that is not closed."""

    supporters: list[AgencyCode] = Field(default=[], max_length=20, examples=[["WFP"]])
    starts_on: Day | None = None


class AgreementIn(Schema):
    """The plan is agreed with the partner."""

    agreed_on: Day | None = Field(None, description="default: today; not in the future")
    window_ends_on: Day | None = Field(
        None,
        description="default, and at the latest: the window of the plan's kind after agreed_on",
    )


class ExtensionIn(Schema):
    """A later end of the window."""

    window_ends_on: Day = Field(examples=["2027-09-30"])
    reason: Paragraph = Field(examples=["The trainer fell ill; two of five actions are open."])


class ClosureIn(Schema):
    """How the plan ended."""

    outcome: Literal["completed", "not_completed", "cancelled"] = Field(examples=["not_completed"])
    reason: Paragraph | None = Field(
        None, description="required unless completed", examples=["Two actions were not done."]
    )

    @model_validator(mode="after")
    def _reason(self) -> Self:
        if self.outcome != "completed" and self.reason is None:
            raise ValueError("say why it was not completed, or cancelled")
        return self


class MeasureIn(Schema):
    """The later assessment that shows what came of the plan; of any agency that it names."""

    assessment_id: UUID


class ProgressIn(Schema):
    """Progress of an action. The partner reads it. Never write facts of an allegation, or the name
    of a victim or complainant, into a plan."""

    status: Literal["in_progress", "done", "dropped"] = Field(
        "in_progress", description="dropped: by the agency only"
    )
    note: Paragraph = Field(examples=[_NOTE])
    evidence: Line | None = Field(None, description="where it can be seen", examples=["PSEA-17"])


class OwnProgressIn(Schema):
    """The partner's report on an action. Never write facts of an allegation, or the name of a
    victim or complainant, into a plan."""

    status: Literal["in_progress", "done"] = Field("in_progress", examples=["done"])
    note: Paragraph = Field(examples=[_NOTE])
    evidence: Line | None = Field(None, description="where it can be seen", examples=["PSEA-17"])


class VerificationIn(Schema):
    """A person of the agency looked at what was reported as done."""

    outcome: Literal["verified", "returned"] = Field(examples=["verified"])
    note: Paragraph | None = Field(
        None, description="required when it is sent back", examples=["Seen on the visit of 3 May."]
    )

    @model_validator(mode="after")
    def _note(self) -> Self:
        if self.outcome == "returned" and self.note is None:
            raise ValueError("say what is missing")
        return self


class CountsOut(Schema):
    """How many actions stand how; `overdue` are among the open ones and those in progress."""

    open: int
    in_progress: int
    done: int
    verified: int
    dropped: int
    overdue: int


class MeasuredOut(Schema):
    """An assessment on one side of the comparison; null where the reader may not know of it."""

    assessment_id: UUID
    owner_agency: str = Field(examples=["UNICEF"])
    conducted_on: date | None
    rating: Rating | None


class OutcomeOut(Schema):
    """What came of it. Risk, not capacity: `improved` means less risk."""

    result: OutcomeResult
    before: MeasuredOut | None
    after: MeasuredOut | None
    measured_at: Instant


class PlanOut(Schema):
    """The summary of a plan: that it is there, and how it stands."""

    id: UUID
    partner_id: UUID
    owner_agency: str = Field(examples=["UNICEF"])
    owner_withdrawn: bool = Field(
        False, description="the owner has left the registry; its statement stays under retention"
    )
    custodian: str | None = Field(
        None, description="agency or office that answers for it then", examples=["UNDP"]
    )
    supporters: list[str] = Field(examples=[["WFP"]])
    kind: str = Field(examples=["PSEA_CSIP"])
    assessment_id: UUID | None
    level: Literal["RESTRICTED", "AGENCY_ONLY"] = Field(
        description="of the contents; AGENCY_ONLY: other agencies do not see the plan at all"
    )
    status: PlanStatus
    starts_on: date | None
    agreed_on: date | None
    window_ends_on: date | None
    window_limit_on: date | None = Field(description="the latest end, with every extension")
    extended: bool
    window_ended: bool = Field(description="not closed, and past its end: it waits for a person")
    on_track: bool | None = Field(
        description="nothing overdue and the window not ended; null for a draft and when closed"
    )
    actions: CountsOut
    outcome: OutcomeOut | None
    closed_at: Instant | None
    created_at: Instant
    updated_at: Instant
    version: int


class ActionOut(Schema):
    """An action with its text."""

    id: UUID
    number: int
    area: str = Field(examples=["PSEA_4"])
    text: str | None = Field(description="null: redacted")
    responsible: Responsible
    provider: str | None
    evidence_expected: str | None
    due_on: date
    overdue: bool
    cost: Money | None
    currency: str | None = Field(examples=["USD"])
    status: ActionStatus
    started_at: Instant | None
    done_at: Instant | None
    done_by: Literal["partner", "agency"] | None
    verified_at: Instant | None
    redacted: bool = Field(False, description="the words are hidden from all, or destroyed")
    version: int


class CostOut(Schema):
    """Estimated cost of the actions that are not dropped, in one currency."""

    currency: str = Field(examples=["USD"])
    amount: Money


class PlanDetailOut(PlanOut):
    """A plan with its actions. Reading it is logged."""

    costs: list[CostOut]
    items: list[ActionOut] = Field(description="actions by number")


class StepOut(Schema):
    """One step of a plan or an action."""

    id: UUID
    step: str = Field(examples=["progress"])
    action_id: UUID | None
    by: str = Field(description="an agency's code, or `partner`", examples=["UNICEF"])
    office: str | None
    at: Instant
    note: str | None
    evidence: str | None
    redacted: bool = Field(False, description="the note is hidden from all, or destroyed")


class PlanFilter(PageQuery):
    """Filters of the list of plans."""

    partner_id: UUID | None = None
    assessment_id: UUID | None = None
    owner_agency: AgencyCode | None = None
    kind: Kind | None = None
    status: PlanStatus | None = None
    overdue: Literal["true"] | None = Field(
        None, description="with an action overdue, or past its window and not closed"
    )
    window_ends_before: Day | None = Field(None, description="not closed, and ends before this day")
