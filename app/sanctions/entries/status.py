"""Whether a measure is in force, as every statement asks it: a function of the day."""

from __future__ import annotations

from typing import Literal

EntryStatus = Literal[
    "PENDING", "ACTIVE", "EXPIRED", "LIFTED", "RELEASED", "ANNULLED", "SUPERSEDED"
]


def status_sql(entry: str, day: str = "current_date") -> str:
    """SQL: the EntryStatus on a day. ``entry`` is an alias, ``day`` an expression of SQL."""
    return (
        f"sanction_status({entry}.effective_from, {entry}.effective_to, {entry}.ended_on, "
        f"{entry}.end_reason, {entry}.voided_at IS NOT NULL, {day})"
    )


def in_force_sql(entry: str, day: str = "current_date") -> str:
    """SQL condition: the measure is in force on a day."""
    return f"{entry}.valid @> {day}"
