"""How long an owner has to answer: versioned data (periods.yaml), read once."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict

from app.core import datafiles


class Periods(BaseModel):
    """Days until an answer is overdue, and how many documents an objection may name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    effective_from: date
    source: str
    confirmed: bool
    answer_days: int
    evidence: int


PERIODS = Periods.model_validate(datafiles.read("app.partners.objections", "periods.yaml"))
