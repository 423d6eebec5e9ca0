"""The `public` stream as files for everybody: a folder, or a bucket behind a CDN.

Each file is byte for byte what the API serves. What a manifest speaks of is there before the
manifest is; what was withdrawn goes in the round after. Works as reg_worker, one process at a time.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import asyncpg

from app.core.bucket import Bucket
from app.core.db import Database
from app.core.outbound import Outbound, OutboundFailed, OutboundRefused
from app.core.settings import Settings
from app.sanctions.feed import build, deltas

STREAM = build.PUBLIC
KEYS, LISTING, MANIFEST = "keys.json", f"{STREAM}/files.json", f"{STREAM}/manifest.jws"
_CHUNKS = "chunks/"
_LOCK = 7_021_010
_MOVING = "public, max-age=30"
_FOR_EVER = "public, max-age=31536000, immutable"
_UPLOAD_S = 60.0
_KEYS = "SELECT document::text FROM keys_documents ORDER BY version DESC LIMIT 1"
_HEAD = "SELECT manifest FROM feed_heads WHERE stream = $1"
_FILES = "SELECT sha256 FROM feed_blobs WHERE stream = $1 AND content IS NOT NULL"
_FILE = "SELECT content, media_type FROM feed_blobs WHERE stream = $1 AND sha256 = $2"
_PUBLISHED = "SELECT name, sha256 FROM feed_published WHERE target = $1"
_DONE = """INSERT INTO feed_published (target, name, sha256) VALUES ($1, $2, $3)
    ON CONFLICT (target, name) DO UPDATE SET sha256 = $3"""
_GONE = "DELETE FROM feed_published WHERE target = $1 AND name = $2"


class TargetAway(Exception):
    """The folder or bucket did not do what it was asked; the argument is a code, for the log."""


@dataclass(frozen=True, slots=True)
class File:
    """A file to publish."""

    name: str
    content: bytes
    media_type: str
    caching: str


class Target(Protocol):
    """Where files are put for everybody."""

    name: str

    async def put(self, file: File) -> None:
        """Write the whole file, or leave what was there. Raises TargetAway."""

    async def delete(self, name: str) -> None:
        """Remove it; one that is not there is no mistake. Raises TargetAway."""


class Folder:
    """A folder that a web server shows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"folder {path}"

    async def put(self, file: File) -> None:
        """See Target."""
        await self._do(partial(self._put, file))

    async def delete(self, name: str) -> None:
        """See Target."""
        await self._do(partial((self._path / name).unlink, missing_ok=True))

    async def _do(self, work: Callable[[], None]) -> None:
        try:
            await asyncio.to_thread(work)
        except OSError as error:
            raise TargetAway(type(error).__name__) from error

    def _put(self, file: File) -> None:
        path = self._path / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        # A reader sees the old file or the new one, never half of it.
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(file.content)
        os.replace(part, path)


class Objects:
    """A bucket of an S3-compatible store."""

    def __init__(self, bucket: Bucket, name: str) -> None:
        self._bucket = bucket
        self.name = f"bucket {name}"

    async def put(self, file: File) -> None:
        """See Target."""
        headers = {
            "Content-Length": str(len(file.content)),
            "Content-Type": file.media_type,
            "Cache-Control": file.caching,
        }
        await self._call("PUT", file.name, {200}, file.content, headers)

    async def delete(self, name: str) -> None:
        """See Target."""
        await self._call("DELETE", name, {200, 204, 404})

    async def _call(
        self,
        method: str,
        name: str,
        good: set[int],
        content: bytes = b"",
        headers: dict[str, str] | None = None,
    ) -> None:
        digest = hashlib.sha256(content).hexdigest()
        try:
            answer = await self._bucket.call(
                method,
                name,
                headers=headers,
                content=content or None,
                sha256=digest,
                seconds=_UPLOAD_S,
            )
        except (OutboundFailed, OutboundRefused) as error:
            raise TargetAway(str(error)) from error
        if answer.status not in good:
            raise TargetAway(f"{method.lower()}_{answer.status}")


def targets(settings: Settings, outbound: Outbound) -> list[Target]:
    """Where these settings have the files published; nowhere by default."""
    found: list[Target] = []
    if settings.feed_publish_dir is not None:
        found.append(Folder(settings.feed_publish_dir))
    if settings.feed_publish_bucket is not None:
        name = settings.feed_publish_bucket
        keys = settings.require("s3_access_key"), settings.require("s3_secret_key")
        bucket = Bucket(outbound, settings.require("s3_endpoint"), name, settings.s3_region, keys)
        found.append(Objects(bucket, name))
    return found


async def publish(database: Database, target: Target, *, all_anew: bool = False) -> tuple[int, int]:
    """Bring the target up to date; how many files were put and deleted.

    ``all_anew`` puts every file, also those that should be there. Does nothing while another
    process is at it, or before the stream has a head. Raises TargetAway.
    """
    async with _turn(database) as connection:
        if connection is None:
            return 0, 0
        return await _publish(connection, target, all_anew)


async def _publish(
    connection: asyncpg.Connection, target: Target, all_anew: bool
) -> tuple[int, int]:
    known: dict[str, str] = dict(await connection.fetch(_PUBLISHED, target.name))
    manifest = await connection.fetchval(_HEAD, STREAM)
    if manifest is None:
        return 0, 0
    names = [row["sha256"] for row in await connection.fetch(_FILES, STREAM)]
    put = 0
    for sha256 in names:
        name = _CHUNKS + sha256
        if known.get(name) == sha256 and not all_anew:
            continue
        row = await connection.fetchrow(_FILE, STREAM, sha256)
        if row is None or row["content"] is None:
            continue  # it was withdrawn in between
        file = File(name, row["content"], row["media_type"], _FOR_EVER)
        put += await _put(connection, target, file, sha256)
    keys = await connection.fetchval(_KEYS)
    listing = await deltas.listing(connection, STREAM)
    moving = [
        File(KEYS, (keys or "").encode(), "application/jose+json", _MOVING),
        File(LISTING, listing, "application/json", _MOVING),
        # Last: who reads it finds all that it speaks of.
        File(MANIFEST, manifest.encode(), "application/jose", _MOVING),
    ]
    for file in moving:
        sha256 = hashlib.sha256(file.content).hexdigest()
        if file.content and (all_anew or known.get(file.name) != sha256):
            put += await _put(connection, target, file, sha256)
    gone = {name for name in known if name.startswith(_CHUNKS)} - {_CHUNKS + one for one in names}
    for name in sorted(gone):
        await target.delete(name)
        await connection.execute(_GONE, target.name, name)
    return put, len(gone)


async def _put(connection: asyncpg.Connection, target: Target, file: File, sha256: str) -> int:
    # Noted first: should the note be lost, a file would stay that nobody knows of.
    await connection.execute(_DONE, target.name, file.name, "")
    await target.put(file)
    await connection.execute(_DONE, target.name, file.name, sha256)
    return 1


@asynccontextmanager
async def _turn(database: Database) -> AsyncIterator[asyncpg.Connection | None]:
    async with database.connection() as connection:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
            yield None
            return
        try:
            yield connection
        finally:
            if not connection.is_closed():
                await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)
