"""Red flags end at their time even if nobody writes: the worker says so."""

from __future__ import annotations

from sqlalchemy import text

from app.audit.events import Event
from app.core.db import Database
from app.partners import restraints
from app.partners.flags import moves

_DUE = text(
    """UPDATE partner_flags SET state = 'lapsed', closed_at = now(), version = version + 1
    WHERE id IN (SELECT id FROM partner_flags
        WHERE kind = 'RED' AND state = 'confirmed' AND until <= now()
        ORDER BY until LIMIT 200 FOR UPDATE SKIP LOCKED)
    RETURNING id, partner_id, owner_agency"""
)


async def lapse_flags(database: Database) -> int:
    """End red flags that are past their time, and what they hold; how many ended."""
    async with database.session() as session:
        rows = (await session.execute(_DUE)).all()
        for row in rows:
            await restraints.lift(session, moves.source(row.id))
            await moves.note_step(session, None, row, "lapsed", None)
            await moves.tell(session, None, Event.FLAG_LAPSED, row, "RED", "lapsed")
    return len(rows)
