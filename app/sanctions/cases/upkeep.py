"""Measures without an end whose review is due: the worker says so, again and again."""

from __future__ import annotations

from sqlalchemy import text

from app.audit import service as audit
from app.audit.events import Event
from app.core.db import Database
from app.events import service as events
from app.events.catalogue import EventType
from app.sanctions.codes import CODES

_DUE = text(
    """UPDATE sanction_respondents SET reminded_at = now()
    WHERE id IN (SELECT r.id FROM sanction_respondents r
        WHERE r.review_due_on <= current_date
          AND (r.reminded_at IS NULL OR r.reminded_at < now() - make_interval(days => :days))
          AND EXISTS (SELECT FROM sanction_entries e WHERE e.id = r.entry_id
            AND e.ended_on IS NULL)
        ORDER BY r.review_due_on LIMIT 200 FOR UPDATE SKIP LOCKED)
    RETURNING id, case_id, agency_id, partner_id, review_due_on"""
).bindparams(days=CODES.procedure_floor.review_reminder_days)


async def remind(database: Database) -> int:
    """Remind agencies of reviews that are due; of how many. The measures stay in force."""
    async with database.session() as session:
        rows = (await session.execute(_DUE)).all()
        for row in rows:
            about = {"respondent": str(row.id), "due_on": row.review_due_on.isoformat()}
            subject = audit.Subject(row.case_id, row.agency_id)
            await audit.record(
                session, None, Event.CASE_REVIEW_DUE, subject, basis="period_over", **about
            )
            await events.publish(
                session,
                EventType.CASE_REVIEW_DUE,
                row.case_id,
                row.agency_id,
                level="AGENCY_ONLY",
                **about,
            )
    return len(rows)
