"""What the feed keeps, and for how long. Works as reg_worker, outside the numbering."""

from __future__ import annotations

import asyncpg

from app.sanctions.feed import deltas, versions

KEEP_CHUNKS_H = 48
"""Chunks and attachments that left the set: a client in the middle of a full pull finds them."""
KEEP_INDEX_H = 2
"""Indexes that were replaced: there is one a version, and who has a manifest reads it at once."""
KEEP_CHANGES_MONTHS = 24
"""Changes, and the names of withdrawn files (field reference 7.7: tombstones, unconfirmed)."""
_BATCH = 5_000
_FILES = """DELETE FROM feed_blobs b WHERE b.current_at < now() - CASE
      WHEN b.withdrawn_at IS NOT NULL THEN make_interval(months => $1)
      WHEN b.media_type = 'application/json' THEN make_interval(hours => $2)
      ELSE make_interval(hours => $3) END
    AND NOT EXISTS (SELECT FROM feed_chunks c WHERE c.stream = b.stream AND c.sha256 = b.sha256)
    AND NOT EXISTS (SELECT FROM feed_heads h
      WHERE h.stream = b.stream AND h.index_sha256 = b.sha256)
    AND NOT EXISTS (SELECT FROM feed_attachments a
      WHERE a.stream = b.stream AND a.sha256 = b.sha256)
    AND NOT EXISTS (SELECT FROM feed_deltas d WHERE d.stream = b.stream AND d.sha256 = b.sha256)"""
# The newest change stays in any case: it says when the list last changed.
_FIRST_KEPT = """SELECT coalesce((SELECT seq FROM feed_changes WHERE stream = $1
      AND at >= now() - make_interval(months => $2) ORDER BY seq LIMIT 1),
    (SELECT max(seq) FROM feed_changes WHERE stream = $1))"""
_PRUNE = """DELETE FROM feed_changes WHERE stream = $1 AND seq IN (SELECT seq FROM feed_changes
    WHERE stream = $1 AND seq < $2 ORDER BY seq LIMIT $3)"""
_DELTAS = "DELETE FROM feed_deltas WHERE stream = $1 AND seq_to < $2"


async def tidy(connection: asyncpg.Connection) -> None:
    """Move each stream's window on, write the skip deltas that are due, drop files nobody needs."""
    for row in await connection.fetch("SELECT stream FROM feed_heads ORDER BY stream"):
        stream = row["stream"]
        first = await connection.fetchval(_FIRST_KEPT, stream, KEEP_CHANGES_MONTHS)
        if first is not None:
            await _prune(connection, stream, first)
            await versions.thin(connection, stream, first)
        await deltas.build_due(connection, stream)
    await connection.execute(_FILES, KEEP_CHANGES_MONTHS, KEEP_INDEX_H, KEEP_CHUNKS_H)


async def _prune(connection: asyncpg.Connection, stream: str, first: int) -> None:
    gone = _BATCH
    while gone == _BATCH:
        done = await connection.execute(_PRUNE, stream, first, _BATCH)
        gone = int(done.rpartition(" ")[2])
    await connection.execute(_DELTAS, stream, first)
