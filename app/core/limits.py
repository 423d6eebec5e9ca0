"""How much one caller may take: rates by token bucket, and a share of the pool for each agency.

All of it is counted in this process only. Nothing here decides who somebody is or what it may
do: a wrong key would cost fairness, never confidentiality.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Request

from app.core.errors import ServiceError
from app.core.settings import Settings

_KEYS = 10_000
_KEY_LENGTH = 160
LIMIT_KEY = "limit_key"
"""In the scope of a request with a feed token: the key of its own, smaller bucket."""
RATE = "rate_limit"
_SLOT = "agency_slot"

Scope = MutableMapping[str, Any]


class RateLimited(ServiceError):
    """The caller's bucket is empty."""

    status = 429
    code = "rate_limited"
    title = "Too many requests; wait as long as Retry-After says."
    refusal = True


class AgencyBusy(ServiceError):
    """So many requests of one agency run at once that others would wait for them."""

    status = 503
    code = "agency_busy"
    title = "Too many requests of this agency run at once; try again."


class Bucket:
    """Tokens left, and when they were last counted."""

    __slots__ = ("at", "left")

    def __init__(self, left: float, at: float) -> None:
        self.left = left
        self.at = at


class Rate:
    """Token buckets by key: ``burst`` at once, ``per_second`` in the long run.

    Remembers the 10,000 keys used last; one that is forgotten starts full again.
    """

    def __init__(self, name: str, per_second: float, burst: int) -> None:
        self.policy = f'"{name}";q={burst};w={max(1, math.ceil(burst / per_second))}'.encode()
        self._name = name
        self._rate = per_second
        self._burst = burst
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def _bucket(self, key: str) -> Bucket:
        now = time.monotonic()
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= _KEYS:
                self._buckets.popitem(last=False)
            bucket = self._buckets[key] = Bucket(self._burst, now)
            return bucket
        self._buckets.move_to_end(key)
        left = bucket.left + (now - bucket.at) * self._rate
        bucket.left = left if left < self._burst else self._burst
        bucket.at = now
        return bucket

    def check(self, key: str) -> None:
        """Raises RateLimited when the key has no token left."""
        bucket = self._bucket(key)
        if bucket.left < 1:
            raise self._empty(bucket)

    def take(self, key: str) -> Bucket:
        """Take a token out, or what is left of one; never raises."""
        bucket = self._bucket(key)
        bucket.left = max(0.0, bucket.left - 1)
        return bucket

    def give_back(self, key: str) -> None:
        """Put back what `take` took."""
        bucket = self._bucket(key)
        bucket.left = min(self._burst, bucket.left + 1)

    def charge(self, key: str, scope: Scope) -> None:
        """Take a token for a request, whose answer will show the bucket. Raises RateLimited."""
        bucket = self._bucket(key)
        scope[RATE] = (self, bucket)
        if bucket.left < 1:
            raise self._empty(bucket)
        bucket.left -= 1

    def take_many(self, key: str, count: int) -> float:
        """Take so many tokens, at most a burst, if they are there; else seconds until they are."""
        bucket, wanted = self._bucket(key), min(count, self._burst)
        if bucket.left >= wanted:
            bucket.left -= wanted
            return 0.0
        return (wanted - bucket.left) / self._rate

    def _empty(self, bucket: Bucket) -> RateLimited:
        wait = max(1, math.ceil((1 - bucket.left) / self._rate))
        return RateLimited(headers={"Retry-After": str(wait)})

    def header(self, bucket: Bucket) -> bytes:
        """Value of the ``RateLimit`` field: tokens left, seconds until the bucket is full."""
        full = math.ceil((self._burst - bucket.left) / self._rate)
        return b'"%b";r=%d;t=%d' % (self._name.encode(), int(bucket.left), full)


class Bulkhead:
    """At most ``slots`` requests at once for each key; more wait in line for a bounded time."""

    def __init__(self, slots: int, wait_s: float) -> None:
        self.slots = slots
        self._wait_s = wait_s
        self._held: dict[str, int] = {}
        self._lines: dict[str, deque[asyncio.Future[bool]]] = {}

    def held(self, key: str) -> int:
        """How many slots the key holds now."""
        return self._held.get(key, 0)

    async def enter(self, key: str, wait_s: float | None = None) -> None:
        """Take a slot, to be given back by `leave`. Raises AgencyBusy after the wait."""
        held = self._held.get(key, 0)
        if held < self.slots:
            self._held[key] = held + 1
            return
        await self._queue(key, self._wait_s if wait_s is None else wait_s)

    async def _queue(self, key: str, wait_s: float) -> None:
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[bool] = loop.create_future()
        line = self._lines.setdefault(key, deque())
        line.append(turn)
        timer = loop.call_later(wait_s, _give_up, turn)
        try:
            got = await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.result():
                self.leave(key)  # the slot came in the moment of the cancellation
            raise
        finally:
            timer.cancel()
            if turn in line:
                line.remove(turn)
            if not line and self._lines.get(key) is line:
                del self._lines[key]
        if not got:
            raise AgencyBusy(headers={"Retry-After": "1"})

    def leave(self, key: str) -> None:
        """Give a slot back: to the first in line, if anybody waits."""
        for turn in self._lines.get(key, ()):
            if not turn.done():
                turn.set_result(True)
                return
        held = self._held[key] - 1
        if held:
            self._held[key] = held
        else:
            del self._held[key]

    @asynccontextmanager
    async def slot(self, key: str, wait_s: float) -> AsyncIterator[None]:
        """A slot for the time of a block. Raises AgencyBusy."""
        await self.enter(key, wait_s)
        try:
            yield
        finally:
            self.leave(key)


