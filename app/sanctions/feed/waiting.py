"""Requests that wait for a change: however many, one look at the numbers for all of them.

A waiting request holds no connection, no transaction and no share of the pool. When its stream
moves, the head and the status of every client that waited are read in one statement.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass

import asyncpg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.core import metrics
from app.core.db import Database
from app.sanctions.feed import build, queries
from app.sanctions.feed.errors import FeedBusy

log = structlog.get_logger()
POLL_S = 0.2
_RETRY_S = 2.0
_AGENCY_SHARE = 0.5
_TRANSIENT = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError)


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter:
    stream: str
    after: int
    client_id: str
    woken: asyncio.Future[asyncpg.Record | None]


class Waiting:
    """Who waits in this process, and the task that looks for all of them."""

    def __init__(self, database: Database, cap: int) -> None:
        self._database = database
        self._cap = cap
        self._agency_cap = max(1, int(cap * _AGENCY_SHARE))
        self._waiters: set[_Waiter] = set()
        self._by_agency: Counter[str] = Counter()
        self._watch: asyncio.Task[None] | None = None

    async def wait(
        self, stream: str, after: int, seconds: float, client_id: str, agency: str
    ) -> asyncpg.Record | None:
        """Until the stream's number is not ``after`` any more, or the time is over.

        Gives the row of `queries.WOKEN` for this client, or None where the caller must look
        itself. Raises FeedBusy when too many wait, of all agencies or of this one.
        """
        if len(self._waiters) >= self._cap or self._by_agency[agency] >= self._agency_cap:
            raise FeedBusy(headers={"Retry-After": "5"})
        loop = asyncio.get_running_loop()
        waiter = _Waiter(stream, after, client_id, loop.create_future())
        timer = loop.call_later(seconds, _settle, waiter, None)
        self._waiters.add(waiter)
        self._by_agency[agency] += 1
        metrics.feed_waiting.set(len(self._waiters))
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._look())
        try:
            return await waiter.woken
        finally:
            timer.cancel()
            self._waiters.discard(waiter)
            self._by_agency[agency] -= 1
            metrics.feed_waiting.set(len(self._waiters))

    async def close(self) -> None:
        """Answer everybody who waits, and stop looking."""
        for waiter in self._waiters:
            _settle(waiter, None)
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)

    async def _look(self) -> None:
        while self._waiters:
            pause = POLL_S
            try:
                await self._wake()
            except _TRANSIENT as error:
                # Who waits longer than the database is away is answered by its own look.
                log.warning("feed_watch_failed", kind=type(error).__name__)
                pause = _RETRY_S
            await asyncio.sleep(pause)

    async def _wake(self) -> None:
        by_stream: dict[str, list[_Waiter]] = defaultdict(list)
        for waiter in self._waiters:
            by_stream[waiter.stream].append(waiter)
        async with self._database.fast_read() as connection:
            tops = dict(await connection.fetch(queries.TOPS, list(by_stream)))
            for stream, waiters in by_stream.items():
                moved = [one for one in waiters if one.after != tops.get(stream)]
                if moved:
                    rows = await self._rows(connection, stream, moved)
                    for waiter in moved:
                        _settle(waiter, rows.get(waiter.client_id))

    async def _rows(
        self, connection: asyncpg.Connection, stream: str, waiters: list[_Waiter]
    ) -> dict[str, asyncpg.Record]:
        if build.wire_name(stream) == build.OWN:
            return {}  # its head is shown to nobody but its agency: each looks itself
        clients = list({waiter.client_id for waiter in waiters})
        found = await connection.fetch(queries.WOKEN, clients, stream)
        return {row["client_id"]: row for row in found}


def _settle(waiter: _Waiter, row: asyncpg.Record | None) -> None:
    if not waiter.woken.done():
        waiter.woken.set_result(row)
