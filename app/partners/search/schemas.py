"""Wire shapes of searching and listing profiles."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator

from app.core import codelists
from app.core.paging import PageQuery
from app.core.schemas import Country, Instant, Schema, Text
from app.partners.identifiers.schemes import IdentifierScheme
from app.partners.types import PartnerStatus, PartnerTag, PartnerType

Localisation = Literal["local", "national", "local_authority", "national_authority", "not_local"]
Facet = Literal[
    "country", "partner_type", "status", "verification", "tag", "localisation", "sector",
    "population",
]  # fmt: skip
Words = Annotated[Text, StringConstraints(min_length=2, max_length=200, strip_whitespace=True)]
AgencyCode = Annotated[Text, StringConstraints(pattern=r"^[A-Z][A-Z0-9_-]{1,31}$")]
Value = Annotated[Text, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


def _known(name: str) -> AfterValidator:
    def check(code: str) -> str:
        if code not in codelists.current(name).by_code:
            raise ValueError(f"is no code of the list {name}")
        return code

    return AfterValidator(check)


class Filters(Schema):
    """What profiles are narrowed to. A filter that may be repeated asks for any of its values;
    `tag` asks for all of them.
    """

    q: Words | None = Field(
        None,
        description="words of a name, in any script: names, former names, aliases and acronyms as "
        "they are heard; best first, at most 200",
        examples=["amani relief"],
    )
    country: list[Country] = Field([], max_length=50)
    partner_type: list[PartnerType] = Field([], max_length=len(PartnerType))
    status: PartnerStatus | None = None
    verification: Literal["verified", "unverified", "none"] | None = Field(
        None, description="what the latest verification came to, also of a deactivated profile"
    )
    tag: list[PartnerTag] = Field([], max_length=6)
    localisation: Localisation | None = Field(
        None, description="local or national actor, by the rules of the partner types"
    )
    sector: list[Annotated[str, _known("sectors")]] = Field([], max_length=20)
    specialisation: list[Annotated[str, _known("specialisations")]] = Field([], max_length=20)
    population: list[Annotated[str, _known("populations")]] = Field([], max_length=10)
    scheme: IdentifierScheme | None = Field(
        None, description="has an identifier of this scheme; with `value`: this one"
    )
    value: Value | None = Field(None, description="goes with `scheme`")
    created_by: AgencyCode | None = Field(None, description="agency that made the profile")
    hq_id: UUID | None = Field(None, description="country profiles of this headquarters")
    updated_since: Instant | None = Field(None, description="changed at this instant or later")
    public: bool | None = Field(
        None,
        description="only profiles that may be shown to anybody: the partner agreed, it is "
        "verified and not protected, and its country is not sensitive",
    )

    @model_validator(mode="after")
    def _fits(self) -> Filters:
        if self.value is not None and self.scheme is None:
            raise ValueError("value goes with scheme")
        return self


class SearchQuery(Filters, PageQuery):
    """Filters, order and page of the partner list."""

    sort: Literal["newest", "updated"] = Field(
        "newest", description="newest profile first, or last changed first; `q` sorts by itself"
    )


class FacetQuery(Filters):
    """Filters, and what the profiles they leave are counted by."""

    facet: list[Facet] = Field(
        min_length=1,
        max_length=6,
        description="what to count by; repeatable, each once",
        examples=[["country", "partner_type"]],
    )

    @field_validator("facet")
    @classmethod
    def _once(cls, facets: list[Facet]) -> list[Facet]:
        if len(set(facets)) < len(facets):
            raise ValueError("names a facet twice")
        return facets


class FacetValue(Schema):
    """Profiles of one code."""

    code: str = Field(examples=["KEN"])
    label: str = Field(description="in English, of the code list", examples=["Kenya"])
    count: int = Field(examples=[12])


class FacetTotal(Schema):
    """Profiles that the filters leave."""

    count: int = Field(examples=[31])
    exact: bool = Field(
        description="false: this and every count below are estimates to two digits, or counting "
        "ended before it had met all profiles",
        examples=[True],
    )


class FacetsOut(Schema):
    """Counts by facet, the highest first."""

    total: FacetTotal
    facets: dict[Facet, list[FacetValue]] = Field(
        examples=[{"country": [{"code": "KEN", "label": "Kenya", "count": 12}]}]
    )
    more: list[Facet] = Field(
        description="facets of which more codes were met than the 50 that are shown", examples=[[]]
    )
