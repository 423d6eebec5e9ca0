"""What time does to verifications: the worker tells before one ends, and ends it."""

from __future__ import annotations

from sqlalchemy import text

from app.audit import service as audit
from app.audit.events import Event
from app.core.clock import utc_now
from app.core.db import Database
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.verifications import rules

_BATCH = 500

_LAPSE = text(
    "SELECT partner, agency, until, profile_version FROM lapse_verifications(:most)"
).bindparams(most=_BATCH)

# The nearest mark that is reached: a worker that was away tells of the shortest, and once.
_NOTICES = text(
    """WITH due AS (
      SELECT c.id, c.partner_id, c.agency_id, c.valid_until, m.days
      FROM partners p
      CROSS JOIN LATERAL (SELECT min(d) AS days FROM unnest(CAST(:days AS integer[])) d
        WHERE p.verified_until - current_date <= d) m
      CROSS JOIN LATERAL (SELECT v.id, v.partner_id, v.agency_id, v.valid_until
        FROM partner_verification_current v WHERE v.partner_id = p.id) c
      WHERE p.verified_until BETWEEN current_date AND current_date + CAST(:farthest AS integer)
        AND p.deactivated_at IS NULL AND p.merged_into IS NULL
        AND NOT EXISTS (SELECT 1 FROM verification_notices n
          WHERE n.verification_id = c.id AND n.days <= m.days)
      ORDER BY p.verified_until LIMIT :most),
    told AS (
      INSERT INTO verification_notices (verification_id, days) SELECT id, days FROM due
      ON CONFLICT DO NOTHING RETURNING verification_id)
    SELECT due.id, due.partner_id, due.agency_id, due.valid_until, due.days
    FROM due JOIN told ON told.verification_id = due.id"""
).bindparams(most=_BATCH)


async def lapse(database: Database) -> int:
    """End verifications past their last day; how many ended. The history stays."""
    async with database.session() as session:
        rows = (await session.execute(_LAPSE)).all()
        for row in rows:
            about = {"until": row.until.isoformat(), "version": row.profile_version}
            subject = audit.Subject(row.partner, partner_id=row.partner)
            await audit.record(session, None, Event.VERIFICATION_LAPSED, subject, **about)
            await events.publish(
                session, EventType.PARTNER_VERIFICATION_LAPSED, row.partner, row.agency, **about
            )
    return len(rows)


async def give_notice(database: Database) -> int:
    """Tell, once for each mark, of verifications that end soon; how many were told of."""
    days = sorted(rules.in_force(utc_now().date()).notices.days)
    async with database.session() as session:
        values = {"days": days, "farthest": days[-1]}
        rows = (await session.execute(_NOTICES, values)).all()
        for row in rows:
            await events.publish(
                session,
                EventType.PARTNER_VERIFICATION_ENDING,
                row.partner_id,
                row.agency_id,
                verification_id=str(row.id),
                until=row.valid_until.isoformat(),
                days=row.days,
            )
    return len(rows)
