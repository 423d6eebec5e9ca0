"""Further files of a stream, named in its index: what a client may use beside the entries.

Statistics that a matcher needs are one. A client that knows no such name passes it over.
"""

from __future__ import annotations

import asyncio
import re

import asyncpg

from app.sanctions.feed import build
from app.sanctions.feed.store import store_packed

NAME = re.compile(r"\A[a-z][a-z0-9_.-]{0,63}\Z")
_PRESENT = "SELECT sha256 FROM feed_attachments WHERE stream = $1 AND name = $2"
_LEAVES = "UPDATE feed_blobs SET current_at = now() WHERE stream = $1 AND sha256 = $2"
_STORE = """INSERT INTO feed_attachments (stream, name, sha256, bytes, raw_sha256, raw_bytes)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (stream, name) DO UPDATE
    SET sha256 = $3, bytes = $4, raw_sha256 = $5, raw_bytes = $6"""


async def store_attachment(
    connection: asyncpg.Connection, stream: str, name: str, content: bytes
) -> bool:
    """Keep it as the present file of this name; False when it is that already.

    In the caller's transaction, which must also sign a new index (`FeedStream.attach`). Raises
    ValueError for a name that is none.
    """
    if not NAME.match(name):
        raise ValueError(name)
    packed = await asyncio.to_thread(build.pack, content)
    present = await connection.fetchval(_PRESENT, stream, name)
    if present == packed.sha256:
        return False
    if present is not None:
        await connection.execute(_LEAVES, stream, present)
    await store_packed(connection, stream, packed)
    await connection.execute(
        _STORE, stream, name, packed.sha256, packed.bytes, packed.raw_sha256, packed.raw_bytes
    )
    return True


async def remove_attachment(connection: asyncpg.Connection, stream: str, name: str) -> bool:
    """Name it no more in the index; whether there was one. As `store_attachment`."""
    present = await connection.fetchval(
        "DELETE FROM feed_attachments WHERE stream = $1 AND name = $2 RETURNING sha256",
        stream,
        name,
    )
    if present is None:
        return False
    await connection.execute(_LEAVES, stream, present)
    return True
