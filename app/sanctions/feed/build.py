"""The bytes of the feed. Pure: entries in, canonical lines, chunks, index and claims out."""

from __future__ import annotations

import gzip
import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import rfc8785

from app.core import notice

PREFIX_BITS = 15
CHUNK_TARGET = 400
"""Entries a chunk holds on average before the number of chunks doubles; keeps them under 500."""
CHUNK_LEAST = 100
"""Entries a chunk holds on average before the number of chunks halves: not the same as above, or a
list that grows and shrinks by one entry would be written anew each time."""
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
MANIFEST_TYPE = "debarred-manifest+jwt"
MANIFEST_LIFE_S = 86_400
MAX_STALENESS_S = 86_400
MIN_WAIT_S = 5
DELTA_SIZES = (1_000, 4_000, 16_000, 64_000)
"""Numbers that a skip delta spans: each block of one size is four of the size before."""
PUBLIC = "public"
OWN = "agency"
"""What a client calls its agency's own stream."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A gzip file and both its digests."""

    content: bytes
    sha256: str
    raw_sha256: str
    raw_bytes: int

    @property
    def bytes(self) -> int:
        """Size of the gzip."""
        return len(self.content)


def own_stream(agency_id: UUID | str) -> str:
    """The stream of what one agency alone may read."""
    return f"{OWN}:{agency_id}"


def wire_name(stream: str) -> str:
    """What clients call a stream."""
    return OWN if stream.startswith(f"{OWN}:") else stream


def pack(raw: bytes) -> Packed:
    """Compress; the same content always gives the same file."""
    content = gzip.compress(raw, compresslevel=9, mtime=0)
    digests = hashlib.sha256(content).hexdigest(), hashlib.sha256(raw).hexdigest()
    return Packed(content, *digests, len(raw))


@dataclass(frozen=True, slots=True)
class Chunk:
    """One bucket of a stream: the stored gzip (None when empty) and both digests."""

    bucket: int
    content: bytes | None
    sha256: str | None
    raw_sha256: str
    raw_bytes: int
    count: int

    @property
    def bytes(self) -> int:
        """Size of the stored gzip."""
        return len(self.content) if self.content else 0


def canonical(entry: dict[str, Any]) -> bytes:
    """RFC 8785 bytes of an entry: the same in chunks and in changes."""
    return rfc8785.dumps(entry)


def canonical_text(value: str) -> bytes:
    """RFC 8785 bytes of a text."""
    return rfc8785.dumps(value)


def prefix_of(entry_id: str) -> int:
    """The first 15 bits of SHA-256(entry_id)."""
    digest = hashlib.sha256(entry_id.encode()).digest()
    return int.from_bytes(digest[:2], "big") >> 1


def bucket_range(bucket: int, bits: int) -> tuple[int, int]:
    """Prefixes of a bucket, first and last."""
    width = PREFIX_BITS - bits
    return bucket << width, ((bucket + 1) << width) - 1


def bucket_of(prefix: int, bits: int) -> int:
    """Bucket of an entry by its prefix."""
    return prefix >> (PREFIX_BITS - bits)


def bits_for(count: int, present: int = 0) -> int:
    """How many bits keep chunks of ``count`` entries under about 500 each.

    ``present`` ones stay while chunks are neither too full nor nearly empty.
    """
    if present and CHUNK_LEAST << present <= count <= CHUNK_TARGET << present:
        return present
    if count <= CHUNK_TARGET:
        return 0
    return min(PREFIX_BITS, math.ceil(math.log2(count / CHUNK_TARGET)))


def make_chunk(bucket: int, entries: Sequence[bytes]) -> Chunk:
    """A chunk of entries that are already sorted by id."""
    raw = b"".join(entry + b"\n" for entry in entries)
    if not raw:
        return Chunk(bucket, None, None, EMPTY_SHA256, 0, 0)
    packed = pack(raw)
    return Chunk(
        bucket, packed.content, packed.sha256, packed.raw_sha256, packed.raw_bytes, len(entries)
    )


def change_line(
    seq: int, op: str, entry_id: str, entry: bytes | None, reason: str | None, at: str
) -> bytes:
    """RFC 8785 bytes of a change; the entry goes in as the canonical bytes it is."""
    return b'{"at":%s,"entry":%s,"entry_id":%s,"op":%s,"reason":%s,"seq":%d}' % (
        rfc8785.dumps(at),
        entry or b"null",
        rfc8785.dumps(entry_id),
        rfc8785.dumps(op),
        rfc8785.dumps(reason),
        seq,
    )


def blocks(low: int, high: int) -> Iterator[tuple[int, int]]:
    """Complete blocks of skip deltas, as (from, to], that begin at ``low`` or later and end by
    ``high``.
    """
    for size in DELTA_SIZES:
        first = -(-low // size) * size
        yield from ((start, start + size) for start in range(first, high - size + 1, size))


def set_digest(raw_digests: Iterable[str]) -> str:
    """Digest of a whole stream from its chunks' raw digests in bucket order."""
    return hashlib.sha256(b"".join(bytes.fromhex(item) for item in raw_digests)).hexdigest()


def make_index(
    stream: str,
    version: int,
    chunks: Sequence[dict[str, Any]],
    attachments: Sequence[dict[str, Any]] = (),
) -> bytes:
    """The index file, read on a full sync only; ``chunks`` hold the columns of FeedChunk.

    ``attachments`` are further files that belong to this version; without any it has no such field.
    """
    more = {"attachments": list(attachments)} if attachments else {}
    name = wire_name(stream)
    return rfc8785.dumps({"stream": name, "version": version, "chunks": list(chunks), **more})


def make_claims(
    issuer: str,
    stream: str,
    head: dict[str, Any],
    issued: int,
    next_transition_at: str | None,
    log: dict[str, Any] | None = None,
) -> bytes:
    """Claims of the manifest (design of the feed: at most 1,200 bytes once signed)."""
    name = wire_name(stream)
    whose = {"agency": stream.partition(":")[2]} if name == OWN else {}
    return rfc8785.dumps(
        {
            "iss": issuer,
            "stream": name,
            **whose,
            **head,
            "iat": issued,
            "exp": issued + MANIFEST_LIFE_S,
            "next_transition_at": next_transition_at,
            "max_staleness_s": MAX_STALENESS_S,
            "min_wait_s": MIN_WAIT_S,
            "log": log,
            "notice": notice.VERSION,
        }
    )
