"""Screening a subject against the current lists, from indexes in memory.

An index holds one stream of the feed up to a number: the inter-agency one, which counts for all,
and that of each list which agencies switched on for themselves. Before each answer its number is
compared with the stream's: what is newer is read and laid over it. All indexes of an answer weigh
words by one version of the statistics; another version means other indexes, made beside these and
taken as a whole. A potential match is never a sanction.
"""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.core.db import Database
from app.sanctions.lists.audience import PREFIX, own_stream
from app.sanctions.screening import statistics
from app.sanctions.screening.scorer import (
    Hit,
    Layer,
    Listed,
    Pairs,
    Statistics,
    Subject,
    build_layer,
)
from app.sanctions.screening.statistics import STREAM

log = structlog.get_logger()
RENEW_S = 60.0
"""How often a process asks for newer statistics."""
_REMEMBER = 20_000
_OVERLAY_LIMIT = 300
"""Changed entries laid over the index before it is built anew."""
_FURTHEST = 20_000
"""Entries that may have changed since a past number; beyond it indexing them takes too long."""
_CHANGED_SINCE = """SELECT DISTINCT entry_id FROM feed_changes
    WHERE stream = $1 AND seq > $2 AND seq <= $3 LIMIT $4"""
_AS_OF = """SELECT DISTINCT ON (entry_id) entry_id, entry FROM feed_changes
    WHERE stream = $1 AND seq <= $2 AND entry_id = ANY ($3) ORDER BY entry_id, seq DESC"""
_FIRST = "SELECT coalesce(min(seq), 1) FROM feed_changes WHERE stream = $1"


@dataclass(frozen=True, slots=True)
class _Index:
    """Base, what is laid over it, and entries of the base that no longer count."""

    seq: int
    base: Layer
    overlay: Layer
    hidden: frozenset[str]

    def screen(self, subject: Subject, threshold: float) -> list[tuple[Hit, Listed]]:
        """Entries that may be the subject."""
        under = self.base.screen(subject, threshold)
        kept = [found for found in under if found[0].owner not in self.hidden]
        return kept + self.overlay.screen(subject, threshold)


