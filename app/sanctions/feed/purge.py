"""What was annulled or put by mistake is erased from all that the feed still holds of the past.

So is, from the public stream, what is public no more. The change itself stays, so that clients
learn of it. It runs in the transaction that numbers the change: with it, or never. What is left of
a withdrawn file is its name, which answers 410.
"""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Sequence

import asyncpg

from app.sanctions.feed import build
from app.sanctions.feed.store import GZIP

EVERYWHERE = frozenset({"annulled", "error"})
"""Nothing is kept of the entry, in whichever stream it was at some time; clients erase it."""
PUBLIC = EVERYWHERE | {"level_changed"}
"""What has the same effect in the public stream, which lies open without a token. Elsewhere history
stays: answers of then are computed again from it.
"""
_ID = re.compile(rb'"entry_id":("[^"\\]*")')
_WHERE = """SELECT DISTINCT c.entry_id, c.stream FROM feed_heads h JOIN feed_changes c
    ON c.stream = h.stream WHERE c.entry_id = ANY ($1::text[])"""
_CHANGES = """WITH gone AS (SELECT n.entry_id, n.seq, n.reason
      FROM unnest($2::text[], $3::bigint[], $4::text[]) AS n (entry_id, seq, reason))
    UPDATE feed_changes c SET op = 'remove', entry = NULL, reason = g.reason FROM gone g
    WHERE c.stream = $1 AND c.entry_id = g.entry_id AND c.seq < g.seq AND c.op = 'put'
    RETURNING c.seq"""
_CANDIDATES = """SELECT b.sha256, b.content FROM feed_blobs b
    WHERE b.stream = $1 AND b.media_type = $2 AND b.content IS NOT NULL
      AND EXISTS (SELECT FROM unnest($3::int[]) p WHERE p BETWEEN b.low AND b.high)
      AND NOT EXISTS (SELECT FROM feed_chunks c WHERE c.stream = $1 AND c.sha256 = b.sha256)"""
_DELTAS = """DELETE FROM feed_deltas d WHERE d.stream = $1
    AND EXISTS (SELECT FROM unnest($2::bigint[]) s WHERE s > d.seq_from AND s <= d.seq_to)
    RETURNING d.sha256"""
_WITHDRAW = """UPDATE feed_blobs SET content = NULL, withdrawn_at = now(), current_at = now()
    WHERE stream = $1 AND sha256 = ANY ($2::text[]) AND content IS NOT NULL"""


async def streams_of(
    connection: asyncpg.Connection, changes: Sequence[asyncpg.Record]
) -> list[set[str]]:
    """The streams of each of these changes, in order.

    What is purged everywhere is told in the streams that the entry has left, too: their clients may
    hold copies of it. One that never had it hears nothing.
    """
    purged = [row["entry_id"] for row in changes if _purges(row, EVERYWHERE)]
    known: dict[str, set[str]] = {}
    for row in await connection.fetch(_WHERE, purged) if purged else ():
        known.setdefault(row["entry_id"], set()).add(row["stream"])
    found = []
    for row in changes:
        streams = set(row["streams"])
        known.setdefault(row["entry_id"], set()).update(streams)
        found.append(known[row["entry_id"]].copy() if _purges(row, EVERYWHERE) else streams)
    return found


def _purges(row: asyncpg.Record, reasons: frozenset[str]) -> bool:
    return row["op"] == "remove" and row["reason"] in reasons


async def purge(
    connection: asyncpg.Connection, stream: str, changes: Sequence[asyncpg.Record], first: int
) -> bool:
    """Erase the past of the entries that these changes, numbered from ``first``, take back.

    Called when the chunks of the new set are stored. Whether there was anything to purge.
    """
    purging = PUBLIC if stream == build.PUBLIC else EVERYWHERE
    gone = [
        (row["entry_id"], first + n, row["reason"])
        for n, row in enumerate(changes)
        if _purges(row, purging)
    ]
    if not gone:
        return False
    ids, numbers, reasons = (list(column) for column in zip(*gone, strict=True))
    emptied = await connection.fetch(_CHANGES, stream, ids, numbers, reasons)
    deltas = await connection.fetch(_DELTAS, stream, [row["seq"] for row in emptied])
    prefixes = sorted({build.prefix_of(entry_id) for entry_id in ids})
    rows = await connection.fetch(_CANDIDATES, stream, GZIP, prefixes)
    held = await asyncio.to_thread(_holding, rows, ids)
    await connection.execute(_WITHDRAW, stream, held + [row["sha256"] for row in deltas])
    return True


def _holding(files: Sequence[asyncpg.Record], ids: Sequence[str]) -> list[str]:
    """Which of these chunks hold one of the entries."""
    marks = {build.canonical_text(entry_id) for entry_id in ids}
    return [
        row["sha256"]
        for row in files
        if not marks.isdisjoint(_ID.findall(gzip.decompress(row["content"])))
    ]
