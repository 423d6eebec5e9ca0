"""Wire shapes of shares, standing policies and access requests."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BeforeValidator, Field, model_validator

from app.assessments.schemas import QueryCursor, QueryLimit, RoleCode
from app.assessments.types import TypeCode
from app.assessments.types.base import AgencyCode
from app.audit.purposes import AccessPurpose
from app.core.codelists import Coded
from app.core.schemas import Country, Day, Flag, Instant, Line, Paragraph, Schema

ShareLevel = Literal["summary", "detail"]
RequestStatus = Literal["open", "approved", "denied", "withdrawn", "closed"]
Roles = Annotated[
    list[RoleCode],
    Field(max_length=15, description="only readers with one of these roles", examples=[[]]),
]


def _query_flag(value: object) -> object:
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


QueryFlag = Annotated[bool, Field(strict=True), BeforeValidator(_query_flag)]
"""``true`` or ``false`` in a query string, nothing else."""


class Legal(Schema):
    """On which basis an agency lets another read, or asks to read."""

    legal_basis: Annotated[str, Coded("legal_bases")] = Field(
        "agreement",
        description="a code of `GET /v1/codelists/legal_bases`; `agreement` without a reference is "
        "the one by which every agency joins the registry",
    )
    legal_reference: Line | None = Field(
        None,
        description="where the basis is written",
        examples=["Joint programme KEN-2026, art. 7"],
    )
    partner_consent_reference: Line | None = Field(
        None,
        description="required for `partner_consent`: where the partner's consent is kept",
        examples=["Letter of 2026-02-14, file 2026/118"],
    )

    @model_validator(mode="after")
    def _consent(self) -> Self:
        if self.legal_basis == "partner_consent" and self.partner_consent_reference is None:
            raise ValueError("partner_consent needs partner_consent_reference")
        return self


class LegalOut(Schema):
    """The basis as it was stated."""

    legal_basis: str = Field(examples=["agreement"])
    legal_reference: str | None = None
    partner_consent_reference: str | None = None


class ShareIn(Legal):
    """Whom to let read what, for what, until when."""

    shared_with: AgencyCode
    level: ShareLevel
    purpose: AccessPurpose
    valid_from: Instant | None = Field(None, description="default: at once")
    valid_until: Instant | None = Field(
        None,
        description="default: 12 months, or what the agency's setting `default_share_months` "
        "says, or the end of the assessment's validity if sooner",
        examples=["2026-12-31T23:59:59Z"],
    )
    roles: Roles = Field(default=[])
    note: Paragraph | None = Field(None, description="for the recipient; kept encrypted")


class ShareOut(LegalOut):
    """A share. Only the owner and the recipient see it."""

    id: UUID
    assessment_id: UUID
    owner_agency: str = Field(examples=["UNICEF"])
    shared_with: str = Field(examples=["WFP"])
    level: ShareLevel
    purpose: AccessPurpose
    valid_from: Instant
    valid_until: Instant
    status: Literal["scheduled", "active", "expired", "revoked", "ended"]
    created_at: Instant
    revoked_at: Instant | None = None
    ended_at: Instant | None = None
    end_reason: str | None = Field(None, examples=["recipient_withdrawn"])
    access_request_id: UUID | None = None
    roles: list[str]
    note: str | None = Field(None, description="null, too, where it or the assessment is redacted")


class StandingTerms(Legal):
    """Which of the own agency's assessments to let others read, for what, until when."""

    level: ShareLevel
    purpose: AccessPurpose
    type: TypeCode | None = Field(None, description="only this assessment type")
    country: Country | None = Field(None, description="only partners of this country")
    partner_id: UUID | None = Field(None, description="only this partner")
    all: Flag = Field(False, description="true, and no filter: every assessment", examples=[True])
    roles: Roles = Field(default=[])
    note: Paragraph | None = Field(None, description="for the recipient; kept encrypted")
    valid_from: Instant | None = Field(None, description="default: at once")
    valid_until: Instant | None = Field(
        None, description="default: until it is ended", examples=["2027-12-31T23:59:59Z"]
    )

    @model_validator(mode="after")
    def _filters(self) -> Self:
        if self.all == any((self.type, self.country, self.partner_id)):
            raise ValueError('name a filter, or say "all": true without one')
        return self


class SharingPolicyIn(StandingTerms):
    """A standing share with one agency."""

    shared_with: AgencyCode


