"""Potential matches that nobody decided in time: the worker says so, once for each round."""

from __future__ import annotations

from sqlalchemy import text

from app.audit import service as audit
from app.audit.events import Event
from app.core.db import Database
from app.events import service as events
from app.events.catalogue import EventType

_DUE = text(
    """UPDATE screening_matches SET escalated_at = now()
    WHERE id IN (SELECT id FROM screening_matches
        WHERE state = 'open' AND escalated_at IS NULL AND due_at < now()
        ORDER BY due_at LIMIT 200 FOR NO KEY UPDATE SKIP LOCKED)
    RETURNING id, holder, source, due_at"""
)


async def escalate(database: Database) -> int:
    """Tell of matches that became overdue; how many did."""
    async with database.session() as session:
        rows = (await session.execute(_DUE)).all()
        for row in rows:
            subject = audit.Subject(row.id, row.holder)
            await audit.record(session, None, Event.MATCH_OVERDUE, subject, basis="period_over")
            await events.publish(
                session,
                EventType.MATCH_OVERDUE,
                row.id,
                row.holder,
                level="RESTRICTED" if row.holder is None else "AGENCY_ONLY",
                source=row.source,
                due_at=row.due_at.isoformat(),
            )
    return len(rows)
