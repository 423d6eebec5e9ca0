"""Use cases of webhooks. Nothing is called from here: what is to be sent is put in the queue."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import delete, func, insert, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope
from app.core.errors import FieldError, InvalidRequest
from app.core.http import PreconditionFailed
from app.core.ids import new_id
from app.core.outbound import Outbound, OutboundRefused
from app.core.settings import Settings
from app.events.catalogue import EventType
from app.events.descriptions import TOLD
from app.events.webhooks import queries, signing
from app.events.webhooks.errors import (
    DeliveryNotFound,
    DeliveryWaiting,
    TooManyWebhooks,
    WebhookCalledTooOften,
    WebhookNotFound,
)
from app.events.webhooks.models import Webhook, WebhookDelivery, WebhookSecret
from app.events.webhooks.schemas import ReplayIn, RotationIn, WebhookIn, WebhookPatch
from app.events.webhooks.signing import Secret

MOST = 20
ASKED_PER_HOUR = 30
REPLAYED_AT_ONCE = 10_000
# Two at once must not both find room for one more.
_TURNS = text("SELECT pg_advisory_xact_lock(hashtext('webhooks'), hashtext(:agency))")
_ASKED = text(
    """SELECT count(*) FROM webhook_deliveries WHERE webhook_id = :id AND seq IS NULL
      AND created_at > now() - interval '1 hour'"""
)
_WAKE = text("UPDATE webhooks SET next_at = least(next_at, now()) WHERE id = :id")
_REPLAY = text(
    """WITH chosen AS (SELECT e.seq, e.type FROM agency_events e WHERE e.agency_id = :agency
        AND e.seq >= :from_seq AND e.seq <= :to_seq
        AND (CAST(:since AS timestamptz) IS NULL OR e.at >= :since)
        AND (CAST(:until AS timestamptz) IS NULL OR e.at < :until)
        AND (CAST(:types AS text[]) = '{}' OR e.type = ANY (CAST(:types AS text[])))
        AND NOT (:missed AND EXISTS (SELECT FROM webhook_deliveries d
          WHERE d.webhook_id = :id AND d.seq = e.seq AND d.state <> 'dead'))
      ORDER BY e.seq LIMIT :most),
    queued AS (INSERT INTO webhook_deliveries (id, webhook_id, agency_id, kind, seq, type)
      SELECT uuidv7(), :id, :agency, 'event', seq, type FROM chosen ORDER BY seq
      ON CONFLICT (webhook_id, seq) DO UPDATE SET state = 'queued', attempts = 0, next_at = now(),
        finished_at = NULL WHERE webhook_deliveries.state IN ('delivered', 'dead')
      RETURNING seq)
    SELECT (SELECT count(*) FROM queued) AS queued, (SELECT count(*) FROM chosen) AS chosen,
      (SELECT max(seq) FROM chosen) AS last"""
)
_LAST = 9_223_372_036_854_775_807


async def make(
    session: AsyncSession,
    settings: Settings,
    outbound: Outbound,
    keys: KeyRing,
    caller: Caller,
    new: WebhookIn,
) -> tuple[Webhook, str]:
    """Make a webhook; it and its secret. It is not called before it answers a challenge.

    Raises InvalidRequest or TooManyWebhooks.
    """
    _check(settings, outbound, new.url, new.types)
    await session.execute(_TURNS, {"agency": str(caller.agency_id)})
    if await queries.count(session) >= MOST:
        raise TooManyWebhooks
    values = new.model_dump() | {"types": sorted(set(new.types))}
    row_id = new_id()
    await session.execute(
        insert(Webhook).values(id=row_id, agency_id=caller.agency_id, **values).inline()
    )
    secret = await _add_secret(session, keys, caller, row_id)
    await _log(session, caller, Event.WEBHOOK_MADE, row_id)
    return await find(session, row_id), secret.symmetric


def _check(
    settings: Settings, outbound: Outbound, url: str | None, types: list[EventType] | None
) -> None:
    """What is wrong with an address or types is said now; what a name leads to, at each call."""
    found = []
    try:
        if url is not None:
            parsed = outbound.check(url)
            own = urlsplit(settings.issuer)
            if settings.env == "production" and parsed.host == own.hostname:
                raise OutboundRefused("own")
    except OutboundRefused:
        message = "Not an address that is called"
        found.append(FieldError(pointer="/url", code="address_refused", message=message))
    if not TOLD.keys() >= set(types or ()):
        message = "Holds a type that agencies are not told of"
        found.append(FieldError(pointer="/types", code="type_unknown", message=message))
    if found:
        raise InvalidRequest(errors=found)


async def _add_secret(
    session: AsyncSession, keys: KeyRing, caller: Caller, webhook_id: UUID
) -> Secret:
    secret, secret_id = Secret.generate(), new_id()
    scope = agency_scope(caller.agency_id)
    sealed = await keys.seal(session, scope, signing.context(webhook_id, secret_id), secret.raw)
    await session.execute(
        insert(WebhookSecret)
        .values(
            id=secret_id,
            webhook_id=webhook_id,
            agency_id=caller.agency_id,
            public_key=secret.public_key,
            sealed=sealed,
        )
        .inline()
    )
    return secret


async def _log(
    session: AsyncSession, caller: Caller, event: Event, webhook_id: UUID, **detail: Any
) -> None:
    subject = audit.Subject(webhook_id, caller.agency_id)
    await audit.record(session, caller, event, subject, **detail)


async def find(session: AsyncSession, webhook_id: UUID, *, lock: bool = False) -> Webhook:
    """A webhook of the caller's agency. Raises WebhookNotFound."""
    row = await queries.find(session, webhook_id, lock=lock)
    if row is None:
        raise WebhookNotFound
    return row


