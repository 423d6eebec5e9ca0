"""Wire shapes of assessments."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from app.assessments.types import TypeCode
from app.assessments.types.base import Confidentiality, FiledStatus, Rating, Source
from app.core.schemas import Code, Day, Instant, QueryInt, Schema
from app.partners.objections.contested import ContestedOut

AgencyCode = Annotated[str, Field(strict=True, pattern=r"^[A-Z][A-Z0-9_]{1,15}$", examples=["WFP"])]
RoleCode = Annotated[str, Field(strict=True, pattern=r"^[A-Z]{2,10}$", examples=["CO"])]
AssessmentStatus = Literal["draft", "final", "withdrawn"]
QueryLimit = Annotated[QueryInt, Field(ge=1, le=200)]
QueryCursor = Annotated[str, Field(max_length=1_000, pattern=r"^[A-Za-z0-9_-]+$")]


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
    rating: Rating | None = Field(description="null while a draft")
    contested: ContestedOut | None = Field(description="the partner's objection to it")
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
    contested: ContestedOut | None = Field(description="the partner's objection to it")
    detail: dict[str, Any] = Field(
        description="as filed, in the shape of the type",
        examples=[{"standards": [{"number": 1, "result": "met", "comment": "policy of 2024"}]}],
    )


class AssessmentPatch(Schema):
    """JSON Merge Patch of a draft; `status: final` files it, after which nothing changes."""

    status: FiledStatus = "draft"
    conducted_on: Day | None = None
    confidentiality: Confidentiality = "RESTRICTED"
    detail: dict[str, Any] = Field(default={}, description="merged into the stored detail")


class AssessmentFilter(Schema):
    """Filters of the assessment list."""

    partner_id: UUID | None = None
    type: TypeCode | None = None
    owner_agency: AgencyCode | None = None
    status: AssessmentStatus | None = None
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
    version: int | None = Field(description="version of the assessment that was read")
    at: Instant


class MethodologyOut(Schema):
    """An edition of an assessment tool."""

    code: str = Field(examples=["UN-PSEA-2020"])
    title: str
    source: Source
    confirmed: bool = Field(
        description="false: the figures still need an agency's confirmation against the source"
    )
    note: str | None = None
    effective_from: date
    effective_to: date | None
    validity_months: int
    dimension: str
    rules: dict[str, Any] = Field(description="what else the type's methodologies say")


class AssessmentTypeOut(Schema):
    """An assessment type that can be filed."""

    code: str = Field(examples=["psea"])
    title: str
    methodologies: list[MethodologyOut]


class AssessmentTypesOut(Schema):
    """All types; the list is short and has no pages."""

    items: list[AssessmentTypeOut]


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
