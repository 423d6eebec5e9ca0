"""Calling webhooks: a part of the worker, of which any number may run at once."""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog

from app.core import metrics
from app.core.bell import Bell
from app.core.clock import rfc3339, utc_now
from app.core.crypto import KeyRing, Undecipherable
from app.core.db import Database
from app.core.http import parse_json
from app.core.outbound import Outbound, OutboundFailed, OutboundRefused
from app.events import wire
from app.events.webhooks import queue, signing
from app.events.webhooks.outcomes import Reply, retry_after
from app.events.webhooks.queue import Claim
from app.events.webhooks.signing import Secret

log = structlog.get_logger()
LEASE_S = 60.0
"""Longer than any call takes: what is older was left behind by a worker that is gone."""
DEADLINE_S = 20.0
ANSWER_BYTES = 1_024
CALLS = 64
"""Calls of one process at once, at most."""
_WEBHOOKS = 32
_POLL_S = 0.25


class Deliverer:
    """Works off the queues of all webhooks."""

    def __init__(
        self, database: Database, keys: KeyRing, outbound: Outbound, lease_s: float = LEASE_S
    ) -> None:
        self._database = database
        self._keys = keys
        self._outbound = outbound
        self._lease_s = lease_s
        self._calls = asyncio.Semaphore(CALLS)
        self._working: dict[UUID, asyncio.Task[int]] = {}

    async def run(self, stop: asyncio.Event, bell: Bell | None = None) -> None:
        """Deliver until ``stop`` is set. Calls that it cuts short are made again. ``bell`` ends a
        pause.
        """
        bell = bell or Bell()
        stopped = asyncio.create_task(stop.wait())
        pause = asyncio.create_task(bell.pause(_POLL_S))
        try:
            while not stop.is_set():
                await self._start()
                waiting: set[asyncio.Task[Any]] = {stopped, pause, *self._working.values()}
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if pause.done():
                    pause = asyncio.create_task(bell.pause(_POLL_S))
                self._finished()
        finally:
            stopped.cancel()
            pause.cancel()
            for task in self._working.values():
                task.cancel()
            await asyncio.gather(*self._working.values(), return_exceptions=True)
            self._working.clear()

    async def step(self) -> int:
        """Work off what is due now, once; how many calls were made."""
        async with self._database.session() as session:
            due = await queue.due(session, _WEBHOOKS)
        return sum(await asyncio.gather(*(self._work(webhook_id) for webhook_id in due)))

    async def _start(self) -> None:
        async with self._database.session() as session:
            due = await queue.due(session, _WEBHOOKS)
        for webhook_id in due:
            if webhook_id not in self._working and len(self._working) < _WEBHOOKS:
                self._working[webhook_id] = asyncio.create_task(self._work(webhook_id))

    def _finished(self) -> None:
        for webhook_id, task in list(self._working.items()):
            if task.done():
                del self._working[webhook_id]
                error = task.exception()
                if error is not None:
                    # Its leases run out, and it is tried again.
                    log.warning("webhook_round_failed", kind=type(error).__name__)

    async def _work(self, webhook_id: UUID) -> int:
        calls = 0
        while True:
            async with self._database.session() as session:
                claimed = await queue.claim(session, webhook_id, self._lease_s)
                signed_by = await self._opened(session, claimed) if claimed else ()
            if claimed is None:
                return calls
            await asyncio.gather(
                *(self._deliver(claimed, one, signed_by) for one in claimed.deliveries)
            )
            calls += len(claimed.deliveries)

    async def _opened(self, session: Any, claimed: Claim) -> Sequence[Secret]:
        opened = []
        for row in claimed.secrets:
            bound = signing.context(claimed.webhook.id, row.id)
            try:
                opened.append(Secret(await self._keys.open(session, bound, row.sealed)))
            except Undecipherable:
                log.error("webhook_secret_unreadable", webhook=str(claimed.webhook.id))
        return opened

    async def _deliver(self, claimed: Claim, delivery: Any, signed_by: Sequence[Secret]) -> None:
        async with self._calls:
            reply = await self._call(claimed, delivery, signed_by)
        async with self._database.session() as session:
            counted = await queue.record(session, claimed, delivery, reply)
        outcome = reply.kind if counted else "late"
        metrics.webhook_calls_total.labels(outcome).inc()

    async def _call(self, claimed: Claim, delivery: Any, signed_by: Sequence[Secret]) -> Reply:
        nonce = secrets.token_urlsafe(24)
        said = _said(claimed, delivery, nonce)
        if said is None or not signed_by:
            return Reply(None, queue.PRUNED if said is None else "secret", 0)
        body = wire.encoded(said)
        now, started = utc_now(), time.monotonic()
        headers = {"Content-Type": "application/json"}
        headers |= signing.headers(said["id"], now, body, signed_by)
        status, failure, wait = None, None, None
        try:
            answer = await self._outbound.call(
                claimed.webhook.url,
                method="POST",
                headers=headers,
                content=body,
                seconds=DEADLINE_S,
                limit=ANSWER_BYTES,
                cut=True,
            )
        except (OutboundRefused, OutboundFailed) as error:
            failure = str(error)
        else:
            status, wait = answer.status, retry_after(answer.headers.get("retry-after"), now)
            if delivery.kind == "challenge" and 200 <= status < 300:
                failure = None if _echoes(answer.body, nonce) else "challenge"
        return Reply(status, failure, round((time.monotonic() - started) * 1000), wait)


def _said(claimed: Claim, delivery: Any, nonce: str) -> dict[str, Any] | None:
    """The message, or None for an event that was deleted for age."""
    if delivery.kind == "event":
        row = claimed.events.get(delivery.seq)
        return None if row is None else wire.message(row)
    data = {"webhook_id": str(claimed.webhook.id)}
    if delivery.kind == "challenge":
        data["challenge"] = nonce
    return {
        "id": str(delivery.id),
        "type": delivery.type,
        "timestamp": rfc3339(delivery.created_at),
        "data": data,
    }


def _echoes(body: bytes, nonce: str) -> bool:
    """Whether the answer is ``{"challenge": "…"}`` with what was sent. An echo of all is not."""
    try:
        said = parse_json(body)
    except json.JSONDecodeError:
        return False
    given = said.get("challenge") if isinstance(said, dict) else None
    return isinstance(given, str) and hmac.compare_digest(given.encode(), nonce.encode())
