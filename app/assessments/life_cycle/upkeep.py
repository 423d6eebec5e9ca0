"""What time does to assessments: the partner's first word ends; notice that a result runs out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.life_cycle import periods
from app.assessments.life_cycle.superseding import newer_by_merge
from app.assessments.service import tell_filed
from app.audit import service as audit
from app.audit.events import Event
from app.core.db import Database
from app.events import service as events
from app.events.catalogue import EventType

_OPEN = """UPDATE assessments SET held_until = NULL, level = confidentiality,
        version = version + 1, updated_at = now()
    WHERE held_until IS NOT NULL AND {which}
    RETURNING id, owner_agency, partner_id, type, level, version"""
_OVER = text(
    _OPEN.format(
        which="id IN (SELECT id FROM assessments WHERE held_until <= now() "
        "ORDER BY held_until LIMIT 200 FOR UPDATE SKIP LOCKED)"
    )
)
_HEARD = text(_OPEN.format(which="id = :id"))
# The nearest notice that is due, once each; the last one, of 0 days, when the day has passed.
# What a merge supersedes is passed over: it is due anew when that is undone.
_DUE = text(
    f"""WITH near AS (
        SELECT a.id, a.reminded_days, CASE WHEN a.valid_until < d.today THEN 0
            ELSE (SELECT min(t) FROM unnest(CAST(:notices AS smallint[])) AS t
              WHERE t >= a.valid_until - d.today) END AS days
        FROM assessments a, (SELECT (now() AT TIME ZONE 'utc')::date AS today) d
        WHERE a.status = 'final' AND a.reminded_days IS DISTINCT FROM 0
          AND a.valid_until <= d.today + CAST(:most AS int) AND {newer_by_merge()} IS NULL)
    UPDATE assessments i SET reminded_days = d.days
    FROM (SELECT id, days FROM near WHERE reminded_days IS NULL OR days < reminded_days
          ORDER BY id LIMIT 200) d
    WHERE i.id = d.id AND i.status = 'final'
      AND (i.reminded_days IS NULL OR d.days < i.reminded_days)
    RETURNING i.id, i.owner_agency, i.partner_id, i.type, i.valid_until, d.days"""  # noqa: S608 - constants
)


async def open_held(database: Database) -> int:
    """Show to others what the partner has had its time to comment on; how many there were."""
    async with database.session() as session:
        rows = (await session.execute(_OVER)).all()
        await _tell_opened(session, rows)
    return len(rows)


async def open_heard(session: AsyncSession, assessment_id: UUID) -> None:
    """The partner has had its word: show the result to others, if it was held for that."""
    await _tell_opened(session, (await session.execute(_HEARD, {"id": assessment_id})).all())


async def _tell_opened(session: AsyncSession, rows: Sequence[Any]) -> None:
    for row in rows:
        subject = audit.Subject(row.id, row.owner_agency, row.partner_id)
        await audit.record(session, None, Event.ASSESSMENT_OPENED, subject, version=row.version)
        if row.level != "AGENCY_ONLY":
            await tell_filed(session, row, row.owner_agency)


async def notify_expiring(database: Database) -> int:
    """Tell owners, once each, that a result ends in 90, 60 or 30 days, or has ended; how many."""
    values = {"notices": periods.NOTICES, "most": max(periods.NOTICES)}
    async with database.session() as session:
        rows = (await session.execute(_DUE, values)).all()
        for row in rows:
            over = row.days == 0
            kind = EventType.ASSESSMENT_EXPIRED if over else EventType.ASSESSMENT_EXPIRING
            about = {"days": row.days, "type": row.type}
            subject = audit.Subject(row.id, row.owner_agency, row.partner_id)
            await audit.record(session, None, Event.ASSESSMENT_EXPIRING, subject, **about)
            await events.publish(
                session,
                kind,
                row.id,
                row.owner_agency,
                partner_id=str(row.partner_id),
                valid_until=row.valid_until.isoformat(),
                **about,
            )
    return len(rows)
