"""Section funding: budgets in bands and where the money comes from."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from app.core.codelists import Coded
from app.core.schemas import Schema
from app.partners.sections.kinds.since import Since
from app.partners.sections.texts import Prose

Year = Annotated[int, Field(strict=True, ge=1990, le=2199, examples=[2026])]


class BudgetYear(Schema):
    """The annual budget of a year, as a band."""

    year: Year
    band: Annotated[str, Coded("budget_bands")]


class FundingSection(Schema):
    """Funding."""

    budgets: list[BudgetYear] | None = Field(None, max_length=20)
    donor_kinds: list[Annotated[str, Coded("donor_kinds")]] | None = Field(None, max_length=8)
    main_donors: Prose | None = None
    core_funding: Prose | None = Field(None, description="where core funding comes from")

    @field_validator("budgets")
    @classmethod
    def _years(cls, value: list[BudgetYear] | None) -> list[BudgetYear] | None:
        if value and len({item.year for item in value}) != len(value):
            raise ValueError("names a year twice")
        return value


class FundingPatch(Since, FundingSection):
    """JSON Merge Patch of the section: what is absent stays, null empties."""
