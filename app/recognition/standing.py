"""How a clearance stands now: its newest change, its end, and facts that say something else."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.caller import Caller
from app.core.clock import utc_now
from app.recognition import service
from app.sanctions.entries.status import in_force_sql

_NEWEST = text(
    """SELECT version, status, outcome, causes, notes, at FROM clearance_changes
    WHERE clearance_id = :id ORDER BY version DESC LIMIT 1"""
)
_DECIDED = text("SELECT EXISTS (SELECT FROM clearance_decisions WHERE clearance_id = :id)")
# Row security decides what the agency may still see; what it may not counts as not viewable.
_FACTS = text(
    f"""SELECT d.kind, d.ref, d.version, CASE d.kind
      WHEN 'measure' THEN CASE
        WHEN e.id IS NULL THEN 'not_viewable'
        WHEN e.voided_at IS NOT NULL THEN 'annulled'
        WHEN NOT {in_force_sql("e")} THEN 'ended'
        WHEN e.recorded_from > c.evaluated_at THEN 'changed' END
      WHEN 'assessment' THEN CASE
        WHEN a.id IS NULL THEN 'not_viewable'
        WHEN a.status = 'withdrawn' THEN 'withdrawn'
        WHEN a.status = 'superseded' THEN 'superseded'
        WHEN a.version <> d.version THEN 'changed' END
      WHEN 'match' THEN CASE WHEN m.id IS NULL OR m.state = 'obsolete' THEN 'ended' END
      END AS what
    FROM clearance_dependencies d JOIN clearances c ON c.id = d.clearance_id
    LEFT JOIN sanction_entries e ON e.id = CASE WHEN d.kind = 'measure' THEN d.ref::uuid END
    LEFT JOIN assessments a ON a.id = CASE WHEN d.kind = 'assessment' THEN d.ref::uuid END
    LEFT JOIN screening_matches m ON m.id = CASE WHEN d.kind = 'match' THEN d.ref::uuid END
    WHERE d.clearance_id = :id AND d.kind IN ('measure', 'assessment', 'match')
    ORDER BY d.kind, d.ref"""  # noqa: S608 - texts of ours
)


async def get_status(session: AsyncSession, caller: Caller, clearance_id: UUID) -> dict[str, Any]:
    """The status of an own clearance. Raises ClearanceNotFound."""
    return await status_of(session, await service.find_clearance(session, caller, clearance_id))


async def status_of(session: AsyncSession, row: Any) -> dict[str, Any]:
    """The status of a clearance that the caller may see."""
    newest = (await session.execute(_NEWEST, {"id": row.id})).one_or_none()
    expired = row.expires_at <= utc_now()
    found = (await session.execute(_FACTS, {"id": row.id})).all()
    facts = [{"kind": one.kind, "id": one.ref, "what": one.what} for one in found if one.what]
    known = {(one["kind"], one["id"]) for one in facts}
    facts += [
        note for note in (newest.notes if newest else []) if (note["kind"], note["id"]) not in known
    ]
    status = newest.status if newest else "open"
    decided = bool(await session.scalar(_DECIDED, {"id": row.id}))
    return {
        "clearance_id": row.id,
        # Each change makes another, and so do the decision and the end.
        "version": (newest.version if newest else 1) + expired + decided,
        "status": "expired" if expired else status,
        "outcome_given": row.outcome,
        "outcome_now": newest.outcome if newest else row.outcome,
        "since": row.expires_at if expired else newest.at if newest else row.evaluated_at,
        "causes": newest.causes if newest else [],
        "changed_facts": facts,
        "decided": decided,
        "evaluated_at": row.evaluated_at,
        "expires_at": row.expires_at,
        "contents_erased_at": row.contents_erased_at,
    }
