"""How long an owner has to answer: versioned data (periods.yaml), read once."""

from __future__ import annotations

from datetime import date
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict


class Periods(BaseModel):
    """Days until an answer is overdue, and how many documents an objection may name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    effective_from: date
    source: str
    confirmed: bool
    answer_days: int
    evidence: int


PERIODS = Periods.model_validate(
    yaml.safe_load(files("app.partners.objections").joinpath("periods.yaml").read_text("utf-8"))
)
