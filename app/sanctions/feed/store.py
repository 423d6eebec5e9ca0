"""What a batch of changes does to the stored stream: changes, current set, chunks, files.

Works as reg_worker, in the transaction that numbers the batch.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import asyncpg

from app.sanctions.feed import build

GZIP, JSON = "application/gzip", "application/json"


async def store_changes(
    connection: asyncpg.Connection, stream: str, changes: Sequence[asyncpg.Record], first: int
) -> None:
    """Keep the changes under their numbers."""
    await connection.executemany(
        "INSERT INTO feed_changes (stream, seq, entry_id, op, entry, reason, at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7)",
        [
            (stream, first + n, row["entry_id"], row["op"], row["entry"], row["reason"], row["at"])
            for n, row in enumerate(changes)
        ],
    )


async def store_entries(
    connection: asyncpg.Connection, stream: str, changes: Sequence[asyncpg.Record], seq_to: int
) -> tuple[set[int], int]:
    """Apply changes to the current set, the last one of an entry wins.

    Returns the prefixes touched and by how much the set has grown.
    """
    first = seq_to - len(changes) + 1
    last = {row["entry_id"]: (first + n, row) for n, row in enumerate(changes)}
    gone = [entry_id for entry_id, (_, row) in last.items() if row["op"] == "remove"]
    deleted = await connection.fetch(
        "DELETE FROM feed_entries WHERE stream = $1 AND entry_id = ANY($2::text[]) "
        "RETURNING entry_id",
        stream,
        gone,
    )
    puts = [(key, seq, row) for key, (seq, row) in last.items() if row["op"] == "put"]
    # xmax tells an insert from an update without asking first.
    stored = await connection.fetch(
        "INSERT INTO feed_entries (stream, entry_id, seq, prefix, entry) "
        "SELECT $1, n.entry_id, n.seq, n.prefix, n.entry "
        "FROM unnest($2::text[], $3::bigint[], $4::smallint[], $5::bytea[]) "
        "AS n (entry_id, seq, prefix, entry) "
        "ON CONFLICT (stream, entry_id) DO UPDATE SET seq = excluded.seq, entry = excluded.entry "
        "RETURNING (xmax = 0) AS added",
        stream,
        [key for key, _, _ in puts],
        [seq for _, seq, _ in puts],
        [build.prefix_of(key) for key, _, _ in puts],
        [row["entry"] for _, _, row in puts],
    )
    grown = sum(row["added"] for row in stored) - len(deleted)
    return {build.prefix_of(entry_id) for entry_id in last}, grown


async def store_chunk(connection: asyncpg.Connection, stream: str, bucket: int, bits: int) -> None:
    """Write the chunk of one bucket, and its line of the index, from the current set."""
    low, high = build.bucket_range(bucket, bits)
    rows = await connection.fetch(
        "SELECT entry FROM feed_entries WHERE stream = $1 AND prefix BETWEEN $2 AND $3 "
        'ORDER BY entry_id COLLATE "C"',
        stream,
        low,
        high,
    )
    chunk = build.make_chunk(bucket, [row["entry"] for row in rows])
    if chunk.content is not None and chunk.sha256 is not None:
        await store_blob(connection, stream, chunk.sha256, GZIP, chunk.content, (low, high))
    await connection.execute(
        "INSERT INTO feed_chunks (stream, bucket, sha256, bytes, raw_sha256, raw_bytes, count) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (stream, bucket) DO UPDATE "
        "SET sha256 = $3, bytes = $4, raw_sha256 = $5, raw_bytes = $6, count = $7",
        stream,
        bucket,
        chunk.sha256,
        chunk.bytes,
        chunk.raw_sha256,
        chunk.raw_bytes,
        chunk.count,
    )


async def leave(connection: asyncpg.Connection, stream: str, buckets: Collection[int]) -> None:
    """The files that are about to be replaced leave the set now, not when they were made."""
    await connection.execute(
        "UPDATE feed_blobs b SET current_at = now() WHERE stream = $1 AND ("
        "sha256 IN (SELECT c.sha256 FROM feed_chunks c WHERE c.stream = $1 "
        "  AND c.bucket = ANY ($2::int[])) "
        "OR sha256 = (SELECT h.index_sha256 FROM feed_heads h WHERE h.stream = $1))",
        stream,
        list(buckets),
    )


async def store_blob(
    connection: asyncpg.Connection,
    stream: str,
    sha256: str,
    media_type: str,
    content: bytes,
    prefixes: tuple[int, int] | None = None,
) -> None:
    """Keep a file. One that comes back (a change and its undoing) counts anew."""
    await connection.execute(
        "INSERT INTO feed_blobs (sha256, stream, media_type, content, low, high) "
        "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (sha256, stream) "
        "DO UPDATE SET current_at = now(), content = $4, withdrawn_at = NULL",
        sha256,
        stream,
        media_type,
        content,
        *(prefixes or (None, None)),
    )


async def store_packed(connection: asyncpg.Connection, stream: str, packed: build.Packed) -> None:
    """Keep a gzip file that is no chunk."""
    await store_blob(connection, stream, packed.sha256, GZIP, packed.content)
