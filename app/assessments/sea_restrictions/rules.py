"""Periods of SEA restriction markers: versioned data (rules.yaml)."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict

from app.core import datafiles


class ReviewRules(BaseModel):
    """One version of the rules."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    effective_from: date
    source: str
    confirmed: bool
    longest_review_months: int
    overdue_every_days: int


RULES = ReviewRules.model_validate(datafiles.read("app.assessments.sea_restrictions", "rules.yaml"))
