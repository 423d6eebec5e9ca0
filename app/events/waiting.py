"""Waiting for an agency's next event without holding a connection, a transaction or a place.

One task looks, twice a second, at the newest number of each agency for which somebody waits: what
it costs goes with the agencies, not with those who wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.core.db import Database
from app.events import reading

log = structlog.get_logger()
MOST = 2_000
"""Waiting requests of one process; whoever comes beyond is answered at once."""
_POLL_S = 0.5
_READERS = 3


class EventWaits:
    """Those who wait in this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[UUID, dict[asyncio.Future[None], int]] = {}
        self.count = 0
        self._looking: asyncio.Task[None] | None = None
        self._reading = asyncio.Semaphore(_READERS)

    async def until(self, agency_id: UUID, after: int, seconds: float) -> None:
        """Return when the agency has an event behind ``after``, or after ``seconds``."""
        if self.count >= MOST:
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(agency_id, {})
        waiting[turn] = after
        self.count += 1
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            async with asyncio.timeout(seconds):
                await turn
        except TimeoutError:
            return
        finally:
            self.count -= 1
            waiting.pop(turn, None)
            if not waiting and self._waiting.get(agency_id) is waiting:
                del self._waiting[agency_id]

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[None]:
        """A turn to read, of few: all who waited for one event would else ask at once."""
        async with self._reading:
            yield

    async def close(self) -> None:
        """Look no more; whoever waits is answered."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        for waiting in self._waiting.values():
            _wake(list(waiting))

    async def _look(self) -> None:
        while self._waiting:
            for agency_id in list(self._waiting):
                try:
                    async with self._database.session(agency_id) as session:
                        top = await reading.top_of(session, agency_id)
                except (OSError, SQLAlchemyError) as error:
                    log.warning("event_wait_failed", kind=type(error).__name__)
                    continue
                waiting = self._waiting.get(agency_id, {})
                _wake([turn for turn, after in waiting.items() if after < top])
            await asyncio.sleep(_POLL_S)


def _wake(turns: list[asyncio.Future[None]]) -> None:
    for turn in turns:
        if not turn.done():
            turn.set_result(None)
