"""Section collaboration: work with the UN, networks, accreditations, references.

An empty list is an answer: there is none.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.core.codelists import Coded
from app.core.schemas import Day, Schema
from app.partners.sections.kinds.since import Since
from app.partners.sections.texts import Prose, Words


class UnExperience(Schema):
    """Work with a UN entity."""

    entity: Annotated[str, Coded("un_entities")]
    description: Prose | None = None


class Evidence(Schema):
    """An accreditation or a reference."""

    organisation: Words = Field(examples=["Core Humanitarian Standard Alliance"])
    received_on: Day | None = None


class CollaborationSection(Schema):
    """Collaboration."""

    un_entities: list[UnExperience] | None = Field(None, max_length=50)
    networks: list[Words] | None = Field(
        None,
        max_length=50,
        description="clusters, networks, consortia",
        examples=[["WASH cluster"]],
    )
    accreditations: list[Evidence] | None = Field(None, max_length=20)
    references: list[Evidence] | None = Field(None, max_length=20)


class CollaborationPatch(Since, CollaborationSection):
    """JSON Merge Patch of the section: what is absent stays, null empties."""
