"""Access requests whose day comes near: the worker reminds the owner, once for each period."""

from __future__ import annotations

from sqlalchemy import text

from app.assessments.request_rules import RULES
from app.audit import service as audit
from app.audit.events import Event
from app.core.db import Database
from app.events import service as events
from app.events.catalogue import EventType

# The nearest period that has begun, so that a worker that was away reminds once and not thrice.
_DUE = text(
    """UPDATE access_requests r SET reminded = d.stage
    FROM (SELECT q.id, (SELECT min(p) FROM unnest(CAST(:periods AS integer[])) AS p
            WHERE q.answer_by - current_date <= p) AS stage
          FROM access_requests q WHERE q.status = 'open'
            AND q.answer_by <= current_date + CAST(:longest AS integer)
          ORDER BY q.answer_by) d
    WHERE r.id = d.id AND r.id IN (SELECT k.id FROM access_requests k
        WHERE k.id = d.id AND k.status = 'open' AND (k.reminded IS NULL OR k.reminded > d.stage)
        FOR UPDATE SKIP LOCKED)
    RETURNING r.id, r.assessment_id, r.owner_agency, r.requested_by, r.answer_by, r.reminded"""
)


async def remind_of_requests(database: Database) -> int:
    """Tell owners of requests that wait for their answer; how many reminders went out."""
    values = {"periods": list(RULES.reminders), "longest": max(RULES.reminders)}
    async with database.session() as session:
        rows = (await session.execute(_DUE, values)).all()
        for row in rows:
            about = {"assessment": str(row.assessment_id), "days_before": row.reminded}
            subject = audit.Subject(row.id, row.owner_agency)
            await audit.record(session, None, Event.ACCESS_DUE, subject, **about)
            await events.publish(
                session,
                EventType.ACCESS_REQUEST_DUE,
                row.id,
                row.owner_agency,
                requested_by=str(row.requested_by),
                answer_by=str(row.answer_by),
                **about,
            )
    return len(rows)
