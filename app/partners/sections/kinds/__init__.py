"""The sections of a profile, in the order in which they are asked. A new one: a file and a line."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.schemas import Schema
from app.partners.sections.kinds.collaboration import Collaboration
from app.partners.sections.kinds.contact import Contact
from app.partners.sections.kinds.funding import Funding
from app.partners.sections.kinds.implementation import Implementation
from app.partners.sections.kinds.mandate import Mandate
from app.partners.sections.kinds.other import Other
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
        Kind("contact", "contact information", Contact, Contact),
        Kind("mandate", "mandate and mission", Mandate, Mandate),
        Kind("funding", "funding", Funding, Funding),
        Kind("collaboration", "collaboration", Collaboration, Collaboration),
        Kind("implementation", "project implementation", Implementation, Implementation),
        Kind("other", "other information", Other, Other),
    )
}
