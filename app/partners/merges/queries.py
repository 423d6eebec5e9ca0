"""Every select of merges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.caller import Caller
from app.partners import visibility

_MERGES = f"""SELECT m.id, m.version, m.state, m.loser_id, m.survivor_id, m.matched_on,
    m.document_ids, m.proposed_by, m.proposed_at, m.decided_by, m.decided_at, m.undo,
    m.undo_proposed_by, m.undo_decided_by, l.country
    FROM partner_merges m JOIN partners l ON l.id = m.loser_id
    JOIN partners s ON s.id = m.survivor_id
    WHERE (cardinality(CAST(:countries AS text[])) = 0
        OR (l.country = ANY (:countries) AND s.country = ANY (:countries)))
      AND {visibility.visible("l", ":agency", ":holder")}
      AND {visibility.visible("s", ":agency", ":holder")}"""  # noqa: S608 - expressions of ours
_FILTERS = {
    # A profile's merges, and those of what it was merged into or with.
    "partner_id": ":partner_id IN (m.loser_id, m.survivor_id)",
    "state": "m.state = :state",
    "after": "m.id < :after",
}
_STEPS = text(
    """SELECT t.kind, a.code AS agency, t.office, t.role, t.reason, t.at
    FROM partner_merge_steps t JOIN agencies a ON a.id = t.agency_id
    WHERE t.merge_id = :id ORDER BY t.id"""
)
_OBSTACLE = text("SELECT merge_obstacle(:loser, :survivor)")
_OPEN = text("SELECT id FROM partner_merges WHERE loser_id = :loser AND state = 'proposed'")


def _asking(caller: Caller) -> dict[str, Any]:
    return {
        "countries": sorted(caller.countries),
        "agency": caller.agency_id,
        "holder": visibility.sees_protected(caller),
    }


async def find_merge(
    session: AsyncSession, caller: Caller, merge_id: UUID, *, lock: bool = False
) -> Row[Any] | None:
    """A merge whose two profiles the caller may know of; locked against other deciders."""
    end = " FOR NO KEY UPDATE OF m" if lock else ""
    values = _asking(caller) | {"id": merge_id}
    result = await session.execute(text(f"{_MERGES} AND m.id = :id{end}"), values)
    return result.one_or_none()


async def list_merges(
    session: AsyncSession, caller: Caller, filters: dict[str, Any], limit: int
) -> Sequence[Row[Any]]:
    """Merges whose profiles the caller may know of, newest first."""
    given = {name: value for name, value in filters.items() if value is not None}
    clauses = "".join(f" AND {_FILTERS[name]}" for name in given)
    sql = f"{_MERGES}{clauses} ORDER BY m.id DESC LIMIT :limit"
    return (await session.execute(text(sql), _asking(caller) | given | {"limit": limit})).all()


async def steps(session: AsyncSession, merge_id: UUID) -> Sequence[Row[Any]]:
    """Steps of a merge, oldest first."""
    return (await session.execute(_STEPS, {"id": merge_id})).all()


async def obstacle(session: AsyncSession, loser_id: UUID, survivor_id: UUID) -> str | None:
    """Why the two cannot be merged now, as a code; None when nothing stands against it."""
    found: str | None = await session.scalar(
        _OBSTACLE, {"loser": loser_id, "survivor": survivor_id}
    )
    return found


async def is_open(session: AsyncSession, loser_id: UUID) -> bool:
    """Whether a merge of this profile waits for its decision."""
    return await session.scalar(_OPEN, {"loser": loser_id}) is not None
