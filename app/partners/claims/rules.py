"""Periods and checks of claims: versioned data (rules.yaml), read once."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict


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


RULES = Rules.model_validate(
    yaml.safe_load(files("app.partners.claims").joinpath("rules.yaml").read_text("utf-8"))
)
Check = StrEnum("Check", {code: code for code in RULES.checks})  # type: ignore[misc]  # its members are data
"""How the authority of whoever claims a profile was checked."""
