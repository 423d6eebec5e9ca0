"""Requests that wait for an agency's next event: twice a second one look at the newest number of
each agency for which somebody waits. What it costs goes with the agencies, not with those who wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from uuid import UUID

from starlette.types import Scope

from app.core.db import Database
from app.core.long_poll import LongPoll, Waiter
from app.events import reading

MOST = 2_000
"""Waiting requests of one process; whoever comes beyond is answered at once."""
_POLL_S = 0.5
_READERS = 3


class EventWaits(LongPoll[UUID, None]):
    """Those who wait in this process, by agency."""

    failure = "event_wait_failed"

    def __init__(self, database: Database) -> None:
        super().__init__(_POLL_S)
        self._database = database
        self._reading = asyncio.Semaphore(_READERS)

    async def until(self, scope: Scope, agency_id: UUID, after: int, seconds: float) -> None:
        """Return when the agency has an event behind ``after``, or after ``seconds``."""
        if self.count < MOST:
            await self.line_up(scope, agency_id, after, seconds)

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[None]:
        """A turn to read, of few: all who waited for one event would else ask at once."""
        async with self._reading:
            yield

    async def look(self, waiting: Mapping[UUID, list[Waiter[UUID, None]]]) -> None:
        """See LongPoll."""
        for agency_id, waiters in waiting.items():
            async with self._database.session(agency_id) as session:
                top = await reading.top_of(session, agency_id)
            for waiter in waiters:
                if waiter.after < top:
                    waiter.wake()