async def change(
    session: AsyncSession,
    settings: Settings,
    outbound: Outbound,
    caller: Caller,
    webhook_id: UUID,
    version: int,
    patch: WebhookPatch,
) -> Webhook:
    """Change a webhook. Raises WebhookNotFound, PreconditionFailed or InvalidRequest."""
    row = await find(session, webhook_id, lock=True)
    if row.version != version:
        raise PreconditionFailed
    values = patch.model_dump(exclude_unset=True)
    _check(settings, outbound, values.get("url"), values.get("types"))
    if "types" in values:
        values["types"] = sorted(set(values["types"]))
    moved = "url" in values and values["url"] != row.url
    if moved:
        values["verified_at"] = None
    if "enabled" in values and values["enabled"] != row.enabled:
        values["disabled_reason"] = None if values["enabled"] else "agency"
    if moved or values.get("enabled"):
        # Nothing that is said of the former address, or of former times, counts any more.
        values |= {"failures": 0, "failing_since": None, "failing_told": False}
        values |= {"paused_until": None, "next_at": func.now()}
    await session.execute(
        update(Webhook)
        .where(Webhook.id == webhook_id)
        .values(version=version + 1, updated_at=func.now(), **values)
        .execution_options(synchronize_session=False)
    )
    fields = sorted(patch.model_fields_set)
    await _log(session, caller, Event.WEBHOOK_CHANGED, webhook_id, fields=fields)
    return await find(session, webhook_id)


async def remove(session: AsyncSession, caller: Caller, webhook_id: UUID) -> None:
    """Remove a webhook with its queue, its log and its secrets. Raises WebhookNotFound."""
    await find(session, webhook_id, lock=True)
    await session.execute(delete(Webhook).where(Webhook.id == webhook_id))
    await _log(session, caller, Event.WEBHOOK_REMOVED, webhook_id)


