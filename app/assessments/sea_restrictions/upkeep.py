"""Restrictions whose review is overdue: the worker says so, again and again. They stay in force."""

from __future__ import annotations

from sqlalchemy import text

from app.assessments.sea_restrictions.rules import RULES
from app.audit import service as audit
from app.audit.events import Event
from app.core.db import Database
from app.events import service as events
from app.events.catalogue import EventType

_DUE = text(
    """UPDATE sea_restrictions SET reminded_at = now()
    WHERE id IN (SELECT id FROM sea_restrictions
        WHERE lifted_at IS NULL AND review_by < current_date
          AND (reminded_at IS NULL OR reminded_at < now() - make_interval(days => :days))
        ORDER BY review_by LIMIT 200 FOR UPDATE SKIP LOCKED)
    RETURNING id, partner_id, owner_agency, review_by"""
).bindparams(days=RULES.overdue_every_days)


async def remind(database: Database) -> int:
    """Remind owners of overdue reviews; of how many."""
    async with database.session() as session:
        rows = (await session.execute(_DUE)).all()
        for row in rows:
            about = {"review_by": row.review_by.isoformat()}
            subject = audit.Subject(row.id, row.owner_agency)
            said = about | {"profile": str(row.partner_id)}
            await audit.record(
                session, None, Event.SEA_RESTRICTION_OVERDUE, subject, basis="period_over", **said
            )
            await events.publish(
                session,
                EventType.SEA_RESTRICTION_OVERDUE,
                row.id,
                row.owner_agency,
                level="RESTRICTED",
                **about,
            )
    return len(rows)
