"""Wire shapes of cases."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from app.core.schemas import Day, Flag, Instant, Line, Paragraph, Schema
from app.sanctions.codes import PracticeCode
from app.sanctions.entries.schemas import IndividualIn, MeasureTerms

CaseState = Literal[
    "DRAFT",
    "NOTICE_ISSUED",
    "REPLY_RECORDED",
    "UNDER_REVIEW",
    "RECORDED",
    "IMPOSED",
    "DISMISSED",
    "WITHDRAWN",
]
StepKind = Literal[
    "finding",
    "notice",
    "reply",
    "review",
    "decision",
    "dismissal",
    "withdrawal",
    "decision_notice",
    "appeal",
    "appeal_decision",
    "interim",
    "measure_review",
    "evidence",
    "verification",
    "release",
    "record",
    "certificate",
    "lift",
]
Relation = Literal[
    "CONTROLLING", "CONTROLLED", "COMMON_CONTROL", "SUCCESSOR", "ASSIGN", "PRINCIPAL"
]
Practices = Annotated[list[PracticeCode], Field(min_length=1, max_length=13)]


class FindingIn(Schema):
    """The finding of the agency's own investigation office; a reference, never the story."""

    reference: Line = Field(examples=["OAI-2026-114"])
    on: Day = Field(examples=["2026-04-02"])


class CaseIn(Schema):
    """Opens a case."""

    partner_id: UUID
    practices: Practices
    finding: FindingIn


class OfRespondent(Schema):
    """Which respondent of the case is meant."""

    respondent_id: UUID | None = Field(
        None, description="default the main one, the partner the case was opened on"
    )


class NoticeIn(OfRespondent):
    """The notice to the partner."""

    sent_on: Day = Field(examples=["2026-05-04"])
    summary: Paragraph = Field(examples=["Notice of intent to debar, with the grounds."])
    delivery: Line | None = Field(
        None, description="proof of delivery", examples=["Courier receipt KE-2207"]
    )


class ReplyIn(OfRespondent):
    """The partner's reply, or its waiver; either ends the reply period."""

    received_on: Day = Field(examples=["2026-05-20"])
    text: Paragraph = Field(examples=["The partner disputes the second invoice."])
    waiver: Flag = False


class PanelMember(Schema):
    """A member of a panel, as office and function; never by name."""

    office: Line = Field(examples=["Procurement services"])
    function: Line = Field(examples=["chief"])


class ReviewIn(OfRespondent):
    """What the reviewer recommends."""

    recommendation: Literal["impose", "do_not_impose"] = Field(examples=["impose"])
    note: Paragraph = Field(examples=["Evidence reviewed; measure proportionate."])
    panel: Annotated[list[PanelMember], Field(max_length=15)] = Field(
        [], description="the panel, where the procedure asks for one; the caller speaks for it"
    )


class DecisionIn(MeasureTerms):
    """The reasoned decision."""

    reason: Paragraph = Field(examples=["Forged invoices; decided after reply and review."])
    departure_reason: Paragraph | None = Field(
        None,
        description="why the decision departs from a review that advises against it; only where "
        "the procedure allows that",
    )
    respondent_id: UUID | None = Field(
        None, description="default the main one, the partner the case was opened on"
    )


class DismissalIn(OfRespondent):
    """Why there is no measure."""

    reason: Paragraph = Field(examples=["The evidence does not show that it was more likely."])


class WithdrawalIn(OfRespondent):
    """Why the case is not pursued; before the notice only."""

    reason: Paragraph = Field(examples=["Opened on the wrong profile."])


class DecisionNoticeIn(OfRespondent):
    """The decision was sent, with the route of appeal; the appeal period starts."""

    sent_on: Day = Field(examples=["2026-06-20"])
    summary: Paragraph = Field(examples=["Decision with reasons and the route of appeal."])


class MeasureReviewIn(OfRespondent):
    """The yearly review of a measure without an end: it stays."""

    note: Paragraph = Field(examples=["No change of control; the grounds persist."])