async def rotate(
    session: AsyncSession, keys: KeyRing, caller: Caller, webhook_id: UUID, wanted: RotationIn
) -> tuple[Any, str]:
    """New secrets: their row, and the secret. The former ones sign beside them for the overlap.

    Those before them end at once. Raises WebhookNotFound.
    """
    await find(session, webhook_id, lock=True)
    own = WebhookSecret.webhook_id == webhook_id
    until = func.now() + timedelta(hours=wanted.overlap_hours)
    quiet = {"synchronize_session": False}
    for which, ends_at in (
        (WebhookSecret.ends_at > func.now(), func.now()),
        (WebhookSecret.ends_at.is_(None), until),
    ):
        await session.execute(
            update(WebhookSecret)
            .where(own, which)
            .values(ends_at=ends_at)
            .execution_options(**quiet)
        )
    secret = await _add_secret(session, keys, caller, webhook_id)
    overlap = wanted.overlap_hours
    event = Event.WEBHOOK_ROTATED
    await _log(session, caller, event, webhook_id, overlap_hours=overlap)
    found = await queries.secrets_of(session, [webhook_id])
    return next(one for one in found[webhook_id] if one.ends_at is None), secret.symmetric


async def ask(
    session: AsyncSession, caller: Caller, webhook_id: UUID, kind: Literal["ping", "challenge"]
) -> WebhookDelivery:
    """Queue a ping or a challenge. Raises WebhookNotFound or WebhookCalledTooOften."""
    await find(session, webhook_id, lock=True)
    if (await session.scalar(_ASKED, {"id": webhook_id}) or 0) >= ASKED_PER_HOUR:
        raise WebhookCalledTooOften(headers={"Retry-After": "600"})
    delivery_id = new_id()
    await session.execute(
        insert(WebhookDelivery)
        .values(
            id=delivery_id,
            webhook_id=webhook_id,
            agency_id=caller.agency_id,
            kind=kind,
            type=f"webhook.{kind}",
        )
        .inline()
    )
    await session.execute(_WAKE, {"id": webhook_id})
    await _log(session, caller, Event.WEBHOOK_CALL_ASKED, webhook_id, kind=kind)
    return await find_delivery(session, webhook_id, delivery_id)


async def find_delivery(
    session: AsyncSession, webhook_id: UUID, delivery_id: UUID
) -> WebhookDelivery:
    """A message of a webhook of the caller's agency. Raises WebhookNotFound, DeliveryNotFound."""
    await find(session, webhook_id)
    row = await queries.find_delivery(session, webhook_id, delivery_id)
    if row is None:
        raise DeliveryNotFound
    return row


async def replay_one(
    session: AsyncSession, caller: Caller, webhook_id: UUID, delivery_id: UUID
) -> WebhookDelivery:
    """Send an event again that was delivered or given up.

    Raises WebhookNotFound, DeliveryNotFound or DeliveryWaiting.
    """
    await find(session, webhook_id, lock=True)
    row = await queries.find_delivery(session, webhook_id, delivery_id, lock=True)
    if row is None:
        raise DeliveryNotFound
    if row.kind != "event" or row.state not in ("delivered", "dead"):
        raise DeliveryWaiting
    await session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.id == delivery_id)
        .values(state="queued", attempts=0, next_at=func.now(), finished_at=None)
        .execution_options(synchronize_session=False)
    )
    await session.execute(_WAKE, {"id": webhook_id})
    await _log(session, caller, Event.WEBHOOK_REPLAYED, webhook_id, delivery=str(delivery_id))
    return await find_delivery(session, webhook_id, delivery_id)


async def replay(
    session: AsyncSession, caller: Caller, webhook_id: UUID, wanted: ReplayIn
) -> dict[str, Any]:
    """Send the events of a range again, at most 10,000 of them. Raises WebhookNotFound."""
    row = await find(session, webhook_id, lock=True)
    values = {
        "id": webhook_id,
        "agency": caller.agency_id,
        "from_seq": wanted.from_seq or 1,
        "to_seq": wanted.to_seq or _LAST,
        "since": wanted.since,
        "until": wanted.until,
        "types": row.types,
        "missed": wanted.only_missed,
        "most": REPLAYED_AT_ONCE,
    }
    done = (await session.execute(_REPLAY, values)).one()
    await session.execute(_WAKE, {"id": webhook_id})
    await _log(session, caller, Event.WEBHOOK_REPLAYED, webhook_id, queued=done.queued)
    more = done.chosen == REPLAYED_AT_ONCE
    return {"queued": done.queued, "to_seq": done.last, "more": more}
