"""The index and the chunks of a full set: content-addressed, so one signed digest pins them all."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from partner_registry_client.encoding import Fields, canonical, read_json, sha256_hex
from partner_registry_client.errors import Malformed, Mismatch, TooLarge
from partner_registry_client.manifest import Manifest

PREFIX_BITS = 32
MAX_ID = 256
MAX_CHUNK_BYTES = 32 * 1024 * 1024
MAX_RAW_BYTES = 128 * 1024 * 1024
_ATTACHMENTS = 64
_PIECE = 256 * 1024
_decode = json.JSONDecoder().raw_decode
_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


class Line(NamedTuple):
    """One entry as published: its exact bytes, and where it belongs."""

    entry_id: str
    prefix: int
    data: bytes


@dataclass(frozen=True)
class IndexItem:
    """What the index says of one bucket."""

    bucket: int
    sha256: str | None
    bytes: int
    raw_sha256: str
    raw_bytes: int
    count: int


class Attachment(NamedTuple):
    """What the index says of a further file of the list."""

    sha256: str
    bytes: int
    raw_sha256: str
    raw_bytes: int


def prefix_of(entry_id: str) -> int:
    """First bits of SHA-256 of an entry id; a bucket is a prefix of this prefix."""
    try:
        digest = hashlib.sha256(entry_id.encode("utf-8")).digest()
    except (UnicodeEncodeError, AttributeError) as error:
        raise Malformed("an entry id is not valid Unicode") from error
    return int.from_bytes(digest[: PREFIX_BITS // 8], "big")


def prefixes_of(bucket: int, bucket_bits: int) -> tuple[int, int]:
    """The lowest and the highest prefix of a bucket."""
    width = PREFIX_BITS - bucket_bits
    return bucket << width, ((bucket + 1) << width) - 1


def bucket_of(prefix: int, bucket_bits: int) -> int:
    return prefix >> (PREFIX_BITS - bucket_bits)


def set_digest(bucket_digests: Iterable[bytes]) -> str:
    return sha256_hex(b"".join(bucket_digests))


def read_index(data: bytes, manifest: Manifest) -> list[IndexItem]:
    """The items of an index that is exactly the one the manifest names."""
    require_bytes(data, manifest.index_sha256, manifest.index_bytes, "index")
    fields = Fields(read_json(data, "index"), "index")
    if fields.raw.get("stream") != manifest.stream or fields.raw.get("version") != manifest.version:
        raise Mismatch("index: of another list than the manifest")
    wanted = 2**manifest.bucket_bits
    items = [_read_item(value) for value in fields.items("chunks", wanted)]
    if [item.bucket for item in items] != list(range(wanted)):
        raise Mismatch("index: buckets are missing, doubled or out of order")
    if set_digest(bytes.fromhex(item.raw_sha256) for item in items) != manifest.set_sha256:
        raise Mismatch("index: does not add up to the signed set digest")
    if sum(item.count for item in items) != manifest.count:
        raise Mismatch("index: does not add up to the signed count")
    return items


def read_attachments(data: bytes, manifest: Manifest) -> dict[str, Attachment]:
    """The further files of an index that `read_index` took, by name."""
    require_bytes(data, manifest.index_sha256, manifest.index_bytes, "index")
    fields = Fields(read_json(data, "index"), "index")
    if "attachments" not in fields.raw:
        return {}
    items = [Fields(value, "attachment") for value in fields.items("attachments", _ATTACHMENTS)]
    return {
        item.text("name", 64): Attachment(
            item.digest("sha256"),
            item.integer("bytes", most=MAX_CHUNK_BYTES),
            item.digest("raw_sha256"),
            item.integer("raw_bytes", most=MAX_RAW_BYTES),
        )
        for item in items
    }


def read_attachment(data: bytes, item: Attachment) -> bytes:
    """What a file that is exactly the one the index names inflates to."""
    require_bytes(data, item.sha256, item.bytes, "attachment")
    raw = _inflate(data, item.raw_bytes)
    require_bytes(raw, item.raw_sha256, item.raw_bytes, "attachment content")
    return raw


def read_chunk(data: bytes, item: IndexItem, bucket_bits: int) -> list[Line]:
    """The entries of a chunk that is exactly the one the index names."""
    require_bytes(data, item.sha256, item.bytes, "chunk")
    raw = _inflate(data, item.raw_bytes)
    require_bytes(raw, item.raw_sha256, item.raw_bytes, "chunk content")
    if not raw.endswith(b"\n"):
        raise Malformed("chunk: the last line is not complete")
    lines = _read_lines(raw)
    if len(lines) != item.count:
        raise Mismatch("chunk: another number of entries than the index says")
    if any(bucket_of(line.prefix, bucket_bits) != item.bucket for line in lines):
        raise Mismatch("chunk: an entry belongs to another bucket")
    ids = [line.entry_id.encode() for line in lines]
    # Strictly rising: sorted, and no id twice. Ids of two chunks differ by their buckets.
    if any(left >= right for left, right in pairwise(ids)):
        raise Malformed("chunk: entries are not sorted, or one is doubled")
    return lines


def line_of(entry: object) -> Line:
    """An entry of a change, as the line that the full set would hold."""
    entry_id = Fields(entry, "entry").text("entry_id", MAX_ID)
    return Line(entry_id, prefix_of(entry_id), canonical(entry))


def _read_item(value: object) -> IndexItem:
    fields = Fields(value, "index item")
    item = IndexItem(
        bucket=fields.integer("bucket"),
        sha256=fields.optional_digest("sha256"),
        bytes=fields.integer("bytes", most=MAX_CHUNK_BYTES),
        raw_sha256=fields.digest("raw_sha256"),
        raw_bytes=fields.integer("raw_bytes", most=MAX_RAW_BYTES),
        count=fields.integer("count"),
    )
    empty = (item.bytes, item.raw_bytes, item.count, item.raw_sha256) == (0, 0, 0, _EMPTY_SHA256)
    if (item.sha256 is None) != empty:
        raise Malformed("index item: neither a chunk nor an empty bucket")
    return item


def _read_lines(raw: bytes) -> list[Line]:
    # The plain parser, not read_json: a signed digest pins these bytes, and there are many.
    found = []
    try:
        texts = raw[:-1].decode("utf-8").split("\n")
        for text, data in zip(texts, raw[:-1].split(b"\n"), strict=True):
            entry, end = _decode(text)
            entry_id = entry["entry_id"]
            if end != len(text) or not 0 < len(entry_id) <= MAX_ID:
                raise ValueError("not one entry")
            found.append(Line(entry_id, prefix_of(entry_id), data))
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise Malformed("chunk: a line is not an entry") from error
    return found


def _inflate(data: bytes, expected: int) -> bytes:
    """Decompress one gzip member, never producing more than the announced length."""
    stream = zlib.decompressobj(wbits=31)
    try:
        raw = stream.decompress(data, expected + 1)
    except zlib.error as error:
        raise Malformed("chunk: not a gzip file") from error
    if len(raw) > expected:
        raise TooLarge("chunk: inflates to more than the index announces")
    if not stream.eof or stream.unused_data:
        raise Malformed("chunk: truncated, or followed by other bytes")
    return raw


def inflated_lines(data: bytes, expected: int, raw_sha256: str) -> Iterator[bytes]:
    """The lines of a gzip file, inflated piece by piece; length and digest are checked at the end.

    Raises Malformed, Mismatch and TooLarge, perhaps after lines were given.
    """
    stream, digest, total, rest = zlib.decompressobj(wbits=31), hashlib.sha256(), 0, b""
    while not stream.eof:
        try:
            piece = stream.decompress(data, _PIECE)
        except zlib.error as error:
            raise Malformed("file: not a gzip file") from error
        if not piece and not stream.eof:
            raise Malformed("file: truncated")
        data = stream.unconsumed_tail
        digest.update(piece)
        total += len(piece)
        if total > expected:
            raise TooLarge("file: inflates to more than announced")
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
    if rest or stream.unused_data:
        raise Malformed("file: the last line is not complete, or other bytes follow")
    if total != expected or digest.hexdigest() != raw_sha256:
        raise Mismatch("file: another content than announced")


def require_bytes(data: bytes, sha256: str | None, length: int, what: str) -> None:
    """Raise Mismatch unless these are the announced bytes."""
    if len(data) != length:
        raise Mismatch(f"{what}: another length than announced")
    if sha256_hex(data) != sha256:
        raise Mismatch(f"{what}: another digest than announced")
