"""Required, planned and done: how far a partner's assurance of a year is covered. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

KINDS: Mapping[str, tuple[str, ...]] = {
    "programmatic_visits": ("programmatic_visit",),
    "spot_checks": ("spot_check",),
    "audits": ("audit", "special_audit"),
}
"""What is counted together, and the assessment types that count for it."""
ACTIVITY_TYPES = tuple(code for codes in KINDS.values() for code in codes)


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """An activity of an agency's plan of the year."""

    id: UUID
    type: str
    year: int
    basis: str
    joint_with: Sequence[UUID]
    status: str
    to_year: int | None
    done_by: UUID | None


@dataclass(frozen=True, slots=True)
class Activity:
    """A final assessment of a type that assurance counts, whoever filed it."""

    id: UUID
    type: str
    owner: UUID
    conducted_on: date


def scheduled_in_year(row: PlannedRow) -> bool:
    """Whether it is, or was, to be done in the plan's own year."""
    if row.status == "cancelled":
        return False
    return row.status != "postponed" or row.to_year == row.year


def done(
    agency_id: UUID, year: int, rows: Sequence[PlannedRow], activities: Sequence[Activity]
) -> dict[str, list[UUID]]:
    """Ids of what counts as done for the agency in the year, by kind.

    Its own; and another agency's where a row of its own plan says that the two do it together: for
    each such row one, and never more than there are rows that its own work does not fill.
    """
    found: dict[str, list[UUID]] = {kind: [] for kind in KINDS}
    for kind, types in KINDS.items():
        in_year = [one for one in activities if one.type in types and one.conducted_on.year == year]
        found[kind].extend(sorted(one.id for one in in_year if one.owner == agency_id))
        open_rows = [
            row
            for row in rows
            if row.type in types and row.joint_with and row.status != "cancelled"
        ]
        others = sorted(
            (one for one in in_year if one.owner != agency_id),
            key=lambda one: (one.conducted_on, one.id),
        )
        found[kind].extend(_joint(open_rows, others))
    return found


def _joint(rows: Sequence[PlannedRow], others: Sequence[Activity]) -> list[UUID]:
    """Others' activities that fill joint rows: those that rows name, then the earliest for rows
    that name none. A row done by the agency's own activity is full."""
    named = {row.done_by for row in rows if row.done_by is not None}
    taken = [one.id for one in others if one.id in named]
    left = [one for one in others if one.id not in named]
    for row in rows:
        if row.done_by is not None:
            continue
        fitting = [one for one in left if one.type == row.type and one.owner in row.joint_with]
        if fitting:
            taken.append(fitting[0].id)
            left.remove(fitting[0])
    return taken


def status(required: Mapping[str, int | None], counts: Mapping[str, int]) -> str | None:
    """`complete`, `void` or `partial`, asked in this order; None where a minimum is not known."""
    known = {kind: number for kind, number in required.items() if number is not None}
    if len(known) < len(required):
        return None
    if all(counts[kind] >= number for kind, number in known.items()):
        return "complete"
    return "void" if not any(counts.values()) else "partial"


def count(
    agency_id: UUID,
    year: int,
    required: Mapping[str, int | None],
    rows: Sequence[PlannedRow],
    activities: Sequence[Activity],
) -> dict[str, Any]:
    """Status and numbers, as the wire shapes need them."""
    ids = done(agency_id, year, rows, activities)
    counts = {kind: len(found) for kind, found in ids.items()}
    numbers = {
        kind: {
            "required": required[kind],
            "planned": sum(1 for row in rows if row.type in types and scheduled_in_year(row)),
            "done": counts[kind],
            "done_by": ids[kind],
        }
        for kind, types in KINDS.items()
    }
    return {"status": status(required, counts), **numbers}


def required_by_plan(rows: Sequence[PlannedRow]) -> dict[str, int]:
    """What a plan itself says is required, activities that were given up apart."""
    return {
        kind: sum(
            1
            for row in rows
            if row.type in types and row.basis == "required" and row.status != "cancelled"
        )
        for kind, types in KINDS.items()
    }
