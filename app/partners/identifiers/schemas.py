"""Wire shapes of identifiers."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from app.core.paging import PageQuery
from app.core.schemas import Country, Day, Instant, Line, Paragraph, Schema, Text
from app.partners.identifiers.schemes import IdentifierScheme, normalise, prefix_state, rule

Value = Annotated[Text, StringConstraints(min_length=1, max_length=1_024, strip_whitespace=True)]
Area = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]{0,39}$")]
Authority = Annotated[Text, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
AgencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_-]{1,19}$")]

IdentifierStatus = Literal["active", "disputed", "ended"]
Note = Literal["unverified_prefix", "deprecated_prefix"]


class EndReason(StrEnum):
    """Why an identifier is held no longer."""

    REPLACED = "replaced"
    EXPIRED = "expired"
    REVOKED = "revoked"
    WRONG = "wrong"
    DUPLICATE = "duplicate"
    OTHER = "other"


class IdentifierRef(Schema):
    """An identifier to look for. What narrows it down further may be left out."""

    scheme: IdentifierScheme
    value: Value = Field(examples=["KE-NCB-218-051"])
    country: Country | None = Field(
        None, description="needed where a value is unique within a country only, else refused"
    )

    @model_validator(mode="after")
    def _scheme(self) -> Self:
        needed = rule(self.scheme).country
        if needed != (self.country is not None):
            word = "needs" if needed else "takes no"
            raise ValueError(f"an identifier of this scheme {word} country")
        self.value = normalise(self.scheme, self.value, self.country)
        return self


class IdentifierIn(IdentifierRef):
    """An identifier that a new profile holds. Tax numbers are added once the profile is there."""

    area: Area | None = Field(None, description="business area of a vendor number")
    authority: Authority | None = Field(
        None, description="who issued it; needed for NAT_REG", examples=["NGO Coordination Board"]
    )
    issued_on: Day | None = None
    expires_on: Day | None = Field(None, description="notices go out 90, 60 and 30 days before")
    valid_from: Day | None = Field(None, description="since when it was so; today if left out")

    @model_validator(mode="after")
    def _holdable(self) -> Self:
        found = rule(self.scheme)
        if not found.stored:
            raise ValueError("registry numbers are given by the registry")
        if found.restricted and not self._takes_restricted():
            raise ValueError("tax numbers are added to a profile that is there already")
        if self.area is not None and self.scheme is not IdentifierScheme.AGENCY_VENDOR:
            raise ValueError("only vendor numbers have an area")
        if self.authority is None and self.scheme is IdentifierScheme.NAT_REG:
            raise ValueError("a national registration needs the authority that issued it")
        if self.authority is not None and found.restricted:
            raise ValueError("tax numbers take no authority")
        if self.issued_on and self.expires_on and self.expires_on < self.issued_on:
            raise ValueError("expires before it was issued")
        if prefix_state(self.scheme, self.value) == "deprecated":
            raise ValueError("the org-id register has given up this list")
        return self

    def _takes_restricted(self) -> bool:
        return False


class IdentifierAdd(IdentifierIn):
    """An identifier to add to a profile, tax numbers included."""

    def _takes_restricted(self) -> bool:
        return True


class IdentifierOut(Schema):
    """An identifier and, for an agency's own vendor number, whose it is."""

    scheme: IdentifierScheme
    value: str
    country: str | None = None
    agency: str | None = None
    disputed: bool = Field(False, description="another profile says that it holds it")


class IdentifierRecord(Schema):
    """An identifier with its history."""

    id: UUID
    partner_id: UUID = Field(description="the profile it was given to, before any merge")
    scheme: IdentifierScheme
    value: str | None = Field(description="null for tax numbers: see restricted-identifiers")
    country: str | None
    area: str | None
    authority: str | None
    agency: str | None = Field(description="agency that gave a vendor number")
    issued_on: Day | None
    expires_on: Day | None
    status: IdentifierStatus
    valid_from: Day
    ended_at: Instant | None
    end_reason: EndReason | Literal["dispute"] | None
    added_by: str | None = Field(examples=["UNICEF"])
    added_at: Instant
    notes: list[Note] = Field(description="what the org-id register says of its list")


class IdentifierFilter(PageQuery):
    """Filters of the list of identifiers."""

    include: Literal["ended"] | None = Field(None, description="`ended`: those of the past, too")


