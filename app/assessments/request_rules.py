"""Periods of access requests: versioned data (request_rules.yaml), read once."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict

from app.core import datafiles


class Rules(BaseModel):
    """Days until an answer is due, and before that on which the owner is reminded."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    effective_from: date
    source: str
    confirmed: bool
    answer_days: int
    fewest_days: int
    most_days: int
    reminders: tuple[int, ...]


RULES = Rules.model_validate(datafiles.read("app.assessments", "request_rules.yaml"))
