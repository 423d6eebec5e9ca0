"""Wire shapes of partner profiles."""

from __future__ import annotations

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StringConstraints, field_validator, model_validator

from app.core.paging import PageQuery
from app.core.schemas import Country, Instant, Line, Schema, Text
from app.partners.identifiers import IdentifierScheme, needs_country, normalise
from app.partners.types import PartnerStatus, PartnerTag, PartnerType

Acronym = Annotated[Text, StringConstraints(min_length=1, max_length=40, strip_whitespace=True)]
Year = Annotated[int, Field(strict=True, ge=1800, le=2199, examples=[1998])]
Website = Annotated[Text, StringConstraints(max_length=300, pattern=r"^https?://[^\s<>\"]+$")]
Value = Annotated[Text, StringConstraints(min_length=1, max_length=1_024, strip_whitespace=True)]


class IdentifierIn(Schema):
    """An identifier in a public or agency scheme."""

    scheme: IdentifierScheme
    value: Value = Field(examples=["KE-NCB-218-051"])
    country: Country | None = Field(
        None, description="needed for NAT_REG and AGENCY_VENDOR, refused for the other schemes"
    )

    @model_validator(mode="after")
    def _scheme(self) -> Self:
        if needs_country(self.scheme) != (self.country is not None):
            word = "needs" if needs_country(self.scheme) else "takes no"
            raise ValueError(f"an identifier of this scheme {word} country")
        self.value = normalise(self.scheme, self.value)
        return self


class IdentifierOut(Schema):
    """An identifier and, for an agency's own vendor number, whose it is."""

    scheme: IdentifierScheme
    value: str
    country: str | None = None
    agency: str | None = None


class PartnerIn(Schema):
    """A new profile."""

    legal_name: Line = Field(
        description="official name in Latin script", examples=["Amani Relief Trust"]
    )
    legal_name_native: Line | None = Field(None, description="official name in its own script")
    acronym: Acronym | None = Field(None, examples=["ART"])
    aliases: list[Line] = Field(default=[], max_length=20, examples=[["Amani Trust"]])
    former_names: list[Line] = Field(default=[], max_length=20)
    partner_type: PartnerType
    tags: list[PartnerTag] = Field(default=[], max_length=5)
    country: Country = Field(description="country of this profile", examples=["KEN"])
    country_of_origin: Country | None = None
    hq_id: UUID | None = Field(None, description="headquarters profile of a country profile")
    year_established: Year | None = None
    website: Website | None = None
    identifiers: list[IdentifierIn] = Field(default=[], max_length=20)

    @field_validator("tags")
    @classmethod
    def _tags(cls, value: list[PartnerTag]) -> list[PartnerTag]:
        return sorted(set(value))


class PartnerPatch(Schema):
    """JSON Merge Patch of a profile: what is absent stays, null empties."""

    legal_name: Line = ""
    legal_name_native: Line | None = None
    acronym: Acronym | None = None
    aliases: list[Line] = Field(default=[], max_length=20)
    former_names: list[Line] = Field(default=[], max_length=20)
    partner_type: PartnerType = PartnerType.NGO_NATIONAL
    tags: list[PartnerTag] = Field(default=[], max_length=5)
    country_of_origin: Country | None = None
    year_established: Year | None = None
    website: Website | None = None


class PartnerOut(Schema):
    """A shared profile: versioned fields only, the same for every agency."""

    id: UUID
    registry_number: str = Field(
        description="public number with check character", examples=["IPR-0000001-C"]
    )
    version: int
    status: PartnerStatus
    legal_name: str
    legal_name_native: str | None = None
    acronym: str | None = None
    aliases: list[str]
    former_names: list[str]
    partner_type: PartnerType
    tags: list[PartnerTag]
    country: str = Field(examples=["KEN"])
    country_of_origin: str | None = None
    hq_id: UUID | None = None
    year_established: int | None = None
    website: str | None = None
    identifiers: list[IdentifierOut]
    created_by: str = Field(description="agency that made the profile", examples=["UNICEF"])
    created_at: Instant
    updated_at: Instant


class PartnerFilter(PageQuery):
    """Filters of the partner list."""

    country: Country | None = None
    partner_type: PartnerType | None = None
    status: PartnerStatus | None = None