class _StreamIndex:
    """The index of one stream in this process, and what was found in it before."""

    def __init__(self, stream: str, weights: Statistics) -> None:
        self.name = stream
        self._weights = weights
        empty = build_layer((), weights)
        self._index = _Index(-1, empty, empty, frozenset())
        self._lock = asyncio.Lock()
        self._remembered: dict[tuple[object, ...], list[tuple[Hit, Listed]]] = {}
        self._remembered_seq = -1

    @property
    def seq(self) -> int:
        """Number of the stream the index holds; -1 before the first load."""
        return self._index.seq

    async def refresh(self, connection: asyncpg.Connection, seq: int) -> None:
        """Bring the index up to ``seq`` at least, reading through the caller's connection.

        A second connection here could wait for ever once all of the pool's are in this place.
        """
        if self._index.seq >= seq:
            return
        async with self._lock:
            if self._index.seq < seq:
                self._index = await self._load(connection)

    async def _load(self, connection: asyncpg.Connection) -> _Index:
        top = await connection.fetchval(
            "SELECT coalesce((SELECT seq_to FROM feed_heads WHERE stream = $1), 0)", self.name
        )
        old = self._index
        if old.seq >= 0:
            rows = await connection.fetch(
                "SELECT DISTINCT ON (entry_id) entry_id, op, entry FROM feed_changes "
                "WHERE stream = $1 AND seq > $2 AND seq <= $3 ORDER BY entry_id, seq DESC LIMIT $4",
                self.name,
                old.seq,
                top,
                _OVERLAY_LIMIT + 1,
            )
            if len(rows) + len(old.hidden) <= _OVERLAY_LIMIT:
                return await asyncio.to_thread(_lay_over, old, top, rows)
        rows = await connection.fetch(
            "SELECT entry FROM feed_entries WHERE stream = $1 AND seq <= $2", self.name, top
        )
        entries = (json.loads(row["entry"]) for row in rows)
        layer = await asyncio.to_thread(build_layer, entries, self._weights)
        # As at start-up: the new index stays, and is no work for the garbage collector.
        gc.freeze()
        return _Index(top, layer, build_layer((), self._weights), frozenset())

    def now(self) -> Snapshot:
        """The index as it is now; it does not change when the list does."""
        return Snapshot(self.name, self, self._index)

    async def past(self, connection: asyncpg.Connection, seq: int) -> Snapshot | None:
        """The stream as it was at ``seq``: what changed since is put back over the index.

        None where its history is not held any more, or too much has changed since.
        """
        now = self.now()
        changed = [
            row["entry_id"]
            for row in await connection.fetch(_CHANGED_SINCE, self.name, seq, now.seq, _FURTHEST)
        ]
        rows = await connection.fetch(_AS_OF, self.name, seq, changed) if changed else []
        first = await connection.fetchval(_FIRST, self.name)
        if len(changed) >= _FURTHEST or (first > 1 and len(rows) < len(changed)):
            return None
        index, gone = now.index, frozenset(changed)
        entries = [entry for key, entry in index.overlay.entries.items() if key not in gone]
        entries += [json.loads(row["entry"]) for row in rows if row["entry"] is not None]
        overlay = await asyncio.to_thread(build_layer, entries, self._weights)
        return Snapshot(self.name, self, _Index(seq, index.base, overlay, index.hidden | gone))

    def screen_known(
        self, index: _Index, key: tuple[object, ...], subject: Subject, threshold: float
    ) -> list[tuple[Hit, Listed]]:
        """As `screen`, remembered until the list changes; ``key`` names the subject's state."""
        if index is not self._index:
            return index.screen(subject, threshold)
        if self._remembered_seq != index.seq or len(self._remembered) >= _REMEMBER:
            self._remembered.clear()
            self._remembered_seq = index.seq
        found = self._remembered.get(key)
        if found is None:
            found = self._remembered[key] = index.screen(subject, threshold)
        return found


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One stream at one number. What was taken once says the same, whatever comes meanwhile."""

    name: str
    stream: _StreamIndex
    index: _Index

    @property
    def seq(self) -> int:
        """Number of the stream."""
        return self.index.seq

    @property
    def code(self) -> str:
        """The list, of a stream of one list."""
        return self.name.removeprefix(PREFIX)

    def screen(self, subject: Subject, threshold: float) -> list[tuple[Hit, Listed]]:
        """Entries that may be the subject."""
        return self.index.screen(subject, threshold)

    def screen_known(
        self, key: tuple[object, ...], subject: Subject, threshold: float
    ) -> list[tuple[Hit, Listed]]:
        """As `screen`, remembered until the list changes; ``key`` names the subject's state."""
        return self.stream.screen_known(self.index, key, subject, threshold)


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

    def __init__(self, weights: Statistics) -> None:
        self.pairs = Pairs(weights)
        self._streams: dict[str, _StreamIndex] = {}

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
            stream = self._streams[name] = _StreamIndex(name, self.pairs.statistics)
        await stream.refresh(connection, seq)
        return stream.now()

    async def past(self, name: str, connection: asyncpg.Connection, seq: int) -> Snapshot | None:
        """One stream as it was at ``seq``; None where that cannot be had."""
        now = await self.stream(name, connection, seq)
        return now if now.seq == seq else await now.stream.past(connection, seq)


class Screener:
    """The indexes of this process; agencies share the memory of each."""

    def __init__(self) -> None:
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
                    self._now = await asyncio.to_thread(_Indexes, weights)
            return self._now

    async def warm(self, database: Database) -> None:
        """Make the indexes ready that answers will need: a long list takes longer to index than a
        request may wait. What fails here is made by the first request that needs it.
        """
        try:
            async with database.fast_read() as connection:
                indexes = await self._indexes(connection)
                rows = await connection.fetch("SELECT list_streams_in_use() AS stream")
                for name in (STREAM, *sorted(row["stream"] for row in rows)):
                    await indexes.stream(name, connection, 0)
        except (OSError, asyncpg.PostgresError, SQLAlchemyError) as error:
            log.warning("screening_not_warm", kind=type(error).__name__)

    async def keep_warm(self, database: Database) -> None:
        """`warm`, and take newer statistics as long as the process lives."""
        await self.warm(database)
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                await self.renew(database)
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
            new = await asyncio.to_thread(_Indexes, weights)
            for name in old.names:
                await new.stream(name, connection, 0)
        self._now, self._settled = new, True

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


def _lay_over(old: _Index, seq: int, rows: list[asyncpg.Record]) -> _Index:
    """``old`` with changed entries on top: each hides what base and overlay said of it before."""
    changed = {row["entry_id"]: row["entry"] for row in rows}
    kept = [entry for key, entry in old.overlay.entries.items() if key not in changed]
    new = [json.loads(entry) for entry in changed.values() if entry is not None]
    overlay = build_layer([*kept, *new], old.base.statistics, keep=True)
    return _Index(seq, old.base, overlay, old.hidden | changed.keys())
