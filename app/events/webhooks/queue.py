"""The queue of each webhook, as the worker takes work out of it and writes down what came of it.

The row of the webhook is the lock: whoever holds it takes deliveries out under a lease, in a short
transaction, and calls outside of any. A worker that dies leaves leases that run out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.core.db import touched
from app.core.ids import new_id
from app.events import service as events
from app.events.catalogue import EventType
from app.events.webhooks import outcomes
from app.events.webhooks.outcomes import Reply

PRUNED = "pruned"
"""The event was deleted for age before it could be sent."""
_WIDE = 50
# S608 below: the texts are built of constants of this module, never of input.
_DUE = text(
    """SELECT w.id FROM webhooks w WHERE w.next_at <= now()
      AND EXISTS (SELECT FROM agencies a WHERE a.id = w.agency_id AND a.status = 'active')
    ORDER BY w.next_at LIMIT :most"""
)
_LOCK = """SELECT w.id, w.agency_id, w.url, w.max_in_flight, w.status, w.failures, w.failing_since,
      w.failing_told, now() AS now, coalesce(w.paused_until > now(), false) AS paused
    FROM webhooks w WHERE w.id = :id FOR UPDATE OF w"""
_HELD, _FREE = text(_LOCK), text(f"{_LOCK} SKIP LOCKED")
_ASKED = """SELECT d.id, d.seq, d.next_at FROM webhook_deliveries d WHERE d.webhook_id = :id
      AND d.state = 'queued' AND d.seq IS NULL"""
_IN_ORDER = """SELECT d.id, d.seq, d.next_at FROM webhook_deliveries d WHERE d.webhook_id = :id
      AND d.state = 'queued' AND d.seq IS NOT NULL ORDER BY d.seq LIMIT :wide"""
_ASIDE = """SELECT d.id, d.seq, d.next_at FROM webhook_deliveries d WHERE d.webhook_id = :id
      AND d.state = 'retrying' ORDER BY d.next_at LIMIT 10"""
# Messages go in the order of their numbers: only the first of the queue may be sent, where one is
# sent at a time. Pings and challenges pass by all of them.
_CLAIM = text(
    f"""UPDATE webhook_deliveries SET lease = :lease,
      next_at = now() + make_interval(secs => :lease_s)
    WHERE id IN (SELECT a.id FROM ({_ASKED} AND d.next_at <= now() LIMIT 5) a)
    OR :sends AND id IN (SELECT m.id FROM (({_IN_ORDER}) UNION ALL ({_ASIDE})) m
      WHERE m.next_at <= now() ORDER BY m.seq LIMIT greatest(0, CAST(:most AS int) - (
        SELECT count(*) FROM webhook_deliveries f WHERE f.webhook_id = :id AND f.seq IS NOT NULL
          AND f.lease IS NOT NULL AND f.next_at > now())))
    RETURNING id, kind, seq, type, attempts, state, created_at"""  # noqa: S608 - texts of ours; values are bound
)
_SETTLE = text(
    f"""UPDATE webhooks SET next_at = least((SELECT min(a.next_at) FROM ({_ASKED}) a),
      CASE WHEN status = 'active' THEN (SELECT greatest(min(m.next_at), webhooks.paused_until)
        FROM (({_IN_ORDER}) UNION ALL ({_ASIDE})) m HAVING min(m.next_at) IS NOT NULL) END)
    WHERE id = :id"""  # noqa: S608 - texts of ours; values are bound
)
_RECORD = text(
    """UPDATE webhook_deliveries SET state = :state, attempts = :attempts, lease = NULL,
      last_status = :status, last_failure = :failure,
      next_at = now() + make_interval(secs => :wait),
      finished_at = CASE WHEN :state IN ('delivered', 'dead') THEN now() END
    WHERE id = :id AND lease = :lease"""
)
_ATTEMPT = text(
    """INSERT INTO webhook_attempts (id, delivery_id, agency_id, number, at, ms, status, failure)
    VALUES (:id, :delivery, :agency, :number, now() - make_interval(secs => :ms / 1000.0), :ms,
      :status, :failure)"""
)
_WELL = text(
    """UPDATE webhooks SET failures = 0, failing_since = NULL, failing_told = false,
      paused_until = NULL WHERE id = :id AND (failures > 0 OR paused_until IS NOT NULL)"""
)
_ILL = text(
    """UPDATE webhooks SET failures = failures + 1, failing_since = coalesce(failing_since, now()),
      failing_told = failing_told OR :told,
      paused_until = greatest(paused_until, now() + make_interval(secs => :pause))
    WHERE id = :id"""
)
_VERIFIED = text(
    """UPDATE webhooks SET verified_at = now(), version = version + 1, updated_at = now()
    WHERE id = :id AND url = :url AND verified_at IS NULL"""
)
_DISABLE = text(
    """UPDATE webhooks SET enabled = false, disabled_reason = :reason, version = version + 1,
      updated_at = now() WHERE id = :id AND enabled"""
)
_SECRETS = text(
    """SELECT id, sealed FROM webhook_secrets WHERE webhook_id = :id
      AND (ends_at IS NULL OR ends_at > now()) ORDER BY created_at DESC LIMIT 10"""
)
_EVENTS = text(
    """SELECT event_id, type, at, seq, data FROM agency_events
    WHERE agency_id = :agency AND seq = ANY (CAST(:numbers AS bigint[]))"""
)


@dataclass(frozen=True, slots=True)
class Claim:
    """Deliveries that this worker sends now, and all it takes to do so without a transaction."""

    webhook: Any
    lease: UUID
    deliveries: Sequence[Any]
    events: dict[int, Any]
    secrets: Sequence[Any]


async def due(session: AsyncSession, most: int) -> list[UUID]:
    """Webhooks with work to do, the longest waiting first."""
    return list((await session.scalars(_DUE, {"most": most})).all())


async def claim(session: AsyncSession, webhook_id: UUID, lease_s: float) -> Claim | None:
    """Take out what may be sent now; None when there is nothing or another worker is at it."""
    webhook = (await session.execute(_FREE, {"id": webhook_id})).one_or_none()
    if webhook is None:
        return None
    # With the circuit just closed on trial, one message tries the door.
    most = 1 if webhook.failures >= outcomes.OPEN_AFTER else webhook.max_in_flight
    lease = uuid4()
    values = {
        "id": webhook_id,
        "lease": lease,
        "lease_s": lease_s,
        "most": most,
        "wide": _wide(webhook),
        "sends": webhook.status == "active" and not webhook.paused,
    }
    found = (await session.execute(_CLAIM, values)).all()
    await session.execute(_SETTLE, {"id": webhook_id, "wide": _wide(webhook)})
    if not found:
        return None
    numbers = [row.seq for row in found if row.seq is not None]
    rows = await session.execute(_EVENTS, {"agency": webhook.agency_id, "numbers": numbers})
    secrets = (await session.execute(_SECRETS, {"id": webhook_id})).all()
    in_order = sorted(found, key=_order)
    return Claim(webhook, lease, in_order, {row.seq: row for row in rows}, secrets)


def _order(row: Any) -> tuple[bool, int]:
    return row.seq is not None, row.seq or 0


def _wide(webhook: Any) -> int:
    return 1 if webhook.max_in_flight == 1 else _WIDE


async def record(session: AsyncSession, claimed: Claim, delivery: Any, reply: Reply) -> bool:
    """Write down what came of one call. False when its lease had run out: then it is not counted,
    for another worker sends it again.
    """
    webhook = (await session.execute(_HELD, {"id": claimed.webhook.id})).one_or_none()
    if webhook is None:  # removed meanwhile
        return False
    attempts = delivery.attempts + 1
    state, wait = _next(delivery, reply, attempts)
    values = {"id": delivery.id, "lease": claimed.lease, "state": state, "attempts": attempts}
    values |= {"status": reply.status, "failure": reply.failure, "wait": wait}
    done = await session.execute(_RECORD, values)
    if not touched(done):
        return False
    await session.execute(
        _ATTEMPT,
        {
            "id": new_id(),
            "delivery": delivery.id,
            "agency": webhook.agency_id,
            "number": attempts,
            "ms": reply.ms,
            "status": reply.status,
            "failure": reply.failure,
        },
    )
    if delivery.kind == "event" and reply.failure != PRUNED:
        await _health(session, webhook, reply)
    elif delivery.kind == "challenge" and reply.kind == "delivered":
        # Only the address that answered is believed, not one that came in its place meanwhile.
        await session.execute(_VERIFIED, {"id": webhook.id, "url": claimed.webhook.url})
    await session.execute(_SETTLE, {"id": webhook.id, "wide": _wide(webhook)})
    return True


def _next(delivery: Any, reply: Reply, attempts: int) -> tuple[str, float]:
    if reply.kind == "delivered":
        return "delivered", 0.0
    again = delivery.kind == "event" and reply.failure != PRUNED
    wait = outcomes.next_attempt(attempts) if again else None
    if wait is None:
        return "dead", 0.0
    return ("retrying" if attempts >= outcomes.HOLDS_UP else "queued"), wait


async def _health(session: AsyncSession, webhook: Any, reply: Reply) -> None:
    """Close or open the circuit, tell the agency, and give up in the end."""
    if reply.kind == "delivered":
        await session.execute(_WELL, {"id": webhook.id})
        return
    failing = webhook.now - (webhook.failing_since or webhook.now)
    told = not webhook.failing_told and failing >= outcomes.TELL_AFTER
    pause = outcomes.pause(reply, webhook.failures + 1)
    await session.execute(_ILL, {"id": webhook.id, "told": told, "pause": pause})
    if told:
        await events.publish(session, EventType.WEBHOOK_FAILING, webhook.id, webhook.agency_id)
    reason = "gone" if reply.kind == "gone" else "failing"
    if reason == "gone" or failing >= outcomes.DISABLE_AFTER:
        await _disable(session, webhook, reason)


async def _disable(session: AsyncSession, webhook: Any, reason: str) -> None:
    done = await session.execute(_DISABLE, {"id": webhook.id, "reason": reason})
    if not touched(done):
        return
    subject = audit.Subject(webhook.id, webhook.agency_id)
    await audit.record(session, None, Event.WEBHOOK_DISABLED, subject, reason=reason)
    kind = EventType.WEBHOOK_DISABLED
    await events.publish(session, kind, webhook.id, webhook.agency_id, reason=reason)
