"""Section mandate: what the organisation is for, how it is led, where and for whom it works."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from app.core.codelists import Coded
from app.core.schemas import Country, Flag, Schema
from app.partners.sections.kinds.since import Since
from app.partners.sections.texts import Prose

StaffBand = Annotated[str, Coded("staff_bands")]


class Specialisation(Schema):
    """A field of work and the years of experience in it."""

    code: Annotated[str, Coded("specialisations")]
    years: Annotated[str, Coded("experience_bands")]


class MandateSection(Schema):
    """Mandate and mission."""

    background: Prose | None = None
    mandate_and_mission: Prose | None = None
    governance_structure: Prose | None = None
    hq_oversight: Prose | None = Field(None, description="how headquarters oversees its offices")
    safeguarding_policy: Flag | None = Field(None, description="against harm to beneficiaries")
    safeguarding_note: Prose | None = None
    anti_fraud_policy: Flag | None = None
    anti_fraud_note: Prose | None = None
    populations: list[Annotated[str, Coded("populations")]] | None = Field(
        None, max_length=6, description="populations of concern it works with; empty: none"
    )
    works_in_high_risk_locations: Flag | None = None
    high_risk_note: Prose | None = None
    staff_in_country: StaffBand | None = None
    staff_globally: StaffBand | None = None
    presence: list[Country] | None = Field(
        None, max_length=250, description="countries it works in", examples=[["KEN", "SOM"]]
    )
    specialisations: list[Specialisation] | None = Field(None, max_length=81)

    @field_validator("specialisations")
    @classmethod
    def _once(cls, value: list[Specialisation] | None) -> list[Specialisation] | None:
        if value and len({item.code for item in value}) != len(value):
            raise ValueError("names a specialisation twice")
        return value

    @field_validator("populations", "presence")
    @classmethod
    def _sorted(cls, value: list[str] | None) -> list[str] | None:
        return None if value is None else sorted(set(value))


class MandatePatch(Since, MandateSection):
    """JSON Merge Patch of the section: what is absent stays, null empties."""