class IdentifierEnd(Schema):
    """Why an identifier ends."""

    reason: EndReason


class RestrictedRecord(Schema):
    """A tax number, opened for a purpose."""

    id: UUID
    partner_id: UUID
    scheme: IdentifierScheme
    value: str
    country: str
    issued_on: Day | None
    expires_on: Day | None
    status: IdentifierStatus
    valid_from: Day
    added_by: str | None = Field(examples=["UNICEF"])
    added_at: Instant


class RestrictedList(Schema):
    """All tax numbers of a profile that are held now."""

    items: list[RestrictedRecord]


class RestrictedMatchIn(IdentifierRef):
    """A tax number to look for; it stays out of addresses, and so out of their logs."""

    scheme: IdentifierScheme = Field(examples=["TAX_ID"])
    value: Value = Field(examples=["P051365947M"])
    country: Country | None = Field(None, examples=["KEN"])

    @model_validator(mode="after")
    def _restricted(self) -> Self:
        if not rule(self.scheme).restricted:
            raise ValueError("identifiers of this scheme are resolved by GET /v1/partners/resolve")
        return self


class RestrictedMatchOut(Schema):
    """The profile that holds the number, if the caller may know of one."""

    partner_id: UUID | None
    status: IdentifierStatus | None


class DisputeIn(IdentifierIn):
    """This profile's number is held by another one, and wrongly so."""

    grounds: Paragraph = Field(description="RESTRICTED: for who decides")
    document_ids: list[UUID] = Field(default=[], max_length=20)

    @model_validator(mode="after")
    def _disputable(self) -> Self:
        if self.scheme is IdentifierScheme.AGENCY_VENDOR or not rule(self.scheme).authoritative:
            raise ValueError("an identifier of this scheme is not disputed")
        return self

    def _takes_restricted(self) -> bool:
        return True


class DisputeDecisionIn(Schema):
    """Whose identifier it is."""

    holder: UUID = Field(description="the profile that keeps it")
    reason: Paragraph = Field(description="RESTRICTED, as the grounds")


class DisputeOut(Schema):
    """A dispute, without its texts."""

    id: UUID
    version: int
    status: Literal["open", "decided"]
    partner_id: UUID = Field(description="the profile that claims it")
    holder_id: UUID | None = Field(description="who held it; null where the caller may not know")
    scheme: IdentifierScheme
    value: str | None = Field(description="null for tax numbers")
    country: str | None
    document_ids: list[UUID]
    raised_by: str = Field(description="agency, or `partner`", examples=["WFP"])
    raised_at: Instant
    proposed_for: UUID | None = Field(
        description="whom the first of two persons named, of what a partner raised"
    )
    proposed_by: str | None = Field(examples=["UNICEF"])
    decided_for: UUID | None
    decided_by: str | None
    decided_at: Instant | None


class DisputeGrounds(Schema):
    """The texts of a dispute."""

    id: UUID
    grounds: str
    reason: str | None
    proposals: list[str] = Field(description="reasons of those who spoke before the decision")


class OwnDisputeOut(Schema):
    """A dispute as the partner is told of it: nothing of the other profile."""

    id: UUID
    status: Literal["open", "decided"]
    side: Literal["claimant", "holder"] = Field(
        description="`claimant`: says that it is its own; `holder`: had it first"
    )
    identifier_id: UUID = Field(description="the own row of `GET /v1/self/identifiers`")
    scheme: IdentifierScheme
    value: str | None = Field(description="null for tax numbers")
    country: str | None
    document_ids: list[UUID] = Field(description="the own ones that it was raised with")
    raised_by: str | None = Field(
        description="agency, or `partner`; null for the holder", examples=["partner"]
    )
    raised_at: Instant
    kept: bool | None = Field(description="whether the identifier is its own; null until decided")
    decided_by: str | None = Field(examples=["UNICEF"])
    decided_at: Instant | None


class ResolveQuery(Schema):
    """What to resolve."""

    scheme: IdentifierScheme
    value: Annotated[Text, Field(min_length=1, max_length=1_024)]
    country: Country | None = None
    area: Area | None = None
    authority: Line | None = None
    issued_by: AgencyCode | None = Field(
        None, description="agency of a vendor number; the caller's own if left out"
    )
    include: Literal["ended"] | None = None
