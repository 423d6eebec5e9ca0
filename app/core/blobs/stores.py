"""Where sealed files lie: in the database, or in an S3-compatible store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol
from uuid import UUID

from app.core.blobs.frames import frames_of, sealed_size
from app.core.db import Database

_BATCH = 8


class StoreAway(Exception):
    """The store did not do what it was asked; the argument is a code, for the log."""


class BlobStore(Protocol):
    """Keeps sealed frames by id. Knows nothing of what they hold."""

    name: str

    async def put(
        self, blob_id: UUID, frames: AsyncIterator[bytes], size: int, sha256: bytes
    ) -> None:
        """Store all frames of a content of ``size`` plain bytes; ``sha256`` is of the frames.

        Raises StoreAway.
        """

    def open(self, blob_id: UUID, size: int) -> AsyncIterator[bytes]:
        """The stored bytes, cut anyhow. Raises StoreAway when there are none."""

    async def delete(self, blob_id: UUID) -> None:
        """Remove it; one that is not there is no mistake. Raises StoreAway."""

    async def exists(self, blob_id: UUID, size: int) -> bool:
        """Whether all of it is there. Raises StoreAway."""


class PostgresStore:
    """The rows of ``blob_chunks``, a frame each, written and read outside any other transaction."""

    name = "postgresql"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(
        self, blob_id: UUID, frames: AsyncIterator[bytes], size: int, sha256: bytes
    ) -> None:
        """See BlobStore. Its row in ``blobs`` must be there."""
        number, batch = 0, list[tuple[UUID, int, bytes]]()
        async with self._database.connection() as connection:
            async for frame in frames:
                batch.append((blob_id, number, frame))
                number += 1
                if len(batch) == _BATCH or number == frames_of(size):
                    await connection.executemany(
                        "INSERT INTO blob_chunks (blob_id, number, content) VALUES ($1, $2, $3)",
                        batch,
                    )
                    batch.clear()

    async def open(self, blob_id: UUID, size: int) -> AsyncIterator[bytes]:
        """See BlobStore. Holds no connection while its reader is slow."""
        for number in range(frames_of(size)):
            async with self._database.fast_read() as connection:
                frame: bytes | None = await connection.fetchval(
                    "SELECT content FROM blob_chunks WHERE blob_id = $1 AND number = $2",
                    blob_id,
                    number,
                )
            if frame is None:
                raise StoreAway("missing")
            yield frame

    async def delete(self, blob_id: UUID) -> None:
        """See BlobStore."""
        async with self._database.connection() as connection:
            await connection.execute("DELETE FROM blob_chunks WHERE blob_id = $1", blob_id)

    async def exists(self, blob_id: UUID, size: int) -> bool:
        """See BlobStore."""
        async with self._database.fast_read() as connection:
            there: int | None = await connection.fetchval(
                "SELECT sum(length(content)) FROM blob_chunks WHERE blob_id = $1", blob_id
            )
        return there == sealed_size(size)
