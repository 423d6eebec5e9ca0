"""Numbering the log: runs in the sequencer, as reg_worker, in one transaction per batch.

Numbers, leaves, subtrees and signed checkpoint are stored together. Before anything is signed,
the stored tree must give the root of the newest checkpoint, and of the newest one this process
has seen: a log that was changed or cut back is not continued.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import asyncpg
import structlog

from app.audit import leaves, merkle, metrics, notes
from app.audit.tree import NodeMissing, read_nodes
from app.auth.keys import SigningKeys
from app.core.sequencer import Stream, take_numbers

log = structlog.get_logger()
NAME = "audit"

_STATE = """SELECT coalesce((SELECT seq FROM streams WHERE name = 'audit'), 0) AS top,
    coalesce((SELECT max(seq) FROM log_leaves), 0) AS leaves, c.size, c.root, c.note
    FROM (SELECT 1) one LEFT JOIN
    (SELECT size, root, note FROM log_checkpoints ORDER BY size DESC LIMIT 1) c ON true"""
_TAKE = """DELETE FROM audit_pending WHERE event_id IN
    (SELECT event_id FROM audit_pending ORDER BY event_id LIMIT $1) RETURNING event_id"""
_EVENTS = f"""SELECT {leaves.COLUMNS} FROM audit_events e WHERE e.id = ANY($1::uuid[])
    AND e.salt IS NOT NULL AND NOT EXISTS (SELECT FROM log_leaves l WHERE l.event_id = e.id)
    ORDER BY e.id"""  # noqa: S608 - constant
_LEAVES = """INSERT INTO log_leaves (seq, event_id, leaf_hash) SELECT n.seq, n.event_id, n.leaf_hash
    FROM unnest($1::bigint[], $2::uuid[], $3::bytea[]) AS n (seq, event_id, leaf_hash)"""
_NODES = """INSERT INTO log_nodes (level, index, hash) SELECT n.level, n.index, n.hash
    FROM unnest($1::smallint[], $2::bigint[], $3::bytea[]) AS n (level, index, hash)"""
_CHECKPOINT = "INSERT INTO log_checkpoints (size, previous, root, note) VALUES ($1, $2, $3, $4)"


class LogBroken(Exception):
    """The stored log is not the one that was signed; the message says what does not fit."""


@dataclass(frozen=True, slots=True)
class _Head:
    size: int
    root: bytes


class AuditStream:
    """The sequencer's stream of the log."""

    def __init__(self, keys: SigningKeys, issuer: str) -> None:
        self._keys = keys
        self._origin = notes.origin_of(issuer)
        self._seen = _Head(0, merkle.EMPTY_ROOT)
        self._stopped = False

    def as_stream(self) -> Stream:
        """What the sequencer runs; last of all, so that its troubles stop no other stream."""
        return Stream(
            name=NAME,
            step=self.step,
            oldest="SELECT extract(epoch FROM now() - min(at)) FROM audit_pending",
        )

    async def step(self, connection: asyncpg.Connection, limit: int) -> int:
        """Number the next committed events, extend the tree, sign it; the count.

        Does nothing but complain while the log is broken.
        """
        if not await connection.fetchval("SELECT EXISTS (SELECT FROM audit_pending)"):
            return 0
        try:
            tree = await self._checked(connection)
        except LogBroken as broken:
            self._refuse(str(broken))
            return 0
        self._stopped = False
        metrics.stopped.set(0)
        ids = await connection.fetch(_TAKE, limit)
        rows = await connection.fetch(_EVENTS, [row["event_id"] for row in ids])
        if rows:
            await self._extend(connection, tree, rows)
        return len(ids)

    async def _checked(self, connection: asyncpg.Connection) -> merkle.Frontier:
        """The tree as it was last signed. Raises LogBroken."""
        state = await connection.fetchrow(_STATE)
        head = _Head(state["size"] or 0, state["root"] or merkle.EMPTY_ROOT)
        if not state["top"] == state["leaves"] == head.size:
            raise LogBroken(
                f"{state['top']} numbers, {state['leaves']} leaves and a checkpoint of {head.size}"
            )
        if head.size:
            await self._check_note(state)
        if head.size < self._seen.size:
            raise LogBroken(f"the log ended at {self._seen.size} and now ends at {head.size}")
        frontier = merkle.cover((0, head.size))
        before = merkle.cover((0, self._seen.size))
        try:
            found = await read_nodes(connection.fetch, [*frontier, *before])
        except NodeMissing as missing:
            raise LogBroken(str(missing)) from None
        for nodes, wanted in ((before, self._seen), (frontier, head)):
            if merkle.fold([found[node] for node in nodes]) != wanted.root:
                raise LogBroken(f"the tree does not give the root of checkpoint {wanted.size}")
        self._seen = head
        return merkle.Frontier(head.size, [found[node] for node in frontier])

    async def _check_note(self, state: asyncpg.Record) -> None:
        try:
            signed = notes.verify(state["note"], await self._keys.note_verifiers())
        except notes.NoteInvalid as invalid:
            raise LogBroken(f"checkpoint {state['size']}: {invalid}") from None
        if (signed.size, signed.root) != (state["size"], state["root"]):
            raise LogBroken(f"checkpoint {state['size']} says something else than its note")

    async def _extend(
        self, connection: asyncpg.Connection, tree: merkle.Frontier, rows: list[Any]
    ) -> None:
        previous = tree.size
        first = await take_numbers(connection, NAME, len(rows))
        hashes = [leaves.hash_of(row) for row in rows]
        nodes = [done for value in hashes for done in tree.append(value)]
        await connection.execute(
            _LEAVES, list(range(first, first + len(rows))), [row["id"] for row in rows], hashes
        )
        await connection.execute(
            _NODES,
            [level for (level, _), _ in nodes],
            [index for (_, index), _ in nodes],
            [value for _, value in nodes],
        )
        checkpoint = notes.Checkpoint(self._origin, tree.size, tree.root)
        note = notes.sign(checkpoint, await self._keys.note_key())
        await connection.execute(_CHECKPOINT, checkpoint.size, previous, checkpoint.root, note)

    def _refuse(self, what: str) -> None:
        metrics.stopped.set(1)
        if not self._stopped:
            self._stopped = True
            metrics.broken_total.inc()
            log.error("audit_log_broken", seq=self._seen.size, what=what)
