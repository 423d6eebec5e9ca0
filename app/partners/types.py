"""Partner types and tags (domain.md 2.2), and the rules of each type (types.yaml).

A code is only ever added.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.core import datafiles


class PartnerType(StrEnum):
    """What kind of legal person a partner is."""

    GOV_NATIONAL = "GOV_NATIONAL"
    GOV_LOCAL = "GOV_LOCAL"
    GOV_OTHER_PUBLIC = "GOV_OTHER_PUBLIC"
    NGO_INTL = "NGO_INTL"
    NGO_NATIONAL = "NGO_NATIONAL"
    NGO_LOCAL = "NGO_LOCAL"
    NGO_REGIONAL = "NGO_REGIONAL"
    CBO = "CBO"
    ACADEMIC = "ACADEMIC"
    RCRC_NATIONAL = "RCRC_NATIONAL"
    RCRC_INTL = "RCRC_INTL"
    IGO = "IGO"
    UN_ENTITY = "UN_ENTITY"
    FOUNDATION = "FOUNDATION"
    PRIVATE_NFP = "PRIVATE_NFP"
    PRIVATE_FP = "PRIVATE_FP"
    PPP_NETWORK = "PPP_NETWORK"


class PartnerTag(StrEnum):
    """Marks beside the type."""

    FAITH_BASED = "FAITH_BASED"
    WOMEN_LED = "WOMEN_LED"
    REFUGEE_LED = "REFUGEE_LED"
    PERSONS_WITH_DISABILITIES = "PERSONS_WITH_DISABILITIES"
    YOUTH_LED = "YOUTH_LED"
    EXERCISES_PUBLIC_FUNCTIONS = "EXERCISES_PUBLIC_FUNCTIONS"
    """Set by agencies, never by the partner itself. It implies no recognition."""


class TypeRule(BaseModel):
    """What follows from a type; the head of types.yaml explains each field."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    unpp: str | None
    etools: str | None
    iati: tuple[str, ...]
    crs: tuple[str, ...]
    cso: bool
    verification: bool
    country_profiles: bool
    tags: tuple[PartnerTag, ...]
    localisation: Literal[
        "local", "national", "local_authority", "national_authority", "by_country", "not_local"
    ]
    needs_listing: bool
    public_authority: bool


class TypeRules(BaseModel):
    """A version of the rules of all types."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    effective_from: date
    source: str
    confirmed: bool
    public_functions_tag: PartnerTag = Field(
        description="a profile with this tag is handled like a public authority; it implies no "
        "recognition"
    )
    types: dict[PartnerType, TypeRule]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if set(self.types) != set(PartnerType):
            raise ValueError("every type needs its rules")
        return self


TYPE_RULES = TypeRules.model_validate(datafiles.read("app.partners", "types.yaml"))


def rule_of(partner_type: str) -> TypeRule:
    """The rules of a type in force."""
    return TYPE_RULES.types[PartnerType(partner_type)]


def is_public_authority(partner_type: str, tags: Iterable[str]) -> bool:
    """Whether this is a government or United Nations entity, or a body that is handled like one."""
    return rule_of(partner_type).public_authority or TYPE_RULES.public_functions_tag in tags


class PartnerStatus(StrEnum):
    """Where a profile stands. Computed by the registry, never set by hand."""

    DRAFT = "draft"
    PENDING_VERIFICATION = "pending_verification"
    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    DEACTIVATED = "deactivated"
    MERGED = "merged"
