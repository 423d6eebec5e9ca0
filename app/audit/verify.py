"""The full walk over the log: every record, subtree and checkpoint, and what is wrong by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from app.audit import leaves, notes
from app.audit.checks import CHECKPOINTS, EDITED, MISSING, RECORDS, Fault, note_fault, record_fault
from app.audit.compare import Leaf, TreeCheck
from app.auth import ed25519
from app.auth.keys import published_keys
from app.core.db import Database

BATCH = 5_000
Progress = Callable[[str, int, int], None]

_STATE = """SELECT coalesce((SELECT seq FROM streams WHERE name = 'audit'), 0) AS top,
    coalesce((SELECT max(seq) FROM log_leaves), 0) AS leaves,
    coalesce((SELECT max(size) FROM log_checkpoints), 0) AS size"""
_STORED = """SELECT n.level, n.index, n.hash
    FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS r (level, low, high)
    JOIN log_nodes n ON n.level = r.level AND n.index >= r.low AND n.index < r.high"""
_BELONGS = "SELECT seq FROM log_leaves WHERE leaf_hash = $1"
_UNNUMBERED = """SELECT e.id, l.seq IS NULL AND e.at < now() - interval '1 minute' AS late,
    p.event_id IS NOT NULL AS waits
    FROM (SELECT id, at FROM audit_events WHERE id > $1 ORDER BY id LIMIT $2) e
    LEFT JOIN log_leaves l ON l.event_id = e.id LEFT JOIN audit_pending p ON p.event_id = e.id
    ORDER BY e.id"""


@dataclass(slots=True)
class Result:
    """What the walk found. ``waiting`` events are old enough for a number, and queued for it."""

    records: int = 0
    checkpoints: int = 0
    erased: int = 0
    waiting: int = 0
    faults: list[Fault] = field(default_factory=list)


async def verify(database: Database, progress: Progress, outside: str | None = None) -> Result:
    """Check the whole log, and that it continues the note ``outside``.

    The log may grow meanwhile; what was there at the start is checked. Raises NoteInvalid for a
    note that is none of this registry's.
    """
    keys = [
        ed25519.load_public(key["jwk"])
        for key in await published_keys(database)
        if key["use"] == "checkpoint"
    ]
    kept = notes.verify(outside, keys) if outside is not None else None
    walk = _Walk(database, keys, kept)
    await walk.records(progress)
    await walk.unnumbered(progress)
    return walk.result


class _Walk:
    def __init__(self, database: Database, keys: list[Any], kept: notes.Checkpoint | None) -> None:
        self._database = database
        self._keys = keys
        self._kept = kept
        self._tree = TreeCheck()
        self._edited: list[Leaf] = []
        self._gap: list[int] = []
        self._previous = 0
        self.result = Result()

    def _fault(self, what: str, seq: int | None = None, event_id: UUID | None = None) -> None:
        self.result.faults.append(Fault(what, seq, event_id))

    async def records(self, progress: Progress) -> None:
        """Every number from the first to the last, with subtrees and checkpoints."""
        async with self._database.connection() as connection:
            state = await connection.fetchrow(_STATE)
        end = max(state["leaves"], min(state["size"], state["top"]))
        progress("records", 0, end)
        for start in range(0, end, BATCH):
            stop = min(start + BATCH, end)
            await self._batch(start, stop)
            progress("records", stop, end)
        self._close_gap()
        await self._name_edited()
        self._tree.name_replaced()
        self.result.faults += self._tree.faults
        self._ends(state)

    def _ends(self, state: Mapping[str, int]) -> None:
        if state["leaves"] != state["top"]:
            self._fault(f"{state['top']} numbers were given out; the last is {state['leaves']}")
        if self._previous < state["leaves"]:
            self._fault(f"a checkpoint is missing: nothing is signed after seq {self._previous}")
        if self._kept is not None and self._kept.size > state["leaves"]:
            self._fault(
                f"the log was cut back: it ends at seq {state['leaves']}, "
                f"the checkpoint kept outside at {self._kept.size}"
            )

    async def _batch(self, start: int, stop: int) -> None:
        levels = range(1, stop.bit_length() + 1)
        lows, highs = [start >> n for n in levels], [stop >> n for n in levels]
        async with self._database.connection() as connection:
            rows = await connection.fetch(RECORDS, list(range(start + 1, stop + 1)))
            nodes = await connection.fetch(_STORED, list(levels), lows, highs)
            points = await connection.fetch(CHECKPOINTS, start, stop)
        stored = {(row["level"], row["index"]): row["hash"] for row in nodes}
        signed = {row["size"]: row for row in points}
        for row in rows:
            seq = row["wanted"]
            self._tree.add(self._leaf(row), stored)
            if seq in signed:
                self._checkpoint(signed[seq])
            if self._contradicts(seq):
                self._fault(f"the first {seq} records are not those of the note kept outside")

    def _contradicts(self, size: int) -> bool:
        kept = self._kept
        return kept is not None and kept.size == size and kept.root not in self._tree.roots

    def _leaf(self, row: asyncpg.Record) -> Leaf:
        """Check a record by itself."""
        fault = record_fault(row)
        self.result.records += row["found"] is not None
        self.result.erased += row["found"] is not None and row["salt"] is None
        if fault is not None and fault.what == EDITED:
            leaf = Leaf(row["seq"], row["leaf_hash"], row["event_id"], leaves.hash_of(row))
            self._edited.append(leaf)
            return leaf
        if fault is not None and fault.what == MISSING:
            self._gap.append(row["wanted"])
        elif fault is not None:
            self.result.faults.append(fault)
        return Leaf(row["wanted"], row["leaf_hash"], row["event_id"])

    def _checkpoint(self, row: asyncpg.Record) -> None:
        self.result.checkpoints += 1
        if row["previous"] != self._previous:
            self._fault(
                f"a checkpoint is missing between seq {self._previous} and {row['size']}: "
                f"the one of {row['previous']}"
            )
        self._previous = row["size"]
        fault = note_fault(row, self._keys)
        if fault is None:
            self._tree.checkpoint(row["size"], row["root"])
        else:
            self.result.faults.append(fault)

    def _close_gap(self) -> None:
        """Deleted numbers, neighbours as one."""
        first = None
        for n, seq in enumerate(self._gap):
            first = seq if first is None else first
            if n + 1 == len(self._gap) or self._gap[n + 1] != seq + 1:
                words = MISSING if first == seq else f"{MISSING}, and all up to seq {seq}"
                self._fault(words, first)
                first = None

    async def _name_edited(self) -> None:
        """An event that does not give its leaf: moved here, edited, or only its leaf was."""
        intact = self._tree.intact_leaves()
        async with self._database.connection() as connection:
            for leaf in self._edited:
                home = await connection.fetchval(_BELONGS, leaf.event_hash)
                what = EDITED
                if home is not None:
                    what = f"out of order: the event at this number belongs at seq {home}"
                elif leaf.seq in intact:
                    what = "the leaf hash was changed; the event is as it was signed"
                self._fault(what, leaf.seq, leaf.event_id)

    async def unnumbered(self, progress: Progress) -> None:
        """Events without a number, older than a minute: queued for one, or put in by the back."""
        last, seen = UUID(int=0), 0
        while True:
            async with self._database.connection() as connection:
                rows = await connection.fetch(_UNNUMBERED, last, BATCH)
            for row in rows:
                if row["late"] and row["waits"]:
                    self.result.waiting += 1
                elif row["late"]:
                    self._fault(
                        "without a number for more than a minute, and not queued for one",
                        None,
                        row["id"],
                    )
            seen += len(rows)
            if len(rows) < BATCH:
                progress("events", seen, seen)
                return
            last = rows[-1]["id"]
            progress("events", seen, max(seen + 1, self.result.records))