class SharingPolicyOut(LegalOut):
    """A standing share. Only the owner and the recipient see it."""

    id: UUID
    owner_agency: str = Field(examples=["UNICEF"])
    shared_with: str = Field(examples=["WFP"])
    level: ShareLevel
    purpose: AccessPurpose
    type: str | None = None
    country: str | None = Field(None, examples=["KEN"])
    partner_id: UUID | None = None
    all: bool
    roles: list[str]
    valid_from: Instant
    valid_until: Instant | None
    status: Literal["scheduled", "active", "expired", "ended"]
    created_at: Instant
    ended_at: Instant | None = None
    note: str | None = None
    group_id: UUID | None = Field(
        None, description="for the owner: given together with those for others of a group"
    )
    group: str | None = Field(None, examples=["HACT_AGENCIES"])
    group_version: str | None = Field(None, examples=["2026.1"])


class SharingPolicyFilter(Schema):
    """Filters of the list of standing shares."""

    direction: Literal["given", "received"] | None = None
    shared_with: AgencyCode | None = None
    owner_agency: AgencyCode | None = None
    purpose: AccessPurpose | None = None
    type: TypeCode | None = None
    country: Country | None = None
    partner_id: UUID | None = None
    status: Literal["scheduled", "active", "expired", "ended"] | None = None
    limit: QueryLimit = 50
    cursor: QueryCursor | None = None


class AccessRequestIn(Legal):
    """A request to read another agency's assessment."""

    assessment_id: UUID
    level: ShareLevel
    purpose: AccessPurpose
    justification: Paragraph = Field(examples=["Selection of partners for the Turkana response."])
    valid_until: Instant | None = Field(
        None, description="until when reading is needed; a share never lasts longer"
    )
    answer_by: Day | None = Field(
        None, description="last day for the answer; default in 15 days, at least 1, at most 90"
    )


class AccessRequestOut(LegalOut):
    """An access request. Only the asking agency and the owner see it."""

    id: UUID
    assessment_id: UUID
    owner_agency: str = Field(examples=["UNICEF"])
    requested_by: str = Field(examples=["WFP"])
    level: ShareLevel
    purpose: AccessPurpose
    justification: str
    status: RequestStatus
    reason: str | None = None
    close_reason: str | None = Field(
        None, description="why nobody decides any more", examples=["owner_withdrawn"]
    )
    redacted: bool = Field(
        False,
        description="texts of the request, or the assessment, are redacted: the justification is "
        "empty, the reason null, whichever is hidden",
    )
    share_id: UUID | None = None
    valid_until: Instant | None = None
    answer_by: date = Field(description="last day on which an answer is in time")
    overdue: bool = Field(description="open, and `answer_by` is past")
    version: int
    created_at: Instant
    decided_at: Instant | None = None


class AccessRequestFilter(Schema):
    """Filters of the list of access requests."""

    direction: Literal["received", "sent"] | None = None
    status: RequestStatus | None = None
    assessment_id: UUID | None = None
    partner_id: UUID | None = None
    overdue: QueryFlag | None = Field(None, description="true: open and past `answer_by`")
    limit: QueryLimit = 50
    cursor: QueryCursor | None = None


class DecisionIn(Schema):
    """The owner's decision. A refusal says why; an approval gives what was asked for, or less."""

    decision: Literal["approve", "deny"]
    reason: Paragraph | None = Field(None, examples=["Joint programme in the same county."])
    level: ShareLevel | None = Field(None, description="default as asked; never more")
    purpose: AccessPurpose | None = Field(
        None, description="as asked: another purpose takes another request"
    )
    valid_until: Instant | None = Field(
        None,
        description="end of the share that an approval gives, not after the end asked for; default "
        "the end asked for, else as for a share",
    )
    roles: Roles = Field(default=[])
    legal_basis: Annotated[str, Coded("legal_bases")] | None = Field(
        None, description="default: the basis that was asked on, with its references"
    )
    legal_reference: Line | None = None
    partner_consent_reference: Line | None = None

    @model_validator(mode="after")
    def _legal(self) -> Self:
        if self.legal_basis == "partner_consent" and self.partner_consent_reference is None:
            raise ValueError("partner_consent needs partner_consent_reference")
        if self.legal_basis is None and (self.legal_reference or self.partner_consent_reference):
            raise ValueError("a reference needs legal_basis")
        return self
