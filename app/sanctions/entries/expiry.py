"""Measures end on their day even if nobody writes: the worker says so to the feed."""

from __future__ import annotations

from sqlalchemy import text

from app.audit import service as audit
from app.audit.events import Event
from app.core.db import Database
from app.events import service as events
from app.events.catalogue import EventType
from app.sanctions.entries import restraining
from app.sanctions.feed import service as feed

_DUE = text(
    """UPDATE sanction_entries SET status = 'EXPIRED', ended_on = effective_to,
        end_reason = 'expired', version = version + 1
    WHERE id IN (SELECT id FROM sanction_entries
        WHERE status = 'ACTIVE' AND effective_to < current_date
        ORDER BY effective_to LIMIT 500 FOR UPDATE SKIP LOCKED)
    RETURNING id, partner_id, imposing_agency, version"""
)


async def expire_entries(database: Database) -> int:
    """End what is past its last day; returns how many ended."""
    async with database.session() as session:
        rows = (await session.execute(_DUE)).all()
        for row in rows:
            await restraining.let_go(session, row.id)
            await feed.remove(session, str(row.id), "expired", feed.AGENCY_STREAMS)
            subject = audit.Subject(row.id, row.imposing_agency, row.partner_id)
            await audit.record(session, None, Event.ENTRY_EXPIRED, subject, version=row.version)
            await events.publish(
                session,
                EventType.SANCTION_LIFTED,
                row.id,
                row.imposing_agency,
                partner_id=str(row.partner_id),
                reason="expired",
            )
    return len(rows)
