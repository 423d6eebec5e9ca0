"""What the worker says of waivers: that one is to be completed soon, and that it is overdue."""

from __future__ import annotations

from sqlalchemy import text

from app.audit import service as audit
from app.audit.events import Event
from app.core.db import Database
from app.events import service as events
from app.events.catalogue import EventType

NOTICE_DAYS = 14
_DUE = text(
    """UPDATE clearance_waivers w SET told = d.kind FROM (
      SELECT x.id, CASE WHEN x.complete_by < current_date THEN 'overdue' ELSE 'due' END AS kind
      FROM clearance_waivers x
      WHERE x.completed_on IS NULL AND (
        (x.told IS NULL AND x.complete_by <= current_date + :days)
        OR (x.told IS DISTINCT FROM 'overdue' AND x.complete_by < current_date))
      ORDER BY x.complete_by LIMIT 200 FOR UPDATE SKIP LOCKED) d
    WHERE w.id = d.id
    RETURNING w.id, w.clearance_id, w.agency_id, w.requirement, w.complete_by, d.kind"""
).bindparams(days=NOTICE_DAYS)


async def remind(database: Database) -> int:
    """Tell agencies of their waivers that end soon or are overdue, each once; of how many."""
    async with database.session() as session:
        rows = (await session.execute(_DUE)).all()
        for row in rows:
            about = {"requirement": row.requirement, "complete_by": row.complete_by.isoformat()}
            if row.kind == "overdue":
                subject = audit.Subject(row.clearance_id, row.agency_id)
                await audit.record(
                    session, None, Event.WAIVER_OVERDUE, subject, basis="period_over", **about
                )
            await events.publish(
                session,
                EventType.WAIVER_DUE if row.kind == "due" else EventType.WAIVER_OVERDUE,
                row.id,
                row.agency_id,
                clearance=str(row.clearance_id),
                **about,
            )
    return len(rows)
