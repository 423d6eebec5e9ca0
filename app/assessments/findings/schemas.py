"""Wire shapes of findings and their follow-up."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from app.assessments.types.assurance_parts import Priority, ResolutionKind
from app.assessments.types.base import AgencyCode, Reason
from app.core.paging import PageQuery
from app.core.schemas import Day, Flag, Instant, Line, Money, Page, Schema

State = Literal["open", "to_verify", "closed"]
ActionKind = Literal["agreed", "response", "closed", "confirmed", "not_confirmed", "reopened"]


class FindingOut(Schema):
    """Where a finding stands; no text and no amount."""

    id: UUID
    assessment_id: UUID
    partner_id: UUID
    owner_agency: str = Field(examples=["UNICEF"])
    type: str = Field(examples=["audit"])
    part: str = Field(description="list of the detail it stands in", examples=["key_controls"])
    position: int = Field(description="place in that list, from 0")
    code: str = Field(description="category or area", examples=["NO_PROOF_OF_PAYMENT"])
    priority: Priority
    found_on: date = Field(description="completion date of the assessment")
    due_on: date | None
    overdue: Flag
    state: State = Field(
        description="`to_verify`: acted on, and of high priority: a second person verifies it"
    )
    closed_at: Instant | None
    verified_at: Instant | None
    version: int


class FindingTextOut(FindingOut):
    """A finding as of the report, with what was agreed last and what is pending."""

    description: str | None
    recommendation: str | None
    reference: str | None = Field(description="number in the report")
    agreed_action: str | None
    responsible: str | None
    partner_response: str | None = Field(description="the partner's newest answer")
    amount_usd: Money = Field(description="0.00 where it is not about money")
    resolved_usd: Money
    pending_usd: Money = Field(description="unsupported so far; never negative")


class ResolutionOut(Schema):
    """Money that was settled; a negative amount takes back an entry that was wrong."""

    id: UUID
    kind: ResolutionKind
    amount_usd: str = Field(examples=["2500.00"])
    settled_on: date
    reverses: UUID | None
    reference: str
    recorded_at: Instant


class ActionOut(Schema):
    """A step of the follow-up, oldest first."""

    id: UUID
    kind: ActionKind
    by: Literal["agency", "partner"]
    text: str | None
    evidence: str | None = None
    responsible: str | None = None
    due_on: date | None = None
    made_at: Instant


class FindingWithHistoryOut(FindingTextOut):
    """A finding with everything that came of it."""

    resolutions: list[ResolutionOut]
    actions: list[ActionOut]


class FindingTotals(Schema):
    """Of all findings of the assessment, now."""

    findings: int
    open: int
    open_high: int
    overdue: int
    amount_usd: Money
    resolved_usd: Money
    pending_usd: Money


class FindingsOut(Page[FindingTextOut]):
    """Findings of one assessment."""

    totals: FindingTotals


class FindingFilter(PageQuery):
    """Filters of the list."""

    partner_id: UUID | None = None
    owner_agency: AgencyCode | None = None
    assessment_id: UUID | None = None
    state: State | None = None
    priority: Priority | None = None
    overdue: bool | None = Field(None, description="true: past its deadline and still open")


class AgreedIn(Schema):
    """What is to be done about the finding; the newest counts, the earlier ones stay readable."""

    agreed_action: Reason = Field(examples=["Refund the balance with the next FACE form."])
    responsible: Line | None = Field(
        None, description="office or role, no names", examples=["Finance manager"]
    )
    due_on: Day | None = Field(None, examples=["2026-09-30"])


class ResolutionIn(Schema):
    """What was settled, or which entry was wrong."""

    kind: ResolutionKind | None = None
    amount_usd: Annotated[Money, Field(gt=0)] | None = Field(None, examples=["2500.00"])
    settled_on: Day = Field(examples=["2026-06-02"])
    reference: Line = Field(description="of the receipt or decision", examples=["RV-2026-118"])
    reverses: UUID | None = Field(
        None, description="a resolution that was wrong; then without kind and amount"
    )

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        settles = (self.kind is not None, self.amount_usd is not None)
        if settles != ((False, False) if self.reverses else (True, True)):
            raise ValueError("give kind and amount_usd, or reverses")
        return self


class ClosingIn(Schema):
    """What was done."""

    action_taken: Reason = Field(examples=["The receipts were brought and checked."])
    evidence: Line | None = Field(
        None,
        description="reference to the evidence; needed for high priority",
        examples=["DMS-2026-4471"],
    )


class VerificationIn(Schema):
    """What a second person found of the action that was taken."""

    outcome: Literal["confirmed", "not_confirmed"]
    evidence: Line = Field(
        description="reference to what was looked at", examples=["Visit report V-12"]
    )
    note: Reason | None = None


class ReopeningIn(Schema):
    """Why a finding is taken up again."""

    reason: Reason = Field(examples=["The receipts belong to another project."])


class ResponseIn(Schema):
    """The partner's answer to a finding about it; a newer one replaces it, and both stay."""

    text: Reason = Field(examples=["The bank has sent the missing records."])


class AgencyFindings(Schema):
    """Findings of one agency's reports about a partner."""

    owner_agency: str = Field(examples=["UNICEF"])
    open_findings: int
    open_high: int
    oldest_open_high_on: date | None = Field(description="completion date of the oldest report")
    overdue: int
    pending_unsupported_band: str = Field(
        description="how much is still unsupported, in steps of US dollars", examples=["UP_TO_10K"]
    )


class FindingsSummaryOut(Schema):
    """What every agency may know of the findings about a partner: counts and bands."""

    partner_id: UUID
    open_findings: int
    open_high: int
    oldest_open_high_on: date | None
    overdue: int
    bands_version: str = Field(examples=["2026.1"])
    agencies: list[AgencyFindings]
