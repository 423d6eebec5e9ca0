"""Objections that nobody answered in time: the worker says so, once each."""

from __future__ import annotations

from sqlalchemy import text

from app.audit import service as audit
from app.audit.events import Event
from app.core.db import Database
from app.events import service as events
from app.events.catalogue import EventType

_DUE = text(
    """UPDATE objections SET overdue_at = now()
    WHERE id IN (SELECT id FROM objections
        WHERE state = 'open' AND overdue_at IS NULL AND due_on < current_date
        ORDER BY due_on LIMIT 200 FOR UPDATE SKIP LOCKED)
    RETURNING id, partner_id, subject_kind, subject_id, owner_agency"""
)


async def tell_overdue(database: Database) -> int:
    """Tell of objections that became overdue; how many did."""
    async with database.session() as session:
        rows = (await session.execute(_DUE)).all()
        for row in rows:
            about = {"subject_kind": row.subject_kind, "statement": str(row.subject_id)}
            subject = audit.Subject(row.id, row.owner_agency, row.partner_id)
            await audit.record(session, None, Event.OBJECTION_OVERDUE, subject, **about)
            await events.publish(
                session,
                EventType.OBJECTION_OVERDUE,
                row.id,
                row.owner_agency,
                partner_id=str(row.partner_id),
                **about,
            )
    return len(rows)
