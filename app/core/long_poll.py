"""Requests that wait for a number to move: however many, one task that looks for all of them.

A waiting request holds no connection, no transaction and no share of the pool. What is looked at,
and who may wait, is the feature's; this module knows none.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import asyncpg
import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect
from starlette.types import Scope

log = structlog.get_logger()
RETRY_S = 2.0
GONE = "peer_gone"
"""In the scope of a request that waits: what to call when its peer goes away."""
STOP = "stop_waiting"
"""In the state of the server: what to call when it begins to stop."""
_TRANSIENT = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError)

K = TypeVar("K", bound=Hashable)
A = TypeVar("A")


@dataclass(frozen=True, slots=True, eq=False)
class Waiter(Generic[K, A]):
    """One that waits until the number of ``key`` is another than ``after``."""

    key: K
    after: int
    client_id: str
    until: float
    """Time of the loop at which the wait is over."""
    woken: asyncio.Future[A | None]

    def wake(self, answer: A | None = None) -> None:
        """End the wait, if it has not ended."""
        if not self.woken.done():
            self.woken.set_result(answer)

    def leave(self) -> None:
        """As `wake`, where nobody is left to be answered."""
        if not self.woken.done():
            self.woken.set_exception(ClientDisconnect())


class LongPoll(ABC, Generic[K, A]):
    """Who waits in this process, and the task that looks for all of them."""

    failure: str
    """Event of the log line when a look fails."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._waiters: set[Waiter[K, A]] = set()
        self.stopped = False
        self._looking: asyncio.Task[None] | None = None

    @property
    def count(self) -> int:
        """How many wait."""
        return len(self._waiters)

    @abstractmethod
    async def look(self, waiting: Mapping[K, list[Waiter[K, A]]]) -> None:
        """Wake those of these whose number has moved."""

    async def line_up(
        self, scope: Scope, key: K, after: int, seconds: float, client_id: str = ""
    ) -> A | None:
        """What `look` woke it with; None when the time is over or the process ends.

        Raises ClientDisconnect when its peer has gone.
        """
        if self.stopped:
            return None
        loop = asyncio.get_running_loop()
        waiter: Waiter[K, A] = Waiter(
            key, after, client_id, loop.time() + seconds, loop.create_future()
        )
        scope[GONE] = waiter.leave
        self._waiters.add(waiter)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            return await waiter.woken
        finally:
            self._waiters.discard(waiter)

    def stop(self) -> None:
        """Answer everybody who waits, and let nobody wait any more."""
        if not self.stopped:
            self.stopped = True
            for waiter in self._waiters:
                waiter.wake()

    async def close(self) -> None:
        """As `stop`, and look no more."""
        self.stop()
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        while self._waiters:
            by_key: dict[K, list[Waiter[K, A]]] = defaultdict(list)
            now = asyncio.get_running_loop().time()
            for waiter in self._waiters:
                # No timer for each: they would be half of what one that waits costs here.
                if waiter.until <= now:
                    waiter.wake()
                else:
                    by_key[waiter.key].append(waiter)
            pause = self._every_s
            try:
                await self.look(by_key)
            except _TRANSIENT as error:
                # Who waits longer than the database is away is answered by its own look.
                log.warning(self.failure, kind=type(error).__name__)
                pause = RETRY_S
            await asyncio.sleep(pause)
