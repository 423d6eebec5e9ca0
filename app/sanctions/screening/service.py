"""Screening a subject against the current lists, from indexes in memory.

An index holds one stream of the feed up to a number: the inter-agency one, which counts for all,
and that of each list which agencies switched on for themselves. Before each answer its number is
compared with the stream's: what is newer is read and laid over it. All indexes of an answer weigh
words by one version of the statistics; another version means other indexes, made beside these and
taken as a whole. A potential match is never a sanction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.core.db import Database
from app.sanctions.lists.audience import own_stream
from app.sanctions.screening import statistics
from app.sanctions.screening.saved import IndexFiles
from app.sanctions.screening.scorer import (
    Hit,
    Listed,
    Pairs,
    Statistics,
    Subject,
)
from app.sanctions.screening.statistics import STREAM
from app.sanctions.screening.streams import Snapshot, StreamIndex

log = structlog.get_logger()
RENEW_S = 60.0
"""How often a process asks for newer statistics."""


@dataclass(frozen=True, slots=True)
class Layers:
    """What one agency is screened against: the stream of all, and the lists it switched on."""

    pairs: Pairs
    shared: Snapshot
    own: tuple[Snapshot, ...] = ()

    @property
    def statistics_version(self) -> str:
        """Of the word statistics that all scores rest on."""
        return self.pairs.statistics.version

    @property
    def seq(self) -> int:
        """Number of the stream of all."""
        return self.shared.seq

    def screen(self, subject: Subject, threshold: float) -> list[tuple[Hit, Listed]]:
        """Entries that may be the subject, best first."""
        return _merged(layer.screen(subject, threshold) for layer in (self.shared, *self.own))

    def screen_known(
        self, key: tuple[object, ...], subject: Subject, threshold: float
    ) -> list[tuple[Hit, Listed]]:
        """As `screen`, remembered layer by layer: what one agency adds changes no other's."""
        layers = (self.shared, *self.own)
        return _merged(layer.screen_known(key, subject, threshold) for layer in layers)

    def only(self, codes: frozenset[str]) -> Layers:
        """Of the lists that the agency switched on, these alone."""
        return Layers(self.pairs, self.shared, tuple(one for one in self.own if one.code in codes))


def _merged(found: Iterable[list[tuple[Hit, Listed]]]) -> list[tuple[Hit, Listed]]:
    every = [item for part in found for item in part]
    return sorted(every, key=lambda item: (-item[0].score, item[0].owner))


class _Indexes:
    """The indexes under one version of the statistics, one a stream."""

    def __init__(self, weights: Statistics, files: IndexFiles | None = None) -> None:
        self.pairs = Pairs(weights)
        self._files = files
        self._streams: dict[str, StreamIndex] = {}

    @property
    def version(self) -> str:
        """Of the statistics."""
        return self.pairs.statistics.version

    @property
    def names(self) -> list[str]:
        """Streams that are held."""
        return sorted(self._streams)

    async def stream(self, name: str, connection: asyncpg.Connection, seq: int) -> Snapshot:
        """One stream, up to ``seq`` at least."""
        stream = self._streams.get(name)
        if stream is None:
            stream = self._streams[name] = StreamIndex(name, self.pairs.statistics, self._files)
        await stream.refresh(connection, seq)
        return stream.now()

    async def keep_files(self, connection: asyncpg.Connection) -> None:
        """As `StreamIndex.keep_file`, each stream's."""
        for stream in list(self._streams.values()):
            await stream.keep_file(connection)

    async def past(self, name: str, connection: asyncpg.Connection, seq: int) -> Snapshot | None:
        """One stream as it was at ``seq``; None where that cannot be had."""
        now = await self.stream(name, connection, seq)
        return now if now.seq == seq else await now.stream.past(connection, seq)


