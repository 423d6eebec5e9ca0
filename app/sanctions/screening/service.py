"""Screening a subject against the current lists, from indexes in memory.

An index holds one stream of the feed up to a number: the inter-agency one, which counts for all,
and that of each list which agencies switched on for themselves. Before each answer its number is
compared with the stream's: what is newer is read and laid over it. A potential match is never a
sanction.
"""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.core.db import Database
from app.core.names import Hit, IndexedName, Kind, NameIndex, Party, Subject, screen

log = structlog.get_logger()
STREAM = "inter_agency"
_COMPARED: dict[str, tuple[Kind, ...]] = {
    "person": ("person",),
    "organisation": ("organisation",),
    "unknown": ("person", "organisation"),
}
"""As what a listed party is compared. Ships and aeroplanes are nobody's name."""
_REMEMBER = 20_000
_OVERLAY_LIMIT = 300
"""Changed entries laid over the index before it is built anew."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What an answer repeats of an entry."""

    entry_id: str
    source: str
    reference: str
    caption: str
    partner_id: str | None
    blocking: bool


@dataclass(slots=True)
class _Layer:
    """Entries and their names, ready to be searched."""

    parties: dict[str, Party] = field(default_factory=dict)
    listed: dict[str, Listed] = field(default_factory=dict)
    entries: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    index: NameIndex = field(default_factory=lambda: NameIndex(()))


@dataclass(frozen=True, slots=True)
class _Index:
    """Base, what is laid over it, and entries of the base that no longer count."""

    seq: int
    base: _Layer
    overlay: _Layer
    hidden: frozenset[str]


def _party(entry: Mapping[str, Any]) -> Party:
    return Party(
        owner=entry["entry_id"],
        kind="organisation" if entry["kind"] == "organisation" else "person",
        names=[name["name"] for name in entry["names"]],
        countries=entry["countries"],
        birth_dates=[_date(item) for item in entry["birth_dates"]],
        identifiers=[item["value"] for item in entry["identifiers"]],
    )


def _date(text: str) -> str | tuple[int, int]:
    first, slash, last = text.partition("/")
    return (int(first), int(last)) if slash else text


def build_layer(entries: Iterable[Mapping[str, Any]], *, keep: bool = False) -> _Layer:
    """Index these entries (feed objects); ``keep`` holds them for a later overlay, too."""
    layer = _Layer()
    names: list[IndexedName] = []
    for entry in entries:
        entry_id = entry["entry_id"]
        if keep:
            layer.entries[entry_id] = entry
        kinds = _COMPARED.get(entry["kind"], ())
        if not kinds:
            continue
        layer.parties[entry_id] = _party(entry)
        layer.listed[entry_id] = Listed(
            entry_id,
            entry["source"],
            entry["reference"],
            entry["names"][0]["name"],
            entry["partner_id"],
            entry["blocking"],
        )
        names += [
            IndexedName(entry_id, item["name"], kind, weak=item["type"] == "weak_alias")
            for kind in kinds
            for item in entry["names"]
        ]
    layer.index = NameIndex(names)
    return layer


class _StreamIndex:
    """The index of one stream in this process, and what was found in it before."""

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._index = _Index(-1, _Layer(), _Layer(), frozenset())
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
            "SELECT coalesce((SELECT seq_to FROM feed_heads WHERE stream = $1), 0)", self._stream
        )
        old = self._index
        if old.seq >= 0:
            rows = await connection.fetch(
                "SELECT DISTINCT ON (entry_id) entry_id, op, entry FROM feed_changes "
                "WHERE stream = $1 AND seq > $2 AND seq <= $3 ORDER BY entry_id, seq DESC LIMIT $4",
                self._stream,
                old.seq,
                top,
                _OVERLAY_LIMIT + 1,
            )
            if len(rows) + len(old.hidden) <= _OVERLAY_LIMIT:
                return await asyncio.to_thread(_lay_over, old, top, rows)
        rows = await connection.fetch(
            "SELECT entry FROM feed_entries WHERE stream = $1 AND seq <= $2", self._stream, top
        )
        layer = await asyncio.to_thread(build_layer, (json.loads(row["entry"]) for row in rows))
        # As at start-up: the new index stays, and is no work for the garbage collector.
        gc.freeze()
        return _Index(top, layer, _Layer(), frozenset())

    def screen_known(
        self, key: tuple[object, ...], subject: Subject, threshold: float
    ) -> list[tuple[Hit, Listed]]:
        """As `screen`, remembered until the list changes; ``key`` names the subject's state."""
        if self._remembered_seq != self._index.seq or len(self._remembered) >= _REMEMBER:
            self._remembered.clear()
            self._remembered_seq = self._index.seq
        found = self._remembered.get(key)
        if found is None:
            found = self._remembered[key] = self.screen(subject, threshold)
        return found

    def screen(self, subject: Subject, threshold: float) -> list[tuple[Hit, Listed]]:
        """Entries that may be the subject."""
        index = self._index
        return [
            (hit, layer.listed[hit.owner])
            for layer in (index.base, index.overlay)
            for hit in screen(layer.index, layer.parties, subject, threshold)
            if layer is index.overlay or hit.owner not in index.hidden
        ]


@dataclass(frozen=True, slots=True)
class Layers:
    """What one agency is screened against: the stream of all, and the lists it switched on."""

    shared: _StreamIndex
    own: tuple[_StreamIndex, ...] = ()

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


def _merged(found: Iterable[list[tuple[Hit, Listed]]]) -> list[tuple[Hit, Listed]]:
    every = [item for part in found for item in part]
    return sorted(every, key=lambda item: (-item[0].score, item[0].owner))


class Screener:
    """The indexes of this process, one a stream; agencies share the memory of each."""

    def __init__(self) -> None:
        self._streams: dict[str, _StreamIndex] = {}

    async def layers(
        self,
        connection: asyncpg.Connection,
        seq: int,
        own: Sequence[Mapping[str, Any]] = (),
    ) -> Layers:
        """What to screen against, up to ``seq`` and to the version of each of the ``own`` lists."""
        shared = await self._stream(STREAM, connection, seq)
        indexes = [
            await self._stream(f"source.{item['code']}", connection, item["version"])
            for item in own
        ]
        return Layers(shared, tuple(indexes))

    async def warm(self, database: Database) -> None:
        """Make the indexes ready that answers will need: a long list takes longer to index than a
        request may wait. What fails here is made by the first request that needs it.
        """
        try:
            async with database.fast_read() as connection:
                rows = await connection.fetch("SELECT list_streams_in_use() AS stream")
                for name in (STREAM, *sorted(row["stream"] for row in rows)):
                    await self._stream(name, connection, 0)
        except (OSError, asyncpg.PostgresError, SQLAlchemyError) as error:
            log.warning("screening_not_warm", kind=type(error).__name__)

    async def _stream(self, name: str, connection: asyncpg.Connection, seq: int) -> _StreamIndex:
        index = self._streams.setdefault(name, _StreamIndex(name))
        await index.refresh(connection, seq)
        return index


def _lay_over(old: _Index, seq: int, rows: list[asyncpg.Record]) -> _Index:
    """``old`` with changed entries on top: each hides what base and overlay said of it before."""
    changed = {row["entry_id"]: row["entry"] for row in rows}
    kept = [entry for key, entry in old.overlay.entries.items() if key not in changed]
    new = [json.loads(entry) for entry in changed.values() if entry is not None]
    return _Index(seq, old.base, build_layer([*kept, *new], keep=True), old.hidden | changed.keys())
