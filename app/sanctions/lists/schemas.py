"""Wire shapes of external lists."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from app.core.paging import PageQuery
from app.core.schemas import Instant, QueryInt, Schema, Text
from app.sanctions.entries.schemas import CrossDebarmentOut

Audience = Literal["shared", "joint", "opt_in"]
VersionNumber = Annotated[QueryInt, Field(ge=1, le=2**53)]


class SourceOut(Schema):
    """An external list: what it is, for whom it counts, what we hold and how fresh it is.

    Of a list that does not count for the caller, nothing is told of what is held.
    """

    code: str = Field(examples=["unsc"])
    title: str
    publisher: str
    licence: str
    audience: Audience = Field(
        description="`shared`: counts for all; `joint`: once two agencies enabled it; `opt_in`: "
        "for agencies that switched it on"
    )
    regime: str = Field(examples=["SECURITY_COUNCIL"])
    counts_for_you: bool = Field(
        description="used in the calling agency's screenings and clearances"
    )
    required: bool = Field(description="without it, or when it is stale, nothing reads as no hit")
    version: int | None
    digest: str | None = Field(description="SHA-256 of the imported file")
    counts: dict[str, int] = Field(examples=[{"persons": 730, "organisations": 273}])
    published_at: Instant | None
    last_success: Instant | None = Field(description="last successful check, not the publishing")
    max_staleness_s: int
    stale: bool


class SourcesOut(Schema):
    """All sources."""

    items: list[SourceOut]


class VersionOut(Schema):
    """One imported issue of a list, and what it changed."""

    version: int
    source: str = Field(examples=["unsc"])
    digest: str = Field(description="SHA-256 of the imported file")
    layout: str = Field(description="which of the publisher's formats it was in, if there are more")
    published_at: Instant | None
    imported_at: Instant
    added: int
    changed: int
    removed: int
    parties: int


class AsOf(Schema):
    """The list in force, or that of a version or of a moment."""

    version: VersionNumber | None = Field(None, description="as of this version")
    as_of: Instant | None = Field(
        None, description="of the version that was in force then; not with `version`"
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.version is not None and self.as_of is not None:
            raise ValueError("name a version or a moment, not both")
        return self


class PartyFilter(AsOf, PageQuery):
    """Which parties: of the list in force, of a version, or of a moment."""

    q: Annotated[Text, StringConstraints(min_length=2, max_length=200)] | None = Field(
        None, description="part of a name or of the reference, as it is written", examples=["trust"]
    )


class ListedCrossDebarmentOut(CrossDebarmentOut):
    """The same of one of the party's measures, as far as the list carries the facts."""

    measure: int = Field(description="place of the measure in `party.measures`, from 0")


class ListedPartyOut(Schema):
    """A listed party: everything its publisher says, as it was read."""

    entry_id: UUID
    source: str = Field(examples=["unsc"])
    key: str = Field(description="the publisher's own key")
    reference: str = Field(examples=["QDe.999"])
    kind: str = Field(examples=["organisation"])
    from_version: int = Field(description="version of the list that brought this state")
    to_version: int | None = Field(description="version that ended it; null: in force")
    ends_on: str | None = Field(description="last day of a listing that ends by date")
    expired_at: Instant | None = Field(description="since when it is out of the feed by its date")
    digest: str = Field(description="SHA-256 of the published record's canonical JSON")
    party: dict[str, Any] = Field(
        description="names, dates, places, documents, addresses, identifiers, measures, remarks"
    )
    cross_debarment: list[ListedCrossDebarmentOut] = Field(
        [], description="of lists of development banks: by the conditions of their agreement"
    )


class ListedPartyDetailOut(ListedPartyOut):
    """A listed party with the record as it was published."""

    original: dict[str, Any] = Field(description="the published record, losing nothing")


class ListUseIn(Schema):
    """Why the agency may and wants to use this list."""

    legal_basis: Annotated[
        Text, StringConstraints(min_length=1, max_length=1_000, strip_whitespace=True)
    ] = Field(
        description="the rule or decision that lets the agency use it",
        examples=["Legal counsel's memorandum 2026/14: funds from this donor require the list."],
    )


class ListUseOut(Schema):
    """A use of a list: proposed by one person, in force once another approved it."""

    id: UUID
    source: str = Field(examples=["eu_fsf"])
    audience: Literal["opt_in", "joint"]
    agency: str = Field(description="that proposed it", examples=["UNICEF"])
    legal_basis: str
    state: Literal["proposed", "active", "ended"]
    proposed_by: UUID
    proposed_at: Instant
    approved_by: UUID | None
    approving_agency: str | None
    approved_at: Instant | None
    ended_by: UUID | None
    ended_at: Instant | None
    version: int = Field(description="what `If-Match` wants")
