"""What events and deliveries leave behind is deleted after its time; how much waits is counted."""

from __future__ import annotations

from sqlalchemy import text

from app.core import metrics
from app.core.db import Database

KEEP_EVENTS_DAYS = 90
KEEP_DELIVERIES_DAYS = 30
_BATCH = 5_000
# The mark moves in the same statement: whoever asks for what is gone is told so.
_EVENTS = text(
    """WITH old AS (SELECT agency_id, seq FROM agency_events
        WHERE told_at < now() - make_interval(days => :days)
        ORDER BY told_at LIMIT :batch),
      upto AS (SELECT agency_id, max(seq) AS seq FROM old GROUP BY agency_id),
      gone AS (DELETE FROM agency_events e USING upto u
        WHERE e.agency_id = u.agency_id AND e.seq <= u.seq RETURNING e.seq),
      marked AS (UPDATE event_tops t SET pruned = greatest(t.pruned, u.seq) FROM upto u
        WHERE t.agency_id = u.agency_id RETURNING 1)
    SELECT (SELECT count(*) FROM gone)"""
).bindparams(days=KEEP_EVENTS_DAYS, batch=_BATCH)
_DELIVERIES = text(
    """WITH gone AS (DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries
        WHERE created_at < now() - make_interval(days => :days)
          AND (finished_at IS NULL OR finished_at < now() - make_interval(days => :days))
        ORDER BY created_at LIMIT :batch FOR UPDATE SKIP LOCKED) RETURNING 1)
    SELECT count(*) FROM gone"""
).bindparams(days=KEEP_DELIVERIES_DAYS, batch=_BATCH)
_SECRETS = text(
    """WITH gone AS (DELETE FROM webhook_secrets WHERE ends_at < now() - interval '1 day'
      RETURNING 1) SELECT count(*) FROM gone"""
)
_WAITING = text(
    """SELECT s.state, (SELECT count(*) FROM (SELECT FROM webhook_deliveries d
        WHERE d.state = s.state LIMIT 100000) n) AS number
    FROM (VALUES ('queued'), ('retrying'), ('dead')) s(state)"""
)
_OLDEST = text(
    """SELECT coalesce(extract(epoch FROM now() - min(next_at)), 0) FROM webhooks
    WHERE status = 'active' AND next_at < now()"""
)


async def tidy(database: Database) -> int:
    """Delete what has served its time, a batch of each; rows gone."""
    gone = 0
    for statement in (_EVENTS, _DELIVERIES, _SECRETS):
        async with database.session() as session:
            gone += await session.scalar(statement) or 0
    return gone


async def measure(database: Database) -> None:
    """Set the gauges of what waits."""
    async with database.session() as session:
        for row in await session.execute(_WAITING):
            metrics.webhook_waiting.labels(row.state).set(row.number)
        oldest = await session.scalar(_OLDEST)
    metrics.webhook_oldest_seconds.set(max(0.0, float(oldest or 0)))
