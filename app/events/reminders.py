"""What waits for a person too long: the worker counts it and says so."""

from __future__ import annotations

from sqlalchemy import text

from app.audit import service as audit
from app.audit.events import Event
from app.core import metrics
from app.core.db import Database
from app.events import service as events
from app.events.catalogue import EventType

_DUE = text(
    """UPDATE redactions SET reminded_at = now()
    WHERE id IN (SELECT id FROM redactions WHERE state = 'hidden' AND decide_by < now()
        AND (reminded_at IS NULL OR reminded_at < now() - interval '24 hours')
        ORDER BY decide_by LIMIT 500 FOR UPDATE SKIP LOCKED)
    RETURNING id, agency_id, record_id, partner_id, subject_id"""
)
_OVERDUE = text(
    """SELECT (SELECT count(*) FROM redactions WHERE state = 'hidden' AND decide_by < now())
        AS redactions,
      (SELECT count(*) FROM legal_holds WHERE released_at IS NULL AND review_on < current_date)
        AS legal_holds"""
)


async def remind(database: Database) -> int:
    """Remind owners, once a day, of redactions past their 72 hours; how many were reminded of.

    Also sets the gauge of what is overdue, legal holds included.
    """
    async with database.session() as session:
        rows = (await session.execute(_DUE)).all()
        for row in rows:
            subject = audit.Subject(row.record_id, row.agency_id, row.partner_id)
            about = {"redaction": str(row.id), "content": str(row.subject_id)}
            await audit.record(session, None, Event.REDACTION_OVERDUE, subject, **about)
            await events.publish(
                session, EventType.REDACTION_OVERDUE, row.record_id, row.agency_id, **about
            )
        overdue = (await session.execute(_OVERDUE)).one()
    for kind, count in overdue._mapping.items():
        metrics.exceptions_overdue.labels(kind).set(count)
    return len(rows)
