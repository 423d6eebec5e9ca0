"""What a batch of changes does to the stored stream: changes, current set, chunks, files.

Works as reg_worker, in the transaction that numbers the batch.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from app.sanctions.feed import build

GZIP, JSON = "application/gzip", "application/json"
_SINCE = """SELECT entry_id, first_at FROM feed_entries
    WHERE stream = $1 AND entry_id = ANY ($2::text[])"""
_SENT = ("entry_id", "op", "entry", "reason", "at")


@dataclass(frozen=True, slots=True)
class Numbered:
    """A change under its number; of a put, since when the stream has held the entry."""

    seq: int
    row: asyncpg.Record
    first_at: datetime | None


async def store_changes(
    connection: asyncpg.Connection, stream: str, changes: Sequence[asyncpg.Record], first: int
) -> list[Numbered]:
    """Keep the changes under their numbers."""
    ids = [row["entry_id"] for row in changes]
    since: dict[str, datetime | None] = dict(await connection.fetch(_SINCE, stream, ids))
    numbered = []
    for seq, row in enumerate(changes, first):
        begun = None
        if row["op"] == "put":
            begun = since.setdefault(row["entry_id"], row["at"])
        else:
            since.pop(row["entry_id"], None)
        numbered.append(Numbered(seq, row, begun))
    await connection.executemany(
        "INSERT INTO feed_changes (stream, seq, entry_id, op, entry, reason, at, first_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        [(stream, one.seq, *(one.row[name] for name in _SENT), one.first_at) for one in numbered],
    )
    return numbered


async def store_entries(
    connection: asyncpg.Connection, stream: str, changes: Sequence[Numbered]
) -> tuple[set[int], int]:
    """Apply changes to the current set, the last one of an entry wins.

    Returns the prefixes touched and by how much the set has grown.
    """
    last = {one.row["entry_id"]: one for one in changes}
    gone = [entry_id for entry_id, one in last.items() if one.row["op"] == "remove"]
    deleted = await connection.fetch(
        "DELETE FROM feed_entries WHERE stream = $1 AND entry_id = ANY($2::text[]) "
        "RETURNING entry_id",
        stream,
        gone,
    )
    puts = [one for one in last.values() if one.row["op"] == "put"]
    # xmax tells an insert from an update without asking first.
    stored = await connection.fetch(
        "INSERT INTO feed_entries (stream, entry_id, seq, prefix, entry, first_at, changed_at) "
        "SELECT $1, n.entry_id, n.seq, n.prefix, n.entry, n.first_at, n.changed_at "
        "FROM unnest($2::text[], $3::bigint[], $4::smallint[], $5::bytea[], $6::timestamptz[], "
        "$7::timestamptz[]) AS n (entry_id, seq, prefix, entry, first_at, changed_at) "
        "ON CONFLICT (stream, entry_id) DO UPDATE SET seq = excluded.seq, entry = excluded.entry, "
        "first_at = excluded.first_at, changed_at = excluded.changed_at "
        "RETURNING (xmax = 0) AS added",
        stream,
        [one.row["entry_id"] for one in puts],
        [one.seq for one in puts],
        [build.prefix_of(one.row["entry_id"]) for one in puts],
        [one.row["entry"] for one in puts],
        [one.first_at for one in puts],
        [one.row["at"] for one in puts],
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
