"""The sections of a profile, in the order in which they are asked. A new one: a file and a line."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.schemas import Schema
from app.partners.sections.kinds.collaboration import CollaborationPatch, CollaborationSection
from app.partners.sections.kinds.contact import ContactPatch, ContactSection
from app.partners.sections.kinds.funding import FundingPatch, FundingSection
from app.partners.sections.kinds.implementation import ImplementationPatch, ImplementationSection
from app.partners.sections.kinds.mandate import MandatePatch, MandateSection
from app.partners.sections.kinds.other import OtherPatch, OtherSection
from app.partners.sections.kinds.registration import RegistrationBody, RegistrationPatch


@dataclass(frozen=True, slots=True)
class Kind:
    """A section: what may be sent and what is served. All fields of both may be absent."""

    code: str
    title: str
    patch: type[Schema]
    body: type[Schema]


ALL: dict[str, Kind] = {
    kind.code: kind
    for kind in (
        Kind("registration", "legal status", RegistrationPatch, RegistrationBody),
        Kind("contact", "contact information", ContactPatch, ContactSection),
        Kind("mandate", "mandate and mission", MandatePatch, MandateSection),
        Kind("funding", "funding", FundingPatch, FundingSection),
        Kind("collaboration", "collaboration", CollaborationPatch, CollaborationSection),
        Kind(
            "implementation", "project implementation", ImplementationPatch, ImplementationSection
        ),
        Kind("other", "other information", OtherPatch, OtherSection),
    )
}
