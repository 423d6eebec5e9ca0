"""Wire shapes of verifications, standing and deactivations."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.core.paging import PageQuery
from app.core.schemas import Code, Flag, Instant, Keyed, Paragraph, Schema
from app.partners.types import PartnerStatus

Result = Literal["verified", "unverified"]
_ANSWERS = {
    "registration": True,
    "mandate": True,
    "safeguards": True,
    "other_risk": False,
    "recorded_risk": False,
}


class QuestionOut(Schema):
    """A question, and the answer that a verified partner needs."""

    code: str = Field(examples=["registration"])
    needed: bool
    text: str


class QuestionSetOut(Schema):
    """The questions in force, whom they are asked about and how long the answers hold."""

    version: str = Field(examples=["2026-1"])
    effective_from: date
    source: str
    confirmed: bool
    questions: list[QuestionOut]
    partner_types: list[str] = Field(examples=[["NGO_NATIONAL"]])
    valid_months: int
    valid_months_confirmed: bool
    notice_days: list[int] = Field(examples=[[90, 60, 30]])


class VerificationIn(Schema):
    """Answers to all questions of the set in force; the registry draws the result."""

    question_set: Code = Field(examples=["2026-1"])
    answers: Annotated[dict[Code, Flag], Keyed] = Field(max_length=20, examples=[_ANSWERS])
    comments: Annotated[dict[Code, Paragraph], Keyed] = Field(
        default={},
        max_length=20,
        description="by question; RESTRICTED",
        examples=[{"registration": "Certificate 218/051 seen, in force until 2028."}],
    )
    flags_shown: list[UUID] = Field(
        default=[], max_length=200, description="risk flags in force that were read", examples=[[]]
    )
    reason: Paragraph | None = Field(
        None,
        description="needed where another agency's verification holds and this one says the "
        "opposite; RESTRICTED",
    )


class VerificationOut(Schema):
    """One agency's verification, without what was written to it."""

    id: UUID
    partner_id: UUID
    agency: str = Field(examples=["UNICEF"])
    question_set: str = Field(examples=["2026-1"])
    result: Result
    verified_on: date
    valid_until: date | None = Field(description="null for a negative result: it does not lapse")
    lapsed: bool
    stale: bool = Field(description="legal fields of the profile have changed since")
    current: bool = Field(description="the newest of this profile, which decides its status")
    contradicts: list[UUID] = Field(description="verifications that held and said the opposite")
    has_comments: bool
    recorded_at: Instant


class VerificationComments(Schema):
    """What was answered and written. RESTRICTED."""

    id: UUID
    partner_id: UUID
    agency: str
    question_set: str = Field(examples=["2026-1"])
    result: Result
    answers: dict[str, bool] = Field(examples=[_ANSWERS])
    comments: dict[str, str] = Field(examples=[{"registration": "Certificate seen."}])
    reason: str | None
    flags_shown: list[UUID]


class AgencyVerification(Schema):
    """The newest verification of one agency."""

    id: UUID
    partner_id: UUID
    agency: str
    result: Result
    on: date
    until: date | None
    lapsed: bool
    stale: bool


class VerificationStanding(Schema):
    """What verification comes to now, and what each agency says: whose counts is policy."""

    status: Literal["pending_verification", "verified", "unverified"]
    agency: str | None
    on: date | None
    until: date | None
    by_agency: list[AgencyVerification]


class RestraintOut(Schema):
    """What holds the partner back now."""

    reason: str = Field(examples=["SANCTION"])
    since: Instant
    until: Instant | None
    inherited_from: UUID | None


class FlagCounts(Schema):
    observations: int = 0
    yellow: int = 0
    escalated: int = 0
    red: int = 0


class FlagStanding(FlagCounts):
    """Flags in force, and those of the headquarters; `mine` of all of them are the caller's."""

    mine: int = 0
    inherited: FlagCounts = FlagCounts()


class Completeness(Schema):
    complete: bool


class StandingOut(Schema):
    """Where a partner stands now, computed; nothing of it is set by hand."""

    partner_id: UUID
    status: PartnerStatus
    verification: VerificationStanding
    locked: bool
    lock_reasons: list[str] = Field(examples=[["SANCTION"]])
    restraints: list[RestraintOut]
    flags: FlagStanding
    contested: bool = Field(description="an objection of the partner is open")
    completeness: Completeness
    public: bool
    deactivated: bool
    deactivated_at: Instant | None
    control: Literal["agency", "partner", "disputed"]


class DeactivationIn(Schema):
    """Why a profile is to be deactivated, or taken in again."""

    reason_code: Code = Field(examples=["PARTNER_REQUEST"])
    reason: Paragraph = Field(description="RESTRICTED")


class DeactivationDecision(Schema):
    """By another person than the one who proposed."""

    decision: Literal["approve", "refuse"]
    reason: Paragraph = Field(description="RESTRICTED")


class DeactivationOut(Schema):
    """A proposal of the own agency and what became of it."""

    id: UUID
    version: int
    partner_id: UUID
    kind: Literal["deactivate", "reactivate"]
    reason_code: str = Field(examples=["PARTNER_REQUEST"])
    reason: str | None = Field(None, description="where one proposal is read")
    state: Literal["proposed", "approved", "refused"]
    proposed_at: Instant
    decided_at: Instant | None


class VerificationFilter(PageQuery):
    """Page of verifications."""
