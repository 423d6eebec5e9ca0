"""Retention rules: their periods as versioned data (rules.yaml), their statements by feature.

A feature lists its rules in its ``retention.py``. For each there is a view ``retention_<name>``,
with the rights of its reader: id, partner_id, owner_agency, since, records (all that a legal hold
may name) and kept_by (a code where an open matter keeps it, or null). The database lets nothing go
that the view does not show as due, or that a hold keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pydantic import BaseModel, ConfigDict
from sqlalchemy import TextClause, text

from app.core import datafiles


class Period(BaseModel):
    """What one rule says: it keeps for so many months, and so many days."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str
    months: int = 0
    days: int = 0
    counted_from: str
    action: str
    kept_by: str | None = None
    source: str

    @property
    def length(self) -> str:
        """The period in words."""
        parts = ((self.months, "month"), (self.days, "day"))
        return " ".join(f"{n} {unit}{'s' * (n != 1)}" for n, unit in parts if n)


class Periods(BaseModel):
    """All rules of one version."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    effective_from: date
    source: str
    confirmed: bool
    rules: dict[str, Period]


PERIODS = Periods.model_validate(datafiles.read("app.partners.retention", "rules.yaml"))


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """How a feature erases what is due: statements in their order, each with ``:ids``."""

    name: str
    statements: tuple[TextClause, ...]

    @property
    def view(self) -> str:
        """The view that shows what is due; its name is ours, never a caller's."""
        assert self.name in PERIODS.rules
        return f"retention_{self.name}"


def rule(name: str, *statements: str) -> RetentionRule:
    """A rule of rules.yaml and its statements."""
    return RetentionRule(name, tuple(text(statement) for statement in statements))
