"""Wire shapes of partner profiles."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, field_validator, model_validator

from app.core.schemas import Country, Day, Flag, Instant, Line, Paragraph, Schema, Text
from app.partners.identifiers.schemas import IdentifierIn, IdentifierOut
from app.partners.naming import official
from app.partners.types import PartnerStatus, PartnerTag, PartnerType

Acronym = Annotated[Text, StringConstraints(min_length=1, max_length=40, strip_whitespace=True)]
Year = Annotated[int, Field(strict=True, ge=1800, le=2199, examples=[1998])]
Website = Annotated[Text, StringConstraints(max_length=300, pattern=r"^https?://[^\s<>\"]+$")]


_PROTECTED = (
    "naming this partner could endanger people: agencies without the right to know of it do not"
)
_CONSENT = "the partner agreed to be shown to the public, once it is verified"
_VALID_FROM = "since when it is so in the world; today, if it is not said"


class PartnerIn(Schema):
    """A new profile. One of the two official names is enough."""

    legal_name: Line | None = Field(
        None,
        description="official name in Latin script; without one, a transliteration is made of "
        "`legal_name_native` and marked `legal_name_generated`",
        examples=["Amani Relief Trust"],
    )
    legal_name_native: Line | None = Field(None, description="official name in its own script")
    acronym: Acronym | None = Field(None, examples=["ART"])
    aliases: list[Line] = Field(default=[], max_length=20, examples=[["Amani Trust"]])
    former_names: list[Line] = Field(default=[], max_length=20)
    name_changed_on: Day | None = Field(None, description="when it gave up the last former name")
    partner_type: PartnerType
    tags: list[PartnerTag] = Field(default=[], max_length=6)
    country: Country = Field(description="country of this profile", examples=["KEN"])
    country_of_origin: Country | None = None
    hq_id: UUID | None = Field(None, description="headquarters profile of a country profile")
    same_country_reason: Paragraph | None = Field(
        None, description="why a country profile stands in the country of its headquarters"
    )
    year_established: Year | None = None
    website: Website | None = None
    protected: Flag = Field(False, description=_PROTECTED)
    publication_consent: Flag = Field(False, description=_CONSENT)
    valid_from: Day | None = Field(None, description=_VALID_FROM)
    identifiers: list[IdentifierIn] = Field(default=[], max_length=20)

    @field_validator("tags")
    @classmethod
    def _tags(cls, value: list[PartnerTag]) -> list[PartnerTag]:
        return sorted(set(value))

    @model_validator(mode="after")
    def _whole(self) -> Self:
        official(self.legal_name, self.legal_name_native)
        if self.name_changed_on is not None and not self.former_names:
            raise ValueError("name_changed_on goes with former_names")
        if self.same_country_reason is not None and not self._below_another():
            raise ValueError("same_country_reason goes with hq_id")
        return self

    def _below_another(self) -> bool:
        return self.hq_id is not None


class PartnerPatch(Schema):
    """JSON Merge Patch of a profile: what is absent stays, null empties."""

    legal_name: Line = ""
    legal_name_native: Line | None = None
    acronym: Acronym | None = None
    aliases: list[Line] = Field(default=[], max_length=20)
    former_names: list[Line] = Field(default=[], max_length=20)
    name_changed_on: Day | None = None
    partner_type: PartnerType = PartnerType.NGO_NATIONAL
    tags: list[PartnerTag] = Field(default=[], max_length=6)
    country_of_origin: Country | None = None
    same_country_reason: Paragraph | None = None
    year_established: Year | None = None
    website: Website | None = None
    protected: Flag = Field(False, description=_PROTECTED)
    publication_consent: Flag = Field(False, description=_CONSENT)
    valid_from: Day | None = Field(None, description=_VALID_FROM)
    correction: Flag = Field(
        False,
        description="it was never so, as with a typing error: the old name becomes no former "
        "name, and `valid_from` stays",
    )

    @field_validator("tags")
    @classmethod
    def _tags(cls, value: list[PartnerTag]) -> list[PartnerTag]:
        return sorted(set(value))


class PartnerOut(Schema):
    """A shared profile: versioned fields only, the same for every agency that may know of it."""

    id: UUID
    registry_number: str = Field(
        description="public number with check character", examples=["IPR-0000001-C"]
    )
    version: int
    status: PartnerStatus
    legal_name: str
    legal_name_generated: bool = Field(
        description="`legal_name` is a transliteration that the registry made"
    )
    legal_name_native: str | None = None
    script: str | None = Field(
        None, description="ISO 15924 code of the script of `legal_name_native`", examples=["Arab"]
    )
    acronym: str | None = None
    aliases: list[str]
    former_names: list[str]
    name_changed_on: date | None = None
    partner_type: PartnerType
    tags: list[PartnerTag]
    country: str = Field(examples=["KEN"])
    country_of_origin: str | None = None
    hq_id: UUID | None = None
    same_country_reason: str | None = None
    year_established: int | None = None
    website: str | None = None
    protected: bool
    publication_consent: bool
    control: Literal["agency", "partner", "disputed"] = Field(
        description="who keeps the partner's own fields: agencies on its behalf, or itself"
    )
    complete: bool = Field(description="every section is complete")
    merged_into: UUID | None = None
    valid_from: date = Field(description="since when what this version says is so in the world")
    last_confirmed_at: Instant | None = None
    identifiers: list[IdentifierOut]
    created_by: str = Field(description="agency that made the profile", examples=["UNICEF"])
    created_at: Instant
    updated_at: Instant


class FieldSource(Schema):
    """Who gave a field, and when."""

    source: str = Field(description="an agency's code, or `partner`", examples=["UNICEF"])
    on: date


class SourcesOut(Schema):
    """Where each field of a profile that has a value comes from."""

    partner_id: UUID
    version: int
    fields: dict[str, FieldSource] = Field(
        examples=[{"legal_name": {"source": "UNICEF", "on": "2026-03-01"}}]
    )
