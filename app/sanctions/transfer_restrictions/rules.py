"""Periods of transfer restrictions: versioned data (rules.yaml)."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict

from app.core import datafiles


class RestrictionRules(BaseModel):
    """One version of the rules."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    effective_from: date
    source: str
    confirmed: bool
    single_person_days: int
    longest_review_months: int
    overdue_every_days: int


RULES = RestrictionRules.model_validate(
    datafiles.read("app.sanctions.transfer_restrictions", "rules.yaml")
)
