"""Section contact: how to reach the organisation. Addresses of protected partners are kept back."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.core.codelists import Coded
from app.core.schemas import Flag, Schema
from app.partners.sections.kinds.since import Since
from app.partners.sections.texts import Email, Phone, Prose, Words

LOCATING = frozenset({"street", "po_box", "city", "postal_code", "phone", "email"})
"""Fields that tell where a partner is or how to reach it."""


class ContactSection(Schema):
    """Contact information of the organisation, never of a person."""

    mailing_type: Annotated[str, Coded("mailing_types")] | None = None
    street: Words | None = Field(None, examples=["12 Moi Avenue"])
    po_box: Words | None = Field(None, examples=["PO Box 4521"])
    city: Words | None = Field(None, examples=["Nairobi"])
    postal_code: Words | None = Field(None, examples=["00100"])
    phone: Phone | None = Field(None, examples=["+254 20 555 0100"])
    email: Email | None = Field(None, examples=["office@amani.example"])
    connectivity: Flag | None = Field(None, description="reliable internet where it works")
    connectivity_note: Prose | None = Field(None, description="how it does without")
    working_languages: list[Annotated[str, Coded("working_languages")]] | None = Field(
        None, max_length=7
    )
    other_languages: Words | None = Field(None, examples=["Swahili, Somali"])


class ContactPatch(Since, ContactSection):
    """JSON Merge Patch of the section: what is absent stays, null empties."""
