"""Heads of streams for callers. Those asked for while a statement runs share the next one, so
that thousands who ask again after a change take one connection of the pool, and one at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import asyncpg

from app.core.db import Database
from app.sanctions.feed import queries

MOST = 500
"""Clients of one statement."""
_Rows = dict[str, asyncpg.Record]


class _Batch:
    """Clients that are read together, and the task that does it."""

    __slots__ = ("clients", "reading")

    def __init__(self) -> None:
        self.clients: set[str] = set()
        self.reading: asyncio.Task[_Rows]


class Heads:
    """What is asked for in this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = asyncio.Lock()
        self._next: dict[str, _Batch] = {}

    async def get(self, stream: str, client_id: str) -> asyncpg.Record | None:
        """The row of `queries.HEADS`; None when there is no such active client."""
        batch = self._next.get(stream)
        if batch is None or len(batch.clients) >= MOST:
            batch = self._next[stream] = _Batch()
            batch.reading = asyncio.create_task(self._read(stream, batch))
        batch.clients.add(client_id)
        # One that goes away takes the answer from nobody.
        return (await asyncio.shield(batch.reading)).get(client_id)

    async def _read(self, stream: str, batch: _Batch) -> _Rows:
        async with self._turn:
            if self._next.get(stream) is batch:
                del self._next[stream]  # who comes now is told what is true now
            async with self._database.fast_read() as connection:
                return await read_heads(connection, stream, batch.clients)


async def read_heads(connection: asyncpg.Connection, stream: str, clients: Iterable[str]) -> _Rows:
    """Rows of `queries.HEADS` by client."""
    found = await connection.fetch(queries.HEADS, list(clients), stream)
    return {row["client_id"]: row for row in found}
