"""What holds a partner back, and why: put and lifted by whoever knows the source.

Clearing one reason never clears another: lock, verification gate and freeze are computed from
all restraints in force, the headquarters' own included where the reason passes down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import func, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import touched
from app.core.ids import new_id
from app.partners.models import Restraint


class Reason(StrEnum):
    """Rows of ``restraint_reasons``, which says what each does."""

    RED_FLAG = "RED_FLAG"
    CONFIRMED_MATCH = "CONFIRMED_MATCH"
    POTENTIAL_MATCH = "POTENTIAL_MATCH"
    SANCTION = "SANCTION"
    CONTROL_DISPUTED = "CONTROL_DISPUTED"


@dataclass(frozen=True, slots=True)
class Source:
    """The record that a restraint comes from, such as ``("flag", id)``."""

    kind: str
    id: UUID


@dataclass(frozen=True, slots=True)
class InForce:
    """A restraint that holds now. ``counted``: agencies other than ``put_by`` may know of it."""

    reason: Reason
    since: datetime
    until: datetime | None
    source: Source
    put_by: UUID | None
    inherited_from: UUID | None
    locks: bool
    stops_verification: bool
    freezes_edits: bool
    counted: bool


_IN_FORCE = text(
    """SELECT f.reason, f.since, f.until, f.source_kind, f.source_id, f.put_by, f.inherited_from,
        k.locks, k.stops_verification, k.freezes_edits, k.counted
    FROM restraints_in_force(:partner) f JOIN restraint_reasons k ON k.code = f.reason
    ORDER BY f.since, f.id"""
)


async def put(
    session: AsyncSession,
    partner_id: UUID,
    reason: Reason,
    source: Source,
    *,
    by: UUID | None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> None:
    """Hold the partner back from now (or ``since``) on.

    Again for the same source while it holds: ``until`` is set anew, and nothing else. After a lift
    it is a restraint of its own.
    """
    values = {
        "id": new_id(),
        "partner_id": partner_id,
        "reason": reason.value,
        "source_kind": source.kind,
        "source_id": source.id,
        "put_by": by,
        "until": until,
        **({"since": since} if since else {}),
    }
    new = postgresql.insert(Restraint).values(values)
    await session.execute(
        new.on_conflict_do_update(
            index_elements=["source_kind", "source_id", "partner_id", "reason"],
            index_where=Restraint.lifted_at.is_(None),
            set_={"until": new.excluded.until},
        )
    )


async def lift(session: AsyncSession, source: Source, reason: Reason | None = None) -> int:
    """End what this source holds, or one reason of it; how many restraints ended."""
    statement = update(Restraint).where(
        Restraint.source_kind == source.kind,
        Restraint.source_id == source.id,
        Restraint.lifted_at.is_(None),
    )
    if reason is not None:
        statement = statement.where(Restraint.reason == reason.value)
    done = await session.execute(
        statement.values(lifted_at=func.now()).execution_options(synchronize_session=False)
    )
    return touched(done)


async def prolong(session: AsyncSession, source: Source, reason: Reason, until: datetime) -> int:
    """Let what this source holds for this reason end later; how many restraints that are."""
    done = await session.execute(
        update(Restraint)
        .where(
            Restraint.source_kind == source.kind,
            Restraint.source_id == source.id,
            Restraint.reason == reason.value,
            Restraint.lifted_at.is_(None),
        )
        .values(until=until)
        .execution_options(synchronize_session=False)
    )
    return touched(done)


async def in_force(session: AsyncSession, partner_id: UUID) -> Sequence[InForce]:
    """All that holds the partner back now, its lineage's and its headquarters' included."""
    rows = await session.execute(_IN_FORCE, {"partner": partner_id})
    return [
        InForce(
            Reason(row.reason),
            row.since,
            row.until,
            Source(row.source_kind, row.source_id),
            row.put_by,
            row.inherited_from,
            row.locks,
            row.stops_verification,
            row.freezes_edits,
            row.counted,
        )
        for row in rows
    ]
