"""The continuous check: a random sample of the log against its newest checkpoint."""

from __future__ import annotations

import random
from typing import Any

import asyncpg
import structlog

from app.audit import merkle, metrics
from app.audit.checks import RECORDS, Fault, note_fault, record_fault
from app.audit.tree import NodeMissing, read_nodes
from app.auth.keys import SigningKeys
from app.core.db import Database

log = structlog.get_logger()
SAMPLE = 100

_NEWEST = """SELECT size, previous, root, note,
    extract(epoch FROM clock_timestamp() - at)::float8 AS age
    FROM log_checkpoints ORDER BY size DESC LIMIT 1"""
_WAITING = "SELECT extract(epoch FROM clock_timestamp() - min(at))::float8 FROM audit_pending"


class Sampler:
    """Checks a sample each time it is called; the worker calls it every half minute."""

    def __init__(self, keys: SigningKeys) -> None:
        self._keys = keys
        self._random = random.SystemRandom()

    async def check(self, database: Database) -> list[Fault]:
        """Check the newest checkpoint and some leaves under it; what is wrong is logged too."""
        async with database.connection() as connection:
            metrics.unsequenced_age_seconds.set(await connection.fetchval(_WAITING) or 0.0)
            newest = await connection.fetchrow(_NEWEST)
            if newest is None:
                return []
            metrics.checkpoint_age_seconds.set(newest["age"])
            size = newest["size"]
            numbers = self._random.sample(range(1, size + 1), min(SAMPLE, size))
            rows = await connection.fetch(RECORDS, sorted(numbers))
            faults = [fault for row in rows if (fault := record_fault(row)) is not None]
            wrong = note_fault(newest, await self._keys.note_verifiers())
            faults += [wrong] if wrong is not None else []
            faults += await _unproven(connection, rows, size, newest["root"])
        metrics.verified_total.inc(max(0, len(rows) - len(faults)))
        metrics.broken_total.inc(len(faults))
        for fault in faults:
            where = str(fault.event_id) if fault.event_id else None
            log.error("audit_broken", seq=fault.seq, event_id=where, what=fault.what)
        return faults


async def _unproven(
    connection: asyncpg.Connection, rows: list[Any], size: int, root: bytes
) -> list[Fault]:
    """Leaves whose inclusion in the newest tree cannot be shown."""
    there = [row for row in rows if row["seq"] is not None]
    paths = {row["seq"]: merkle.inclusion(row["seq"] - 1, size) for row in there}
    wanted = {node for path in paths.values() for span in path for node in merkle.cover(span)}
    try:
        nodes = await read_nodes(connection.fetch, wanted)
    except NodeMissing as missing:
        return [Fault(str(missing))]
    faults = []
    for row in there:
        proof = merkle.hashes_of(paths[row["seq"]], nodes.__getitem__)
        if not merkle.verify_inclusion(row["leaf_hash"], row["seq"] - 1, size, proof, root):
            what = f"the leaf is not in the tree of checkpoint {size}"
            faults.append(Fault(what, row["seq"], row["event_id"]))
    return faults
