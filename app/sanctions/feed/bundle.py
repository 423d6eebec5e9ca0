"""A stream as one file, for a host without a network: what a full pull would fetch, and the keys.

It proves itself by the same signatures as the feed; nothing is believed because it is in the file.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import rfc8785

from app.audit import service as audit
from app.audit.events import Event
from app.core.db import Database
from app.sanctions.feed import build

FORMAT = "partner-registry-feed-bundle/1"
_KEYS = "SELECT version, document::text AS document FROM keys_documents ORDER BY version"
_HEAD = """SELECT h.manifest, h.version, h.seq_to, h.count, b.content AS index
    FROM feed_heads h JOIN feed_blobs b ON b.stream = h.stream AND b.sha256 = h.index_sha256
    WHERE h.stream = $1"""
_FILE = "SELECT content FROM feed_blobs WHERE stream = $1 AND sha256 = $2"
_SUBJECT = UUID("3b1c3f1e-6f0e-5d0a-8d57-2a9c6d0f7e31")
_NO_TIME = (1980, 1, 1, 0, 0, 0)


class BundleProblem(Exception):
    """There is nothing to bundle; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Bundled:
    """What a bundle holds."""

    version: int
    count: int
    files: int


async def write_bundle(database: Database, stream: str, issuer: str, path: Path) -> Bundled:
    """Write the present set of a stream into a new file. Works as the operator; it is logged.

    RESTRICTED measures leave only by their own agency's client. Raises BundleProblem, and
    FileExistsError.
    """
    if build.wire_name(stream) == build.OWN:
        raise BundleProblem("The streams of single agencies are not bundled.")
    # One state of the database: all that the manifest speaks of is there.
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        head = await connection.fetchrow(_HEAD, stream)
        keys = await connection.fetch(_KEYS)
        if head is None or not keys:
            raise BundleProblem(
                f"There is no stream {stream}, or no keys document: start the worker, and run "
                "`registry keys root sign`."
            )
        with path.open("xb") as file, zipfile.ZipFile(file, "w") as archive:
            files = await _write(archive, connection, stream, issuer, head, keys)
    async with database.session() as session:
        await audit.record(
            session,
            audit.OPERATOR,
            Event.FEED_BUNDLED,
            audit.Subject(_SUBJECT),
            stream=stream,
            version=head["version"],
        )
    return Bundled(head["version"], head["count"], files)


async def _write(
    archive: zipfile.ZipFile,
    connection: asyncpg.Connection,
    stream: str,
    issuer: str,
    head: asyncpg.Record,
    keys: list[asyncpg.Record],
) -> int:
    about = {
        "format": FORMAT,
        "issuer": issuer,
        "stream": stream,
        "version": head["version"],
        "seq_to": head["seq_to"],
        "count": head["count"],
    }
    _add(archive, "bundle.json", rfc8785.dumps(about))
    for row in keys:
        _add(archive, f"keys/{row['version']}.json", row["document"].encode())
    _add(archive, "manifest.jws", head["manifest"].encode())
    _add(archive, "index.json", head["index"])
    count = 0
    for sha256 in _named(json.loads(head["index"])):
        content = await connection.fetchval(_FILE, stream, sha256)
        _add(archive, f"chunks/{sha256}", content)
        count += 1
    return count


def _named(index: dict[str, Any]) -> Iterator[str]:
    for item in (*index["chunks"], *index.get("attachments", ())):
        if item["sha256"] is not None:
            yield item["sha256"]


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # Without times and compression, the same set gives the same file.
    entry = zipfile.ZipInfo(name, _NO_TIME)
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)
