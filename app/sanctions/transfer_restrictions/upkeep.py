"""What the worker says of transfer restrictions: that one ended by its day, once, and that a review
is overdue, again and again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from app.audit import service as audit
from app.audit.events import Event
from app.core.db import Database
from app.events import service as events
from app.events.catalogue import EventType
from app.sanctions.transfer_restrictions.rules import RULES

_ENDED = text(
    """UPDATE transfer_restrictions SET end_told = true
    WHERE id IN (SELECT id FROM transfer_restrictions
        WHERE state = 'set' AND NOT end_told AND lifted_on IS NULL AND ends_on < current_date
        ORDER BY ends_on LIMIT 200 FOR UPDATE SKIP LOCKED)
    RETURNING id, partner_id, owner_agency, version"""
)
_OVERDUE = text(
    """UPDATE transfer_restrictions SET reminded_at = now()
    WHERE id IN (SELECT id FROM transfer_restrictions
        WHERE state = 'set' AND NOT end_told AND lifted_on IS NULL AND review_by < current_date
          AND coalesce(ends_on >= current_date, true)
          AND (reminded_at IS NULL OR reminded_at < now() - make_interval(days => :days))
        ORDER BY review_by LIMIT 200 FOR UPDATE SKIP LOCKED)
    RETURNING id, partner_id, owner_agency, version"""
).bindparams(days=RULES.overdue_every_days)


async def announce(database: Database) -> int:
    """Tell of restrictions that ended and of reviews that are overdue; of how many."""
    async with database.session() as session:
        ended = (await session.execute(_ENDED)).all()
        for row in ended:
            await _tell(session, row, Event.TRANSFER_RESTRICTION_ENDED, "CHANGED")
        overdue = (await session.execute(_OVERDUE)).all()
        for row in overdue:
            await _tell(session, row, Event.TRANSFER_RESTRICTION_OVERDUE, "OVERDUE")
    return len(ended) + len(overdue)


async def _tell(session: Any, row: Any, event: Event, kind: str) -> None:
    subject = audit.Subject(row.id, row.owner_agency)
    about: dict[str, Any] = {"profile": str(row.partner_id), "version": row.version}
    await audit.record(session, None, event, subject, basis="period_over", **about)
    told = EventType[f"TRANSFER_RESTRICTION_{kind}"]
    await events.publish(session, told, row.id, row.owner_agency, level="RESTRICTED")
