"""Numbers after commit: the one mechanism by which rows get gapless, ordered numbers.

A number taken inside the writing transaction becomes visible out of order, and a reader that
polls ``seq > last`` loses rows. So writers insert without a number; one leader, elected by an
advisory lock, numbers what is committed, in batches. Features register their streams; this
module knows none of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import asyncpg
import structlog
from sqlalchemy import BigInteger, Text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from app.core import metrics
from app.core.bell import Bell
from app.core.db import Base, Database

log = structlog.get_logger()
LEADER_LOCK = 7_021_001
BATCH = 1_000
IDLE_S = 0.1


class StreamTop(Base):
    """Highest number given out in a stream."""

    __tablename__ = "streams"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, server_default="0")


@dataclass(frozen=True, slots=True)
class Stream:
    """What a feature registers.

    ``step(connection, limit)`` numbers at most ``limit`` committed rows inside the open
    transaction and returns how many it took; it must be correct when run again after a crash.
    ``oldest`` is a statement giving the age in seconds of the oldest unnumbered row, or null.
    """

    name: str
    step: Callable[[asyncpg.Connection, int], Awaitable[int]]
    oldest: str


async def take_numbers(connection: asyncpg.Connection, stream: str, count: int) -> int:
    """Reserve ``count`` numbers; returns the first. They exist only if the transaction commits."""
    top: int = await connection.fetchval(
        "INSERT INTO streams (name, seq) VALUES ($1, $2) "
        "ON CONFLICT (name) DO UPDATE SET seq = streams.seq + $2 RETURNING seq",
        stream,
        count,
    )
    return top - count + 1


class Sequencer:
    """Runs the registered streams while it holds the leader lock."""

    def __init__(self, database: Database, streams: Sequence[Stream]) -> None:
        self._database = database
        self._streams = streams

    async def step(self) -> int:
        """One round over all streams if this process can lead; rows numbered."""
        async with self._database.connection() as connection:
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LEADER_LOCK):
                return 0
            try:
                return await self._round(connection)
            finally:
                if not connection.is_closed():
                    await connection.execute("SELECT pg_advisory_unlock($1)", LEADER_LOCK)

    async def _round(self, connection: asyncpg.Connection) -> int:
        taken = 0
        for stream in self._streams:
            async with connection.transaction():
                count = await stream.step(connection, BATCH)
            if count:
                metrics.sequenced_total.labels(stream.name).inc(count)
            age = await connection.fetchval(stream.oldest)
            metrics.sequencer_lag_seconds.labels(stream.name).set(float(age or 0))
            taken += count
        return taken

    async def run(
        self, stop: asyncio.Event, bell: Bell | None = None, then: Sequence[Bell] = ()
    ) -> None:
        """Number rows until ``stop`` is set; a failure is logged and tried again.

        ``bell`` ends a pause; ``then`` are rung when rows were numbered.
        """
        bell = bell or Bell()
        while not stop.is_set():
            started = time.monotonic()
            try:
                taken = await self.step()
            except (
                OSError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                SQLAlchemyError,
            ) as error:
                log.warning("sequencer_failed", kind=type(error).__name__)
                taken = 0
                await bell.pause(1.0)
            for one in then if taken else ():
                one.ring()
            if taken < BATCH and not stop.is_set():
                await bell.pause(max(0.0, IDLE_S - (time.monotonic() - started)))
