"""Wire shapes around the sections; each section's own fields are in ``kinds``."""

from __future__ import annotations

from datetime import date
from typing import Generic, Literal, TypeVar
from uuid import UUID

from pydantic import Field

from app.core.schemas import Instant, Schema
from app.partners.sections.kinds.collaboration import CollaborationSection
from app.partners.sections.kinds.contact import ContactSection
from app.partners.sections.kinds.funding import FundingSection
from app.partners.sections.kinds.implementation import ImplementationSection
from app.partners.sections.kinds.mandate import MandateSection
from app.partners.sections.kinds.other import OtherSection
from app.partners.sections.kinds.registration import RegistrationBody

T = TypeVar("T", bound=Schema)
SectionCode = Literal[
    "registration",
    "contact",
    "mandate",
    "funding",
    "collaboration",
    "implementation",
    "other",
]


class FieldSource(Schema):
    """Who gave a field, and when."""

    by: str = Field(description="agency, or PARTNER for the partner itself", examples=["UNICEF"])
    at: Instant


class SectionOut(Schema, Generic[T]):
    """A section as it stands; version 0: never saved."""

    partner_id: UUID
    section: str = Field(examples=["contact"])
    version: int
    complete: bool
    missing: list[str] = Field(description="JSON pointers of what it lacks", examples=[["/city"]])
    withheld: list[str] = Field(
        description="fields of a protected partner that the caller may not read", examples=[[]]
    )
    body: T
    sources: dict[str, FieldSource]
    updated_by: str | None = None
    updated_at: Instant | None = None
    valid_from: date | None = Field(
        None, description="since when what this version says is so in the world"
    )


class SectionVersionOut(Schema):
    """One version of a section: when it was recorded, since when it holds, and what changed."""

    version: int
    recorded_from: Instant
    recorded_to: Instant | None = Field(description="null for the version that stands")
    valid_from: date = Field(description="since when what it says was so in the world")
    by: str | None = Field(
        description="agency that made this version; null: the partner or the registry itself",
        examples=["UNICEF"],
    )
    changed: list[str] = Field(
        description="fields that differ from the version before; for the first, every field it "
        "has. Fields that are kept back from the caller are not named",
        examples=[["city", "phone"]],
    )


class SectionsOut(Schema):
    """All sections of a profile."""

    registration: SectionOut[RegistrationBody]
    contact: SectionOut[ContactSection]
    mandate: SectionOut[MandateSection]
    funding: SectionOut[FundingSection]
    collaboration: SectionOut[CollaborationSection]
    implementation: SectionOut[ImplementationSection]
    other: SectionOut[OtherSection]


class SectionState(Schema):
    """Whether a section is complete."""

    section: str = Field(description="a section, or `declaration`", examples=["registration"])
    complete: bool
    missing: list[str] = Field(
        description="JSON pointers of what it lacks", examples=[["/certificates"]]
    )


class CompletenessOut(Schema):
    """What a profile still lacks by the rules for its type."""

    partner_id: UUID
    complete: bool
    rules_version: str = Field(examples=["2026.1"])
    sections: list[SectionState]
    lapsed: list[str] = Field(
        description="certificates that have expired by now, as JSON pointers into registration",
        examples=[[]],
    )


class ReasonOut(Schema):
    """Why a partner is not registered, in words."""

    partner_id: UUID
    missing_reason: str | None = Field(None, examples=["UNSAFE"])
    text: str = Field(examples=["The authority hands lists of members to armed groups."])
    written_at: Instant
