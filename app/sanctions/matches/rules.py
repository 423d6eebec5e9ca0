"""When a potential match is due, what a partner may be asked: versioned data (rules.yaml)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from pydantic import BaseModel, ConfigDict

from app.core import datafiles

_SATURDAY = 5


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Due(_Data):
    """How long adjudicators have."""

    working_days: int
    emergency_hours: int


class Facts(_Data):
    """Kinds of facts with their labels."""

    partner: dict[str, str]
    person: dict[str, str]


class MatchRules(_Data):
    """One version of the rules."""

    version: str
    effective_from: date
    source: str
    confirmed: bool
    due: Due
    smallest_group: int
    facts: Facts


RULES = MatchRules.model_validate(datafiles.read("app.sanctions.matches", "rules.yaml"))


def due_from(opened: datetime) -> datetime:
    """The same hour so many working days later."""
    due, left = opened, RULES.due.working_days
    while left:
        due += timedelta(days=1)
        left -= due.weekday() < _SATURDAY
    return due


def due_in_emergency(since: datetime) -> datetime:
    """The deadline where somebody has to sign in an emergency."""
    return since + timedelta(hours=RULES.due.emergency_hours)
