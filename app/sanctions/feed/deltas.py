"""Skip deltas: who is far behind takes a few files in the place of hundreds of pages.

A file covers a block of numbers and holds the last change of each entry in it, so it may be applied
by whoever is anywhere inside its block: what of it the copy has already is put there once more. The
blocks of one size are four of the size before; what a copy must arrive at is signed as ever.
"""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import rfc8785
from pydantic_core import from_json

from app.core.clock import rfc3339
from app.sanctions.feed import build
from app.sanctions.feed.store import store_packed

_SPAN = """SELECT h.seq_to, h.purges, coalesce((SELECT min(c.seq) FROM feed_changes c
      WHERE c.stream = h.stream), h.seq_to + 1) AS first
    FROM feed_heads h WHERE h.stream = $1"""
_KNOWN = "SELECT seq_from, seq_to FROM feed_deltas WHERE stream = $1"
_LAST = """SELECT DISTINCT ON (entry_id) seq, op, entry_id, entry, reason, at FROM feed_changes
    WHERE stream = $1 AND seq > $2 AND seq <= $3 ORDER BY entry_id, seq DESC"""
_STILL = "SELECT FROM feed_heads WHERE stream = $1 AND purges = $2 FOR SHARE"
_STORE = """INSERT INTO feed_deltas
    (stream, seq_from, seq_to, sha256, bytes, raw_sha256, raw_bytes, count)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING"""
_LISTED = """SELECT h.version, h.seq_to, coalesce((SELECT min(c.seq) FROM feed_changes c
      WHERE c.stream = h.stream), h.seq_to + 1) - 1 AS changes_from,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('from', d.seq_from, 'to', d.seq_to,
        'sha256', d.sha256, 'bytes', d.bytes, 'raw_sha256', d.raw_sha256,
        'raw_bytes', d.raw_bytes, 'count', d.count) ORDER BY d.seq_from, d.seq_to), '[]')
      FROM feed_deltas d WHERE d.stream = h.stream)::text AS deltas,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('sha256', b.sha256,
        'at', extract(epoch FROM b.withdrawn_at)::bigint) ORDER BY b.withdrawn_at, b.sha256), '[]')
      FROM feed_blobs b WHERE b.stream = h.stream AND b.withdrawn_at IS NOT NULL
    )::text AS withdrawn,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('entry_id', p.entry_id, 'reason', p.reason,
        'at', extract(epoch FROM p.at)::bigint) ORDER BY p.at, p.entry_id), '[]')
      FROM (SELECT c.entry_id, max(c.at) AS at, max(c.reason) AS reason FROM feed_changes c
        WHERE c.stream = h.stream AND c.op = 'remove' AND c.reason IN ('annulled', 'error')
          AND NOT EXISTS (SELECT FROM feed_entries e
            WHERE e.stream = c.stream AND e.entry_id = c.entry_id)
        GROUP BY c.entry_id ORDER BY max(c.at) DESC LIMIT 10000) p)::text AS purged
    FROM feed_heads h WHERE h.stream = $1"""


async def build_due(connection: asyncpg.Connection, stream: str) -> int:
    """Write the deltas of blocks that are complete; how many. Holds no lock while it packs."""
    span = await connection.fetchrow(_SPAN, stream)
    if span is None:
        return 0
    known = {tuple(row) for row in await connection.fetch(_KNOWN, stream)}
    written = 0
    for block in build.blocks(span["first"] - 1, span["seq_to"]):
        if block not in known:
            written += await _build(connection, stream, block, span["purges"])
    return written


async def _build(
    connection: asyncpg.Connection, stream: str, block: tuple[int, int], purges: int
) -> int:
    rows = await connection.fetch(_LAST, stream, *block)
    packed = await asyncio.to_thread(_pack, rows)
    async with connection.transaction():
        # What was purged while this was packed must not come back with it.
        if await connection.fetchrow(_STILL, stream, purges) is None:
            return 0
        await store_packed(connection, stream, packed)
        await connection.execute(
            _STORE,
            stream,
            *block,
            packed.sha256,
            packed.bytes,
            packed.raw_sha256,
            packed.raw_bytes,
            len(rows),
        )
    return 1


def _pack(rows: list[asyncpg.Record]) -> build.Packed:
    lines = [
        build.change_line(
            row["seq"], row["op"], row["entry_id"], row["entry"], row["reason"], rfc3339(row["at"])
        )
        for row in sorted(rows, key=lambda row: row["seq"])
    ]
    return build.pack(b"".join(line + b"\n" for line in lines))


async def listing(connection: asyncpg.Connection, stream: str) -> bytes:
    """What there is of a stream beside its index: skip deltas, what was withdrawn and purged.

    The stream must have a head.
    """
    row = await connection.fetchrow(_LISTED, stream)
    head: dict[str, Any] = {
        "stream": build.wire_name(stream),
        "version": row["version"],
        "seq_to": row["seq_to"],
        "changes_from": row["changes_from"],
    }
    texts = {name: row[name] for name in ("deltas", "withdrawn", "purged")}
    return rfc8785.dumps(head | {name: from_json(text) for name, text in texts.items()})