def _give_up(turn: asyncio.Future[bool]) -> None:
    if not turn.done():
        turn.set_result(False)


class Limits:
    """Every limit of one process, as the settings have them."""

    def __init__(self, settings: Settings) -> None:
        self.on = settings.rate_limits == "on"
        self._requests = Rate("client", settings.rate_limit_rps, settings.rate_limit_burst)
        self._feed = Rate("feed", settings.feed_token_rps, settings.feed_token_burst)
        self._tokens = Rate("token", settings.token_rps, settings.token_burst)
        self._failures = Rate("token-failures", 1, settings.token_failures_client)
        self._strangers = Rate("token-failures-address", 1, settings.token_failures_address)
        slots = max(2, int(settings.pool_size * settings.agency_share))
        self.bulkhead = Bulkhead(slots, settings.agency_wait_ms / 1000)

    async def admit(self, scope: Scope, client_id: str, agency: str) -> None:
        """Charge an authenticated request and take a slot of its agency.

        The edge gives the slot back (`release`). Raises RateLimited or AgencyBusy.
        """
        if self.on:
            key = scope.get(LIMIT_KEY)
            if key is None:
                self._requests.charge(client_id, scope)
            else:
                self._feed.charge(key, scope)
        if _SLOT not in scope:
            await self.bulkhead.enter(agency)
            scope[_SLOT] = (self.bulkhead, agency)

    async def pace(self, client_id: str, lines: int) -> None:
        """Charge lines of a stream as requests of their client; waits until they are affordable."""
        wait = self._requests.take_many(client_id, lines) if self.on else 0.0
        while wait:
            await asyncio.sleep(wait)
            wait = self._requests.take_many(client_id, lines)

    def before_token(self, address: str | None, client_id: str) -> None:
        """Whether a token may be asked for. Raises RateLimited.

        A failure costs far more than a success: one a second in the long run.
        """
        if not self.on:
            return
        if address is not None:
            self._strangers.check(address)
        self._failures.check(_pair(client_id, address))
        self._tokens.check(client_id[:_KEY_LENGTH])

    def token_failed(self, address: str | None, client_id: str) -> None:
        """Count an attempt whose client did not prove itself."""
        if address is not None:
            self._strangers.take(address)
        self._failures.take(_pair(client_id, address))

    def guess(self, address: str | None, what: str) -> None:
        """Whether a secret may be tried, without a client. Raises RateLimited.

        It counts as wrong until `guessed_right`, so that many at once come no further.
        """
        if self.on:
            self.before_token(address, what)
            self.token_failed(address, what)

    def guessed_right(self, address: str | None, what: str) -> None:
        """What was tried was no wrong secret."""
        if self.on:
            if address is not None:
                self._strangers.give_back(address)
            self._failures.give_back(_pair(what, address))

    def token_issued(self, scope: Scope, client_id: str) -> None:
        """Count a token."""
        scope[RATE] = (self._tokens, self._tokens.take(client_id[:_KEY_LENGTH]))


def _pair(client_id: str, address: str | None) -> str:
    # By client and address, so that a stranger who fails on purpose in a client's name does not
    # lock the client itself out.
    return f"{address or ''} {client_id[:_KEY_LENGTH]}"


def release(scope: Scope) -> None:
    """Give the request's slot back, if it holds one; for the edge, and for what will wait long."""
    held: tuple[Bulkhead, str] | None = scope.pop(_SLOT, None)
    if held is not None:
        held[0].leave(held[1])


def limits_of(request: Request) -> Limits:
    """The application's limits."""
    limits: Limits = request.app.state.limits
    return limits


def address_of(request: Request, settings: Settings) -> str | None:
    """Where a request comes from, as far as limits may go by it; None when it says nothing.

    In production the peer is the proxy: only the header that the proxy sets tells callers apart.
    An IPv6 caller owns a whole network, so that network (/64) is what counts.
    """
    text: str | None
    if settings.client_address_header is not None:
        text = request.headers.get(settings.client_address_header)
    elif settings.env == "production":
        return None
    else:
        text = request.client.host if request.client is not None else None
    try:
        address = ipaddress.ip_address((text or "").strip())
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(getattr(address, "ipv4_mapped", None) or address)
