"""What counts as unusual: versioned data (watching.yaml), read once."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict

from app.core import datafiles


class Rules(BaseModel):
    """Periods of the watch."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    effective_from: date
    source: str
    confirmed: bool
    hours: int
    report_days: int
    keep_days: int


RULES = Rules.model_validate(datafiles.read("app.assessments.watching", "watching.yaml"))
