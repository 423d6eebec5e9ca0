"""Correction requests that the partner did not answer in time: the worker says so, once each."""

from __future__ import annotations

from sqlalchemy import text

from app.audit import service as audit
from app.audit.events import Event
from app.core.db import Database
from app.events import service as events
from app.events.catalogue import EventType

_DUE = text(
    """UPDATE partner_corrections SET overdue_at = now()
    WHERE id IN (SELECT id FROM partner_corrections
        WHERE state = 'open' AND overdue_at IS NULL AND due_on < current_date
        ORDER BY due_on LIMIT 200 FOR UPDATE SKIP LOCKED)
    RETURNING id, partner_id, filed_by"""
)


async def tell_overdue(database: Database) -> int:
    """Tell of correction requests that became overdue; how many did."""
    async with database.session() as session:
        rows = (await session.execute(_DUE)).all()
        for row in rows:
            subject = audit.Subject(row.id, row.filed_by, row.partner_id)
            await audit.record(session, None, Event.CORRECTION_OVERDUE, subject)
            kind, partner = EventType.CORRECTION_OVERDUE, str(row.partner_id)
            await events.publish(session, kind, row.id, row.filed_by, partner_id=partner)
    return len(rows)
