"""One stream of the feed as an index in memory: up to a number, with what is newer laid over it."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from dataclasses import dataclass

import asyncpg

from app.sanctions.lists.audience import PREFIX
from app.sanctions.screening.saved import IndexFiles
from app.sanctions.screening.scorer import (
    Hit,
    Layer,
    Listed,
    Statistics,
    Subject,
    build_layer,
    load_layer,
)

_REMEMBER = 20_000
_OVERLAY_LIMIT = 300
"""Changed entries laid over the index before it is built anew."""
_KEPT_S = 1800.0
"""How long a file may hold the names of an entry that is gone."""
_HEAD = "SELECT coalesce((SELECT seq_to FROM feed_heads WHERE stream = $1), 0)"
_FURTHEST = 20_000
"""Entries that may have changed since a past number; beyond it indexing them takes too long."""
_CHANGED_SINCE = """SELECT DISTINCT entry_id FROM feed_changes
    WHERE stream = $1 AND seq > $2 AND seq <= $3 LIMIT $4"""
_AS_OF = """SELECT DISTINCT ON (entry_id) entry_id, entry FROM feed_changes
    WHERE stream = $1 AND seq <= $2 AND entry_id = ANY ($3) ORDER BY entry_id, seq DESC"""
_FIRST = "SELECT coalesce(min(seq), 1) FROM feed_changes WHERE stream = $1"


@dataclass(frozen=True, slots=True)
class Index:
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


class StreamIndex:
    """The index of one stream in this process, and what was found in it before."""

    def __init__(self, stream: str, weights: Statistics, files: IndexFiles | None = None) -> None:
        self.name = stream
        self._weights = weights
        self._files = files
        self._saved_at = time.monotonic()
        empty = build_layer((), weights)
        self._index = Index(-1, empty, empty, frozenset())
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

    async def keep_file(self, connection: asyncpg.Connection) -> None:
        """Build and save the index anew where its file holds entries that have long been gone."""
        if self._files is None:
            return
        await self.refresh(connection, await connection.fetchval(_HEAD, self.name))
        if self._index.hidden and time.monotonic() - self._saved_at > _KEPT_S:
            async with self._lock:
                self._index = await self._whole(connection)

    async def _load(self, connection: asyncpg.Connection) -> Index:
        old = self._index
        if old.seq < 0:
            return await self._whole(connection, saved=self._files is not None)
        top = await connection.fetchval(_HEAD, self.name)
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
        return await self._whole(connection)

    async def _whole(self, connection: asyncpg.Connection, *, saved: bool = False) -> Index:
        """Of all entries: built, or as it was ``saved`` where that still counts."""
        top = await connection.fetchval(_HEAD, self.name)
        rows = await connection.fetch(
            "SELECT entry FROM feed_entries WHERE stream = $1 AND seq <= $2", self.name, top
        )
        index = await asyncio.to_thread(self._loaded, top, rows) if saved else None
        if index is None:
            index = await asyncio.to_thread(self._made, top, rows)
        # As at start-up: the new index stays, and is no work for the garbage collector.
        gc.freeze()
        return index

    def _loaded(self, top: int, rows: list[asyncpg.Record]) -> Index | None:
        assert self._files is not None  # asked before
        entries = (json.loads(row["entry"]) for row in rows)
        path = self._files.path(self.name)
        found = load_layer(entries, self._weights, path, self._files.key)
        if found is None or len(found[1].entries) + len(found[2]) > _OVERLAY_LIMIT:
            return None
        return Index(top, *found)

    def _made(self, top: int, rows: list[asyncpg.Record]) -> Index:
        layer = build_layer((json.loads(row["entry"]) for row in rows), self._weights)
        if self._files is not None:
            self._files.save(self.name, layer)
            self._saved_at = time.monotonic()
        return Index(top, layer, build_layer((), self._weights), frozenset())

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
        return Snapshot(self.name, self, Index(seq, index.base, overlay, index.hidden | gone))

    def screen_known(
        self, index: Index, key: tuple[object, ...], subject: Subject, threshold: float
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
    stream: StreamIndex
    index: Index

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


def _lay_over(old: Index, seq: int, rows: list[asyncpg.Record]) -> Index:
    """``old`` with changed entries on top: each hides what base and overlay said of it before."""
    changed = {row["entry_id"]: row["entry"] for row in rows}
    kept = [entry for key, entry in old.overlay.entries.items() if key not in changed]
    new = [json.loads(entry) for entry in changed.values() if entry is not None]
    overlay = build_layer([*kept, *new], old.base.statistics, keep=True)
    return Index(seq, old.base, overlay, old.hidden | changed.keys())
