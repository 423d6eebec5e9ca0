"""Numbering the feed: runs in the sequencer, as reg_worker, in one transaction per batch.

Numbers, current set, chunks, index and signed manifest change together: whoever reads a head
finds everything it speaks of.
"""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg

from app.auth import jose
from app.auth.keys import SigningKeys
from app.core.sequencer import Stream, take_numbers
from app.sanctions.feed import build

RESIGN_S = 3_600
KEEP_BLOBS_H = 48

# Of what the stream carries: one that the worker has not told of yet is still in it.
_NEXT_TRANSITION = """SELECT least(
    (SELECT min(effective_from) FROM sanction_entries WHERE announced = 'PENDING'
      AND effective_from > current_date AND NOT isempty(valid) AND level = ANY ($1)),
    (SELECT min(upper(valid)) FROM sanction_entries WHERE announced <> 'ENDED'
      AND upper(valid) > current_date AND level = ANY ($1)))"""
_LEVELS = {"inter_agency": ["INTER_AGENCY", "PUBLIC"], "public": ["PUBLIC"]}

_NEXT_END = """SELECT min(p.ends_on) + 1 FROM list_sources s JOIN listed_parties p
    ON p.source = s.code WHERE $1 = ANY (s.streams) AND p.to_version IS NULL
    AND p.expired_at IS NULL AND p.ends_on >= current_date"""


class FeedStream:
    """The sequencer's stream of the feed, and the heartbeat that keeps manifests fresh."""

    def __init__(self, keys: SigningKeys, issuer: str) -> None:
        self._keys = keys
        self._issuer = issuer

    def as_stream(self) -> Stream:
        """What the sequencer runs."""
        return Stream(
            name="feed",
            step=self.step,
            oldest="SELECT extract(epoch FROM now() - min(at)) FROM feed_pending",
        )

    async def step(self, connection: asyncpg.Connection, limit: int) -> int:
        """Number the next committed changes in every stream they belong to."""
        rows = await connection.fetch(
            "SELECT id, at, entry_id, op, entry, reason, streams FROM feed_pending "
            "ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED",
            limit,
        )
        if not rows:
            return 0
        by_stream: dict[str, list[asyncpg.Record]] = defaultdict(list)
        for row in rows:
            for stream in row["streams"]:
                by_stream[stream].append(row)
        for stream, changes in sorted(by_stream.items()):
            await self._apply(connection, stream, changes)
        await connection.execute(
            "DELETE FROM feed_pending WHERE id = ANY($1::uuid[])", [row["id"] for row in rows]
        )
        return len(rows)

    async def heartbeat(self, connection: asyncpg.Connection, streams: Iterable[str]) -> None:
        """Sign again what is older than an hour; give a stream without a head its first one."""
        known = await connection.fetch("SELECT stream, signed_at FROM feed_heads")
        signed = {row["stream"]: row["signed_at"] for row in known}
        now = datetime.now(UTC)
        for stream in sorted({*streams, *signed}):
            async with connection.transaction():
                if stream not in signed:
                    await self._apply(connection, stream, [])
                elif (now - signed[stream]).total_seconds() >= RESIGN_S:
                    await self._resign(connection, stream)
        await connection.execute(
            "DELETE FROM feed_blobs b WHERE current_at < now() - make_interval(hours => $1) "
            "AND NOT EXISTS (SELECT FROM feed_chunks c "
            "  WHERE c.stream = b.stream AND c.sha256 = b.sha256) "
            "AND NOT EXISTS (SELECT FROM feed_heads h "
            "  WHERE h.stream = b.stream AND h.index_sha256 = b.sha256)",
            KEEP_BLOBS_H,
        )

    async def _apply(
        self, connection: asyncpg.Connection, stream: str, changes: Sequence[asyncpg.Record]
    ) -> None:
        head = await connection.fetchrow(
            "SELECT version, seq_to, count, bucket_bits, set_sha256 FROM feed_heads "
            "WHERE stream = $1 FOR UPDATE",
            stream,
        )
        seq_to = head["seq_to"] if head else 0
        if changes:
            first = await take_numbers(connection, f"feed:{stream}", len(changes))
            await _store_changes(connection, stream, changes, first)
            seq_to = first + len(changes) - 1
        touched, grown = await _store_entries(connection, stream, changes, seq_to)
        count = (head["count"] if head else 0) + grown
        bits = build.bits_for(count)
        await _still_current(connection, stream)
        if head is None or bits != head["bucket_bits"]:
            await connection.execute("DELETE FROM feed_chunks WHERE stream = $1", stream)
            buckets: Iterable[int] = range(1 << bits)
        else:
            buckets = {build.bucket_of(prefix, bits) for prefix in touched}
        for bucket in sorted(buckets):
            await _store_chunk(connection, stream, bucket, bits)
        await self._sign(
            connection,
            stream,
            version=(head["version"] if head else 0) + 1,
            seq_to=seq_to,
            count=count,
            bits=bits,
            previous=head["set_sha256"] if head else None,
        )

    async def _sign(
        self,
        connection: asyncpg.Connection,
        stream: str,
        *,
        version: int,
        seq_to: int,
        count: int,
        bits: int,
        previous: str | None,
    ) -> None:
        rows = await connection.fetch(
            "SELECT bucket, sha256, bytes, raw_sha256, raw_bytes, count FROM feed_chunks "
            "WHERE stream = $1 ORDER BY bucket",
            stream,
        )
        index = build.make_index(stream, version, [dict(row) for row in rows])
        index_sha256 = hashlib.sha256(index).hexdigest()
        await _store_blob(connection, stream, index_sha256, "application/json", index)
        digest = build.set_digest(row["raw_sha256"] for row in rows)
        claims = {
            "version": version,
            "seq_to": seq_to,
            "count": count,
            "bucket_bits": bits,
            "set_sha256": digest,
            "prev_set_sha256": previous,
            "index": {"sha256": index_sha256, "bytes": len(index)},
        }
        manifest = await self._manifest(connection, stream, claims)
        await connection.execute(
            "INSERT INTO feed_heads (stream, version, seq_to, count, bucket_bits, set_sha256, "
            "index_sha256, manifest, signed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now()) "
            "ON CONFLICT (stream) DO UPDATE SET version = $2, seq_to = $3, count = $4, "
            "bucket_bits = $5, set_sha256 = $6, index_sha256 = $7, manifest = $8, "
            "signed_at = now()",
            stream,
            version,
            seq_to,
            count,
            bits,
            digest,
            index_sha256,
            manifest,
        )

    async def _manifest(
        self, connection: asyncpg.Connection, stream: str, claims: dict[str, Any]
    ) -> str:
        levels = _LEVELS.get(stream)
        day = await connection.fetchval(_NEXT_TRANSITION, levels) if levels else None
        ends = await connection.fetchval(_NEXT_END, stream)
        day = min((one for one in (day, ends) if one is not None), default=None)
        transition = f"{day.isoformat()}T00:00:00Z" if day else None
        payload = build.make_claims(self._issuer, stream, claims, int(time.time()), transition)
        return jose.sign(payload, await self._keys.signing_key("list"), build.MANIFEST_TYPE)

    async def _resign(self, connection: asyncpg.Connection, stream: str) -> None:
        """Same version and content, new times: shows clients that nothing is withheld."""
        row = await connection.fetchrow(
            "SELECT h.version, h.seq_to, h.count, h.bucket_bits, h.set_sha256, h.index_sha256, "
            "h.manifest, octet_length(b.content) AS index_bytes FROM feed_heads h "
            "JOIN feed_blobs b ON b.stream = h.stream AND b.sha256 = h.index_sha256 "
            "WHERE h.stream = $1 FOR UPDATE OF h",
            stream,
        )
        claims = {
            "version": row["version"],
            "seq_to": row["seq_to"],
            "count": row["count"],
            "bucket_bits": row["bucket_bits"],
            "set_sha256": row["set_sha256"],
            "prev_set_sha256": jose.unverified_claims(row["manifest"]).get("prev_set_sha256"),
            "index": {"sha256": row["index_sha256"], "bytes": row["index_bytes"]},
        }
        manifest = await self._manifest(connection, stream, claims)
        await connection.execute(
            "UPDATE feed_heads SET manifest = $2, signed_at = now() WHERE stream = $1",
            stream,
            manifest,
        )


