"""Wire shapes of PSEA self-assessments."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from app.assessments.documents.codes import EvidenceKind
from app.assessments.types.base import AgencyCode, Reason
from app.assessments.types.psea import StandardNumber
from app.core.paging import PageQuery
from app.core.schemas import Instant, Paragraph, Schema

State = Literal["draft", "submitted", "returned", "taken_up", "withdrawn"]
HandedIn = Literal["submitted", "returned", "taken_up", "withdrawn"]
Confidentiality = Literal["INTER_AGENCY", "RESTRICTED", "AGENCY_ONLY"]
_ANSWER: dict[str, Any] = {
    "number": 1,
    "result": "met",
    "comment": "Policy of 2024, signed by all staff.",
    "evidence": ["psea_policy"],
}


class AnswerIn(Schema):
    """What the partner says of itself for one standard. Never an allegation, never a name."""

    number: StandardNumber
    result: Literal["met", "not_met", "not_applicable"]
    comment: Reason | None = None
    evidence: list[EvidenceKind] = Field(
        default=[], max_length=10, description="kinds of papers that show it, not the papers"
    )


class SelfAssessmentIn(Schema):
    """A new self-assessment, addressed to one agency."""

    agency: AgencyCode
    standards: list[AnswerIn] = Field(
        default=[],
        max_length=8,
        description="each standard at most once; all of them when it is handed in",
        examples=[[_ANSWER]],
    )


class SelfAssessmentPatch(Schema):
    """New answers in place of the old ones; `status` hands it in, or takes it back."""

    standards: list[AnswerIn] | None = Field(None, max_length=8, examples=[[_ANSWER]])
    status: Literal["submitted", "withdrawn"] | None = None


class SelfAssessmentEntry(Schema):
    """That there is a self-assessment. It is not a rating, and no summary shows it."""

    id: UUID
    partner_id: UUID
    agency: str = Field(description="to which it is addressed", examples=["UNICEF"])
    methodology: str = Field(examples=["UN-PSEA-2020"])
    state: State
    version: int
    submitted_at: Instant | None
    decided_at: Instant | None = Field(description="when it was sent back or taken up")
    assessment_id: UUID | None = Field(
        None, description="for the agency: its own assessment that began with these answers"
    )
    created_at: Instant
    updated_at: Instant


class SelfAssessmentOut(SelfAssessmentEntry):
    """A self-assessment with its answers."""

    standards: list[AnswerIn] | None = Field(
        description="null for the agency while the partner has it in hand, or took it back"
    )
    return_reason: str | None = Field(description="why it was sent back last")


class SelfAssessmentFilter(PageQuery):
    """Filters of the agency's list."""

    state: HandedIn | None = None
    partner_id: UUID | None = None


class SelfAssessmentDecisionIn(Schema):
    """Send it back with a reason, or take it up into an own draft."""

    decision: Literal["return", "take_up"]
    reason: Paragraph | None = Field(
        None, description="for the partner", examples=["Say how staff are trained."]
    )
    confidentiality: Confidentiality = Field("RESTRICTED", description="of the draft")