class Screener:
    """The indexes of this process; agencies share the memory of each. ``files``: where they are
    kept for its next start."""

    def __init__(self, files: IndexFiles | None = None) -> None:
        self._files = files
        self._now: _Indexes | None = None
        self._settled = False
        self._then: _Indexes | None = None
        self._lock = asyncio.Lock()

    async def layers(
        self,
        connection: asyncpg.Connection,
        seq: int,
        own: Sequence[Mapping[str, Any]] = (),
    ) -> Layers:
        """What to screen against, up to ``seq`` and to the version of each of the ``own`` lists."""
        indexes = await self._indexes(connection)
        shared = await indexes.stream(STREAM, connection, seq)
        found = [
            await indexes.stream(own_stream(item["code"]), connection, item["version"])
            for item in own
        ]
        return Layers(indexes.pairs, shared, tuple(found))

    async def pairs(self, database: Database) -> Pairs:
        """What compares two at a time, under the statistics that count now."""
        if self._now is None:
            async with database.fast_read() as connection:
                return (await self._indexes(connection)).pairs
        return self._now.pairs

    async def _indexes(self, connection: asyncpg.Connection) -> _Indexes:
        """Those in use. Where no statistics are stored the first who needs them counts, in the
        caller's transaction; until they are seen to be stored, that is looked at again.
        """
        if self._now is not None and self._settled:
            return self._now
        async with self._lock:
            if self._now is None or not self._settled:
                weights = await statistics.newest(connection)
                self._settled = weights is not None
                if weights is None:
                    weights = await statistics.count_now(connection)
                if self._now is None or self._now.version != weights.version:
                    self._now = await asyncio.to_thread(_Indexes, weights, self._files)
            return self._now

    async def warm(self, database: Database) -> None:
        """Make the indexes ready that answers will need: a long list takes longer to index than a
        request may wait. What fails here is made by the first request that needs it.
        """
        try:
            async with database.fast_read() as connection:
                indexes = await self._indexes(connection)
                rows = await connection.fetch("SELECT list_streams_in_use() AS stream")
                names = (STREAM, *sorted(row["stream"] for row in rows))
                for name in names:
                    await indexes.stream(name, connection, 0)
            if self._files is not None:
                self._files.keep_only(names)
        except (OSError, asyncpg.PostgresError, SQLAlchemyError) as error:
            log.warning("screening_not_warm", kind=type(error).__name__)

    async def keep_warm(self, database: Database) -> None:
        """Take newer statistics and look after the files, as long as the process lives."""
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                await self.renew(database)
                await self.keep_files(database)
            except (OSError, asyncpg.PostgresError, SQLAlchemyError) as error:
                log.warning("statistics_not_renewed", kind=type(error).__name__)

    async def renew(self, database: Database) -> None:
        """Take the newest statistics: with the same lists, made ready while the old ones answer."""
        self._then = None
        old = self._now
        if old is None:
            return
        async with database.fast_read() as connection:
            version = await connection.fetchval(statistics.NEWEST_VERSION)
            if version in (None, old.version):
                return
            weights = await statistics.of_version(connection, version)
            if weights is None:
                return
            new = await asyncio.to_thread(_Indexes, weights, self._files)
            for name in old.names:
                await new.stream(name, connection, 0)
        self._now, self._settled = new, True

    async def keep_files(self, database: Database) -> None:
        """Have no file hold names that have long left its list."""
        if self._now is not None and self._files is not None:
            async with database.fast_read() as connection:
                await self._now.keep_files(connection)

    async def past(
        self,
        connection: asyncpg.Connection,
        seq: int,
        own: Sequence[Mapping[str, Any]],
        version: str,
    ) -> Layers | None:
        """As `layers`, as they were at just these numbers and under this version of the
        statistics; None where that cannot be had.
        """
        indexes = await self._indexes(connection)
        if version != indexes.version:
            found = await self._former(connection, version)
            if found is None:
                return None
            indexes = found
        shared = await indexes.past(STREAM, connection, seq)
        lists = [
            await indexes.past(own_stream(one["code"]), connection, one["version"]) for one in own
        ]
        held = tuple(one for one in lists if one is not None)
        if shared is None or len(held) < len(lists):
            return None
        return Layers(indexes.pairs, shared, held)

    async def weighs(self, connection: asyncpg.Connection, version: str) -> bool:
        """Whether this version of the statistics is to be had."""
        now = await self._indexes(connection)
        return version == now.version or await self._former(connection, version) is not None

    async def _former(self, connection: asyncpg.Connection, version: str) -> _Indexes | None:
        """Indexes under statistics that count no more; the last ones are kept for a minute."""
        former = self._then
        if former is None or former.version != version:
            weights = await statistics.of_version(connection, version)
            if weights is None:
                return None
            former = self._then = await asyncio.to_thread(_Indexes, weights)
        return former
