"""Numbering the feed: runs in the sequencer, as reg_worker, in one transaction per batch.

Numbers, current set, chunks, index and signed manifest change together: whoever reads a head
finds everything it speaks of.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from app.audit import notes
from app.auth import jose
from app.auth.keys import SigningKeys
from app.core.sequencer import Stream, take_numbers
from app.sanctions.feed import attachments, build, upkeep, versions
from app.sanctions.feed.purge import purge, streams_of
from app.sanctions.feed.store import (
    JSON,
    leave,
    store_blob,
    store_changes,
    store_chunk,
    store_entries,
)

RESIGN_S = 3_600

# Of what the stream carries: one that the worker has not told of yet is still in it.
_CARRIED = """level = ANY ($1)
      AND ($2::uuid IS NULL OR $2 IN (imposing_agency, custodian_agency))"""
_NEXT_TRANSITION = f"""SELECT least(
    (SELECT min(effective_from) FROM sanction_entries WHERE announced = 'PENDING'
      AND effective_from > current_date AND NOT isempty(valid) AND {_CARRIED}),
    (SELECT min(upper(valid)) FROM sanction_entries WHERE announced <> 'ENDED'
      AND upper(valid) > current_date AND {_CARRIED}))"""  # noqa: S608 - texts of ours
_LEVELS = {
    "inter_agency": ["INTER_AGENCY", "PUBLIC"],
    "public": ["PUBLIC"],
    build.OWN: ["RESTRICTED"],
}
_OWN_STREAMS = "SELECT 'agency:' || id FROM agencies WHERE status <> 'withdrawn'"
_CHECKPOINT = "SELECT size, root FROM log_checkpoints ORDER BY size DESC LIMIT 1"
_HEAD = """SELECT version, seq_to, count, bucket_bits, set_sha256, purges FROM feed_heads
    WHERE stream = $1 FOR UPDATE"""

_NEXT_END = """SELECT min(p.ends_on) + 1 FROM list_sources s JOIN listed_parties p
    ON p.source = s.code WHERE $1 = ANY (s.streams) AND p.to_version IS NULL
    AND p.expired_at IS NULL AND p.ends_on >= current_date"""


@dataclass(frozen=True, slots=True)
class _Next:
    """What the next head of a stream says."""

    version: int
    seq_to: int
    count: int
    bits: int
    previous: str | None
    purges: int


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
        for row, streams in zip(rows, await streams_of(connection, rows), strict=True):
            for stream in streams:
                by_stream[stream].append(row)
        for stream, changes in sorted(by_stream.items()):
            await self._apply(connection, stream, changes)
        await connection.execute(
            "DELETE FROM feed_pending WHERE id = ANY($1::uuid[])", [row["id"] for row in rows]
        )
        return len(rows)

    async def heartbeat(self, connection: asyncpg.Connection, streams: Iterable[str]) -> None:
        """Sign again what is older than an hour; give a stream without a head its first one.

        Each agency has a stream of its own beside those that are named.
        """
        known = await connection.fetch("SELECT stream, signed_at FROM feed_heads")
        signed = {row["stream"]: row["signed_at"] for row in known}
        own = [row[0] for row in await connection.fetch(_OWN_STREAMS)]
        now = datetime.now(UTC)
        for stream in sorted({*streams, *own, *signed}):
            async with connection.transaction():
                if stream not in signed:
                    await self._apply(connection, stream, [])
                elif (now - signed[stream]).total_seconds() >= RESIGN_S:
                    await self._resign(connection, stream)
        await upkeep.tidy(connection)

    async def attach(
        self, connection: asyncpg.Connection, stream: str, name: str, content: bytes | None
    ) -> bool:
        """Name this content in the index of the stream from now on; None takes the name out.

        One transaction of its own: the version rises, the set stays. It is kept as long as an
        index names it. False when nothing changed. Raises ValueError for a bad name or a stream
        without a head.
        """
        async with connection.transaction():
            head = await connection.fetchrow(_HEAD, stream)
            if head is None:
                raise ValueError(stream)
            if content is None:
                changed = await attachments.remove_attachment(connection, stream, name)
            else:
                changed = await attachments.store_attachment(connection, stream, name, content)
            if changed:
                await leave(connection, stream, ())
                await self._sign(connection, stream, _following(head))
        return changed

    async def _apply(
        self, connection: asyncpg.Connection, stream: str, changes: Sequence[asyncpg.Record]
    ) -> None:
        head = await connection.fetchrow(_HEAD, stream)
        seq_to, first, numbered = head["seq_to"] if head else 0, 0, []
        if changes:
            first = await take_numbers(connection, f"feed:{stream}", len(changes))
            numbered = await store_changes(connection, stream, changes, first)
            seq_to = first + len(changes) - 1
        touched, grown = await store_entries(connection, stream, numbered)
        count = (head["count"] if head else 0) + grown
        bits = build.bits_for(count, head["bucket_bits"] if head else 0)
        if head is None or bits != head["bucket_bits"]:
            before = range(1 << head["bucket_bits"]) if head else range(0)
            await leave(connection, stream, before)
            await connection.execute("DELETE FROM feed_chunks WHERE stream = $1", stream)
            buckets: Iterable[int] = range(1 << bits)
        else:
            buckets = {build.bucket_of(prefix, bits) for prefix in touched}
            await leave(connection, stream, buckets)
        for bucket in sorted(buckets):
            await store_chunk(connection, stream, bucket, bits)
        purged = await purge(connection, stream, changes, first)
        known = _following(head) if head else _Next(1, 0, 0, bits, None, 0)
        await self._sign(
            connection,
            stream,
            replace(known, seq_to=seq_to, count=count, bits=bits, purges=known.purges + purged),
        )

    async def _sign(self, connection: asyncpg.Connection, stream: str, new: _Next) -> None:
        rows = await connection.fetch(
            "SELECT bucket, sha256, bytes, raw_sha256, raw_bytes, count FROM feed_chunks "
            "WHERE stream = $1 ORDER BY bucket",
            stream,
        )
        more = await connection.fetch(
            "SELECT name, sha256, bytes, raw_sha256, raw_bytes FROM feed_attachments "
            "WHERE stream = $1 ORDER BY name",
            stream,
        )
        index = build.make_index(stream, new.version, _dicts(rows), _dicts(more))
        index_sha256 = hashlib.sha256(index).hexdigest()
        await store_blob(connection, stream, index_sha256, JSON, index)
        digest = build.set_digest(row["raw_sha256"] for row in rows)
        claims = {
            "version": new.version,
            "seq_to": new.seq_to,
            "count": new.count,
            "bucket_bits": new.bits,
            "set_sha256": digest,
            "prev_set_sha256": new.previous,
            "index": {"sha256": index_sha256, "bytes": len(index)},
        }
        manifest = await self._manifest(connection, stream, claims)
        await connection.execute(
            "INSERT INTO feed_heads (stream, version, seq_to, count, bucket_bits, set_sha256, "
            "index_sha256, manifest, signed_at, purges) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now(), $9) "
            "ON CONFLICT (stream) DO UPDATE SET version = $2, seq_to = $3, count = $4, "
            "bucket_bits = $5, set_sha256 = $6, index_sha256 = $7, manifest = $8, "
            "signed_at = now(), purges = $9",
            stream,
            new.version,
            new.seq_to,
            new.count,
            new.bits,
            digest,
            index_sha256,
            manifest,
            new.purges,
        )
        await versions.note(connection, stream, new.seq_to, index_sha256)

    async def _manifest(
        self, connection: asyncpg.Connection, stream: str, claims: dict[str, Any]
    ) -> str:
        name, _, whose = stream.partition(":")
        levels = _LEVELS.get(name)
        agency = UUID(whose) if name == build.OWN else None
        day = await connection.fetchval(_NEXT_TRANSITION, levels, agency) if levels else None
        ends = await connection.fetchval(_NEXT_END, stream)
        day = min((one for one in (day, ends) if one is not None), default=None)
        transition = f"{day.isoformat()}T00:00:00Z" if day else None
        log = await self._log(connection)
        payload = build.make_claims(self._issuer, stream, claims, int(time.time()), transition, log)
        return jose.sign(payload, await self._keys.signing_key("list"), build.MANIFEST_TYPE)

    async def _log(self, connection: asyncpg.Connection) -> dict[str, Any] | None:
        """The newest checkpoint: who has both signatures knows which list the log stood beside."""
        row = await connection.fetchrow(_CHECKPOINT)
        if row is None:
            return None
        root = base64.b64encode(row["root"]).decode()
        return {"origin": notes.origin_of(self._issuer), "size": row["size"], "root": root}

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


def _following(head: asyncpg.Record) -> _Next:
    """The version after this head, with the same numbers and entries."""
    return _Next(
        head["version"] + 1,
        head["seq_to"],
        head["count"],
        head["bucket_bits"],
        head["set_sha256"],
        head["purges"],
    )


def _dicts(rows: Sequence[asyncpg.Record]) -> list[dict[str, Any]]:
    return [dict(row) for row in rows]