async def _store_changes(
    connection: asyncpg.Connection, stream: str, changes: Sequence[asyncpg.Record], first: int
) -> None:
    await connection.executemany(
        "INSERT INTO feed_changes (stream, seq, entry_id, op, entry, reason, at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7)",
        [
            (stream, first + n, row["entry_id"], row["op"], row["entry"], row["reason"], row["at"])
            for n, row in enumerate(changes)
        ],
    )


async def _store_entries(
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


async def _store_chunk(connection: asyncpg.Connection, stream: str, bucket: int, bits: int) -> None:
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
        await _store_blob(connection, stream, chunk.sha256, "application/gzip", chunk.content)
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


async def _still_current(connection: asyncpg.Connection, stream: str) -> None:
    """The files of the set that is about to be replaced leave it now, not when they were made."""
    await connection.execute(
        "UPDATE feed_blobs b SET current_at = now() WHERE stream = $1 AND ("
        "sha256 IN (SELECT c.sha256 FROM feed_chunks c WHERE c.stream = $1) "
        "OR sha256 = (SELECT h.index_sha256 FROM feed_heads h WHERE h.stream = $1))",
        stream,
    )


async def _store_blob(
    connection: asyncpg.Connection, stream: str, sha256: str, media_type: str, content: bytes
) -> None:
    # A file that comes back (a change and its undoing) counts anew.
    await connection.execute(
        "INSERT INTO feed_blobs (sha256, stream, media_type, content) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT (sha256, stream) DO UPDATE SET current_at = now()",
        sha256,
        stream,
        media_type,
        content,
    )
