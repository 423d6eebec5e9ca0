"""Wire shapes of assessments, their shares and access requests."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from app.assessments.types import TypeCode
from app.assessments.types.base import (
    AgencyCode,
    Assessor,
    Confidentiality,
    PatchStatus,
    Rating,
    RatingLevel,
)
from app.core.schemas import Code, Country, Day, Instant, Paragraph, QueryInt, Schema
from app.partners.objections.contested import ContestedOut

RoleCode = Annotated[str, Field(strict=True, pattern=r"^[A-Z]{2,10}$", examples=["CO"])]
AssessmentStatus = Literal[
    "draft", "submitted", "final", "expired", "superseded", "withdrawn", "cancelled"
]
WithdrawalReason = Literal[
    "ERROR_FOUND", "WRONG_PARTNER", "METHOD_NOT_FOLLOWED", "NEW_INFORMATION", "OTHER"
]
QueryLimit = Annotated[QueryInt, Field(ge=1, le=200)]
QueryCursor = Annotated[str, Field(max_length=1_000, pattern=r"^[A-Za-z0-9_-]+$")]


class AdjustedRatingOut(Schema):
    """A rating changed for other information, by two persons of the owner."""

    value: str = Field(examples=["HIGH"])
    level: RatingLevel | None
    adjusted_at: Instant


class PartnerCommentsOut(Schema):
    """That the partner has commented; the words are at `comments` of the assessment."""

    count: int = Field(examples=[1])
    last_at: Instant


class AssessmentOut(Schema):
    """The summary of an assessment."""

    id: UUID
    partner_id: UUID
    type: str = Field(examples=["psea"])
    methodology: str = Field(examples=["UN-PSEA-2020"])
    owner_agency: str = Field(examples=["UNICEF"])
    status: AssessmentStatus
    conducted_on: date | None = Field(examples=["2026-03-01"])
    valid_until: date | None = Field(description="last day it counts", examples=["2031-03-01"])
    confidentiality: Confidentiality = Field(
        description="as chosen by the owner; a draft is AGENCY_ONLY whatever stands here"
    )
    rating: Rating | None = Field(description="null while a draft; never changed afterwards")
    adjusted_rating: AdjustedRatingOut | None = Field(
        None, description="stands beside the rating, in the scheme and dimension of it"
    )
    summary: dict[str, Any] = Field(
        default={}, description="what else the type shows to all: codes, counts, bands"
    )
    participating_agencies: list[str] = Field(
        default=[], description="who assessed jointly with the owner", examples=[["WFP"]]
    )
    assessor: Assessor | None = None
    superseded_by: UUID | None = Field(
        None, description="the owner's later result of the same kind for the partner"
    )
    superseded_by_merge: bool = Field(
        False,
        description="that later result is about a profile that was merged with this one; undoing "
        "the merge makes this one current again",
    )
    submitted_at: Instant | None = None
    finalised_at: Instant | None = None
    held_until: Instant | None = Field(
        None, description="until then the partner has the first word, and only the owner sees it"
    )
    shown_to_partner_at: Instant | None = Field(
        None, description="when the partner was last asked to comment before it is final"
    )
    withdrawn_at: Instant | None = None
    withdrawal_reason: WithdrawalReason | None = None
    contested: ContestedOut | None = Field(description="the partner's objection to it")
    partner_comments: PartnerCommentsOut | None = None
    redacted: bool = Field(False, description="the detail is hidden from all, or destroyed")
    version: int
    owner_withdrawn: bool = Field(
        False, description="the owner has left the registry; its statement stays under retention"
    )
    custodian: str | None = Field(
        None, description="agency or office that answers for it then", examples=["UNDP"]
    )
    created_at: Instant
    updated_at: Instant


class DetailOut(Schema):
    """An assessment with its detail."""

    id: UUID
    partner_id: UUID
    type: str
    methodology: str
    owner_agency: str
    status: AssessmentStatus
    version: int
    owner_withdrawn: bool = Field(
        False, description="the owner has left the registry; its statement stays under retention"
    )
    custodian: str | None = Field(
        None, description="agency or office that answers for it then", examples=["UNDP"]
    )
    rating: Rating | None
    adjusted_rating: AdjustedRatingOut | None = None
    contested: ContestedOut | None = Field(description="the partner's objection to it")
    partner_comments: PartnerCommentsOut | None = None
    self_assessment_id: UUID | None = Field(
        None, description="for the owner: the partner's self-assessment with which it began"
    )
    detail: dict[str, Any] = Field(
        description="as filed, in the shape of the type",
        examples=[{"standards": [{"number": 1, "result": "met", "comment": "policy of 2024"}]}],
    )
    computed: dict[str, Any] = Field(
        description="how the rating came about, such as ratings of areas, points and score; empty "
        "where nothing is computed",
        examples=[{"points": 7, "applicable_standards": 8}],
    )


class OverlapOut(Schema):
    """Another agency has this, so that the work need not be done twice."""

    code: Literal["assessment_exists", "assessment_planned"]
    agency: str = Field(examples=["WFP"])
    assessment_id: UUID | None = Field(None, description="of one that exists")
    methodology: str | None = None
    conducted_on: date | None = None
    valid_until: date | None = None
    planned_for: date | None = Field(None, description="end of the period of one that is planned")


class FiledOut(AssessmentOut):
    """The summary of a new assessment, and what its filer may want to know."""

    warnings: list[OverlapOut] = Field(
        default=[], description="absent if none; the record is stored, they do not stand against it"
    )


class OverlapsOut(Schema):
    """What other agencies have or plan; the list is short and has no pages."""

    items: list[OverlapOut]


class OverlapFilter(Schema):
    """What somebody means to begin."""

    partner_id: UUID
    type: TypeCode


class AssessmentPatch(Schema):
    """JSON Merge Patch of a draft; `status` moves it on.

    Of a submitted one only `status` and `note`: `final`, `draft` (sent back) or `cancelled`.
    """

    status: PatchStatus = "draft"
    conducted_on: Day | None = None
    confidentiality: Confidentiality = "RESTRICTED"
    participating_agencies: list[AgencyCode] = Field(default=[], max_length=30, examples=[["WFP"]])
    assessor: Assessor | None = None
    detail: dict[str, Any] = Field(default={}, description="merged into the stored detail")
    note: Paragraph | None = Field(
        None, description="why it is sent back or cancelled; for the owner alone"
    )


class AssessmentFilter(Schema):
    """Filters of the assessment list."""

    partner_id: UUID | None = None
    type: TypeCode | None = None
    methodology: Code | None = None
    owner_agency: AgencyCode | None = None
    country: Country | None = Field(None, description="of the partner's profile")
    status: AssessmentStatus | None = None
    rating_level: RatingLevel | None = Field(None, description="the adjusted one, if there is one")
    expiring_before: Day | None = Field(
        None, description="final, with a last day before this one; those that have run out too"
    )
    conducted_from: Day | None = None
    conducted_to: Day | None = None
    limit: QueryLimit = 50
    cursor: QueryCursor | None = None


class DisclosureOut(Schema):
    """One reading of a detail."""

    id: UUID = Field(description="entry of the log")
    agency: str = Field(examples=["WFP"])
    office: str | None = Field(examples=["Nairobi country office"])
    role: str | None = Field(examples=["contracting officer"])
    person: str | None = Field(
        None, description="name, for oversight roles of the owner; null for all others"
    )
    purpose: str | None = Field(
        description="null for INTER_AGENCY detail read without one; OWN_RECORD for the owner's own",
        examples=["PARTNER_SELECTION"],
    )
    reference: str | None = Field(examples=["WFP-KE-2026-17"])
    basis: str | None = Field(description="owner, inter_agency or share", examples=["share"])
    share_id: UUID | None = Field(None, description="the share, or the standing policy")
    document_id: UUID | None = Field(None, description="the document that was downloaded")
    version: int | None = Field(description="version of the assessment that was read")
    at: Instant


class RateIn(Schema):
    """A detail to rate. Nothing is stored."""

    methodology: Code = Field(examples=["UN-PSEA-2020"])
    conducted_on: Day | None = Field(None, examples=["2026-03-01"])
    detail: dict[str, Any] = Field(
        description="in the shape of the type, complete",
        examples=[{"standards": [{"number": n, "result": "met"} for n in range(1, 9)]}],
    )


class RateOut(Schema):
    """What a filed assessment with this detail would carry."""

    rating: Rating
    valid_until: date | None = Field(description="null without `conducted_on`")
    summary: dict[str, Any] = Field(
        description="what the summary of the record would say beside the rating", examples=[{}]
    )
    explanation: dict[str, Any] = Field(
        description="how the rating came about; the detail of a record says it as `computed`",
        examples=[{"points": 7, "applicable_standards": 8}],
    )
