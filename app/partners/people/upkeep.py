"""Requests of named persons that wait too long: the worker says so, once."""

from __future__ import annotations

from sqlalchemy import text

from app.audit import service as audit
from app.audit.events import Event
from app.core.db import Database
from app.events import service as events
from app.events.catalogue import EventType

_DUE = text(
    """UPDATE partner_people_requests SET announced_at = now()
    WHERE id IN (SELECT id FROM partner_people_requests
        WHERE state = 'open' AND due_on < current_date AND announced_at IS NULL
        ORDER BY due_on LIMIT 500 FOR UPDATE SKIP LOCKED)
    RETURNING id, owner_agency, partner_id, person_id, kind, due_on"""
)


async def announce_overdue(database: Database) -> int:
    """Log and publish every open request past its day that was not announced; how many."""
    async with database.session() as session:
        rows = (await session.execute(_DUE)).all()
        for row in rows:
            subject = audit.Subject(row.id, row.owner_agency, row.partner_id)
            person = str(row.person_id)
            await audit.record(
                session, None, Event.PERSON_REQUEST_OVERDUE, subject, person=person, kind=row.kind
            )
            await events.publish(
                session,
                EventType.PERSON_REQUEST_OVERDUE,
                row.id,
                row.owner_agency,
                partner_id=str(row.partner_id),
                request_kind=row.kind,
                due_on=str(row.due_on),
            )
    return len(rows)
