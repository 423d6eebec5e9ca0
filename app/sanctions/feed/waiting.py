"""Requests that wait for a change of the feed: when a stream moves, its head and the status of
the clients that waited are read together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import asyncpg
from starlette.types import Scope

from app.core import metrics
from app.core.db import Database
from app.core.long_poll import LongPoll, Waiter
from app.sanctions.feed import build, queries
from app.sanctions.feed.errors import FeedBusy
from app.sanctions.feed.heads import MOST, read_heads

POLL_S = 0.2
_AGENCY_SHARE = 0.5
_Waiter = Waiter[str, asyncpg.Record]


class Waiting(LongPoll[str, asyncpg.Record]):
    """Who waits in this process, by stream."""

    failure = "feed_watch_failed"

    def __init__(self, database: Database, cap: int) -> None:
        super().__init__(POLL_S)
        self._database = database
        self._cap = cap
        self._agency_cap = max(1, int(cap * _AGENCY_SHARE))
        self._by_agency: Counter[str] = Counter()

    async def wait(
        self, scope: Scope, stream: str, after: int, seconds: float, client_id: str, agency: str
    ) -> asyncpg.Record | None:
        """Until the stream's number is not ``after`` any more, or the time is over.

        Gives the row of `queries.HEADS` for this client, or None where the caller must look
        itself. Raises FeedBusy when too many wait, of all agencies or of this one, and when the
        process ends.
        """
        if self.count >= self._cap or self._by_agency[agency] >= self._agency_cap:
            raise FeedBusy(headers={"Retry-After": "5"})
        self._by_agency[agency] += 1
        metrics.feed_waiting.inc()
        try:
            row = await self.line_up(scope, stream, after, seconds, client_id)
        finally:
            self._by_agency[agency] -= 1
            metrics.feed_waiting.dec()
        if self.stopped:
            # Thousands are sent away in a few seconds: no statement for each.
            raise FeedBusy(headers={"Retry-After": "1"})
        return row

    async def look(self, waiting: Mapping[str, list[_Waiter]]) -> None:
        """See LongPoll."""
        async with self._database.fast_read() as connection:
            tops = dict(await connection.fetch(queries.TOPS, list(waiting)))
            for stream, waiters in waiting.items():
                moved = [one for one in waiters if one.after != tops.get(stream)]
                # The first are answered while the next are read.
                for start in range(0, len(moved), MOST):
                    await _wake(connection, stream, moved[start : start + MOST])


async def _wake(connection: asyncpg.Connection, stream: str, waiters: list[_Waiter]) -> None:
    rows: Mapping[str, asyncpg.Record] = {}
    # The head of an agency's own stream is shown to nobody but it: each looks itself.
    if build.wire_name(stream) != build.OWN:
        rows = await read_heads(connection, stream, {waiter.client_id for waiter in waiters})
    for waiter in waiters:
        waiter.wake(rows.get(waiter.client_id))