class RespondentIn(Schema):
    """An affiliate or an individual who shall answer, too; nobody is listed without."""

    relation: Relation = Field(examples=["CONTROLLED"])
    partner_id: UUID | None = Field(None, examples=["018f6f1e-0000-7000-8000-000000000001"])
    individual: IndividualIn | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.partner_id is None) == (self.individual is None):
            raise ValueError("give exactly one of partner_id and individual")
        return self


class StepOut(Schema):
    """What was written at one step."""

    id: UUID
    kind: StepKind
    respondent_id: UUID | None = None
    office: str | None = Field(None, examples=["Office of Audit and Investigations"])
    function: str | None = Field(None, examples=["investigator"])
    at: Instant
    content: dict[str, Any] = Field(description="as it was sent; empty when redacted")
    redacted: bool = False


class RespondentOut(Schema):
    """A party to the case and how far its own process is."""

    id: UUID
    main: bool
    kind: Literal["PARTNER", "INDIVIDUAL"]
    relation: Relation
    partner_id: UUID | None
    state: CaseState
    notice_sent_on: date | None
    reply_due_on: date | None
    reply_received_on: date | None
    reply_waived: bool
    reviewed_on: date | None
    recommendation: str | None
    decided_on: date | None
    departed: bool
    decision_sent_on: date | None
    appeal_due_on: date | None
    entry_id: UUID | None
    review_due_on: date | None = Field(description="of a measure without an end")
    last_reviewed_on: date | None


class CaseOut(Schema):
    """A case, for the agency that runs it and those it has joined with.

    State and days are those of the main respondent.
    """

    id: UUID
    version: int
    agency: str = Field(description="the agency that leads", examples=["UNDP"])
    track: Literal["FULL", "RECORDED"]
    state: CaseState
    partner_id: UUID
    practices: list[str]
    finding_on: date | None
    procedure_id: UUID | None = Field(description="in force when the partner was told")
    legal_reference: str | None = None
    document_sha256: str | None = None
    notice_sent_on: date | None = None
    reply_due_on: date | None = None
    reply_received_on: date | None = None
    reviewed_on: date | None = None
    recommendation: str | None = None
    decided_on: date | None = None
    decision_sent_on: date | None = None
    appeal_due_on: date | None = None
    opened_at: Instant
    respondents: list[RespondentOut]


class InterimOut(Schema):
    """An interim suspension (number 0) or its renewal."""

    id: UUID
    respondent_id: UUID
    number: int
    decided_on: date
    effective_from: date
    until_on: date
    entry_id: UUID | None
    ended_on: date | None = Field(description="ended by the decision; else it lapses")


class AppealOut(Schema):
    """An appeal or a request to reconsider."""

    id: UUID
    case_id: UUID
    respondent_id: UUID
    kind: Literal["appeal", "reconsideration"]
    by_partner: bool
    suspensive: bool
    filed_on: date
    outcome: Literal["upheld", "reduced", "overturned"] | None
    decided_on: date | None
    version: int


class ReleaseOut(Schema):
    """A release from a measure with conditions, and how far it is."""

    id: UUID
    case_id: UUID
    respondent_id: UUID
    recorded_on: date
    verified: bool | None
    verified_on: date | None
    outcome: Literal["released", "refused"] | None
    decided_on: date | None
    version: int


class PartyOut(Schema):
    """Another agency in the case."""

    id: UUID
    case_id: UUID
    lead_agency: str = Field(examples=["UNDP"])
    party_agency: str = Field(examples=["WFP"])
    partner_id: UUID
    role: Literal["joint", "panel"]
    parts: list[StepKind] = Field(description="kinds of steps it reads")
    state: Literal["invited", "accepted", "declined", "ended"]
    invited_at: Instant
    answered_at: Instant | None
    ended_at: Instant | None


class IndividualOut(Schema):
    """The facts of a respondent who is a person."""

    respondent_id: UUID
    facts: IndividualIn | None
    redacted: bool = Field(False, description="the facts are hidden, or destroyed")


class CaseDetailOut(CaseOut):
    """A case with what was written at its steps, and what goes with it."""

    steps: list[StepOut]
    individuals: list[IndividualOut]
    interims: list[InterimOut]
    appeals: list[AppealOut]
    releases: list[ReleaseOut]
    parties: list[PartyOut]
