"""Periods and checks of claims: versioned data (rules.yaml), read once."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from app.core import datafiles


class Rules(BaseModel):
    """Days that things may take, how many documents may be named, codes of checks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    effective_from: date
    source: str
    confirmed: bool
    invitation_days: int
    correction_days: int
    comment_days: int
    documents: int
    checks: list[str]


RULES = Rules.model_validate(datafiles.read("app.partners.claims", "rules.yaml"))
Check = StrEnum("Check", {code: code for code in RULES.checks})  # type: ignore[misc]  # its members are data
"""How the authority of whoever claims a profile was checked."""
