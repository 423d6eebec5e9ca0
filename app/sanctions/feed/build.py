"""The bytes of the feed. Pure: entries in, canonical lines, chunks, index and claims out."""

from __future__ import annotations

import gzip
import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import rfc8785

from app.core import notice

PREFIX_BITS = 15
CHUNK_TARGET = 400
"""Entries a chunk holds on average before the number of chunks doubles; keeps them under 500."""
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
MANIFEST_TYPE = "debarred-manifest+jwt"
MANIFEST_LIFE_S = 86_400
MAX_STALENESS_S = 86_400
MIN_WAIT_S = 5


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


def bits_for(count: int) -> int:
    """How many bits keep chunks of ``count`` entries under about 500 each."""
    if count <= CHUNK_TARGET:
        return 0
    return min(PREFIX_BITS, math.ceil(math.log2(count / CHUNK_TARGET)))


def make_chunk(bucket: int, entries: Sequence[bytes]) -> Chunk:
    """A chunk of entries that are already sorted by id."""
    raw = b"".join(entry + b"\n" for entry in entries)
    if not raw:
        return Chunk(bucket, None, None, EMPTY_SHA256, 0, 0)
    # mtime 0: the same entries always give the same file.
    content = gzip.compress(raw, compresslevel=9, mtime=0)
    return Chunk(
        bucket,
        content,
        hashlib.sha256(content).hexdigest(),
        hashlib.sha256(raw).hexdigest(),
        len(raw),
        len(entries),
    )


def set_digest(raw_digests: Iterable[str]) -> str:
    """Digest of a whole stream from its chunks' raw digests in bucket order."""
    return hashlib.sha256(b"".join(bytes.fromhex(item) for item in raw_digests)).hexdigest()


def make_index(stream: str, version: int, chunks: Sequence[dict[str, Any]]) -> bytes:
    """The index file, read on a full sync only; ``chunks`` hold the columns of FeedChunk."""
    return rfc8785.dumps({"stream": stream, "version": version, "chunks": list(chunks)})


def make_claims(
    issuer: str,
    stream: str,
    head: dict[str, Any],
    issued: int,
    next_transition_at: str | None,
) -> bytes:
    """Claims of the manifest (design of the feed: at most 1,200 bytes once signed)."""
    return rfc8785.dumps(
        {
            "iss": issuer,
            "stream": stream,
            **head,
            "iat": issued,
            "exp": issued + MANIFEST_LIFE_S,
            "next_transition_at": next_transition_at,
            "max_staleness_s": MAX_STALENESS_S,
            "min_wait_s": MIN_WAIT_S,
            "log": None,
            "notice": notice.VERSION,
        }
    )
