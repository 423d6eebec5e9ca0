"""Findings that are not acted on by their deadline: the worker says so, once for each deadline."""

from __future__ import annotations

from sqlalchemy import text

from app.audit import service as audit
from app.audit.events import Event
from app.core.db import Database
from app.events import service as events
from app.events.catalogue import EventType

_DUE = text(
    """UPDATE assessment_findings SET overdue_at = now()
    WHERE id IN (SELECT id FROM assessment_findings
        WHERE state = 'open' AND overdue_at IS NULL AND NOT withdrawn AND due_on < current_date
        ORDER BY due_on LIMIT 200 FOR UPDATE SKIP LOCKED)
    RETURNING id, assessment_id, partner_id, owner_agency"""
)


async def tell_overdue(database: Database) -> int:
    """Tell of findings that became overdue; how many did."""
    async with database.session() as session:
        rows = (await session.execute(_DUE)).all()
        for row in rows:
            subject = audit.Subject(row.id, row.owner_agency, row.partner_id)
            await audit.record(session, None, Event.FINDING_OVERDUE, subject)
            await events.publish(
                session,
                EventType.FINDING_OVERDUE,
                row.id,
                row.owner_agency,
                assessment_id=str(row.assessment_id),
                partner_id=str(row.partner_id),
            )
    return len(rows)
