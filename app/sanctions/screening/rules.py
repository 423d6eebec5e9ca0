"""Roles of subjects, terms of use, and what is told to data protection: versioned (rules.yaml)."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict

from app.core import datafiles


class ScreeningRules(BaseModel):
    """One version of the rules."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    effective_from: date
    source: str
    confirmed: bool
    roles: dict[str, str]
    terms: str
    persons_without_organisation: int


RULES = ScreeningRules.model_validate(datafiles.read("app.sanctions.screening", "rules.yaml"))
"""The version in force."""
