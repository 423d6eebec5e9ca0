"""When notice is given, and of what is warned: versioned data (periods.yaml), read once."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict

from app.core import datafiles


class _Periods(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    effective_from: date
    source: str
    confirmed: bool
    expiry_notices: list[int]
    planned_within_months: int


PERIODS = _Periods.model_validate(datafiles.read("app.assessments.life_cycle", "periods.yaml"))
NOTICES = PERIODS.expiry_notices
