"""Registrations that end soon: the worker says so 90, 60 and 30 days before, each notice once."""

from __future__ import annotations

from sqlalchemy import text

from app.audit import service as audit
from app.audit.events import Event
from app.core.db import Database
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.identifiers.schemes import SCHEMES

# The notice that is due is the nearest one; who enters a number with 20 days left gets one notice.
_DUE = text(
    """UPDATE partner_identifiers i SET reminded_days = d.days
    FROM (SELECT n.id, (SELECT min(t) FROM unnest(CAST(:notices AS smallint[])) AS t
            WHERE t >= n.expires_on - current_date) AS days
          FROM partner_identifiers n
          WHERE n.active AND n.expires_on BETWEEN current_date AND current_date + CAST(:most AS int)
            AND (n.reminded_days IS NULL OR EXISTS (
              SELECT FROM unnest(CAST(:notices AS smallint[])) AS t
              WHERE t >= n.expires_on - current_date AND t < n.reminded_days))
          ORDER BY n.expires_on LIMIT 500 FOR UPDATE SKIP LOCKED) d
    WHERE i.id = d.id
    RETURNING i.id, i.partner_id, i.scheme, i.expires_on, i.created_by, d.days"""
).bindparams(notices=list(SCHEMES.expiry_notices), most=max(SCHEMES.expiry_notices))


async def notify_expiring(database: Database) -> int:
    """Give the notices that are due; returns how many. One that has passed its day gets none."""
    async with database.session() as session:
        rows = (await session.execute(_DUE)).all()
        for row in rows:
            about = {"identifier": str(row.id), "scheme": row.scheme, "days": row.days}
            subject = audit.Subject(row.partner_id, partner_id=row.partner_id)
            await audit.record(session, None, Event.IDENTIFIER_EXPIRING, subject, **about)
            await events.publish(
                session,
                EventType.IDENTIFIER_EXPIRING,
                row.partner_id,
                expires_on=row.expires_on.isoformat(),
                **about,
            )
    return len(rows)
