"""Wire shapes around the sections; each section's own fields are in ``kinds``."""

from __future__ import annotations

from typing import Generic, TypeVar
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
