"""Sealed files in a bucket of an S3-compatible store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from app.core.blobs.frames import sealed_size
from app.core.blobs.stores import StoreAway
from app.core.bucket import Bucket
from app.core.outbound import Answer, Outbound, OutboundFailed, OutboundRefused

_UPLOAD_S = 120.0
_HEAD_LIMIT = 1 << 30


class S3Store:
    """Objects ``blobs/<id>`` of one bucket. They hold sealed frames, nothing else."""

    name = "s3"

    def __init__(
        self, outbound: Outbound, endpoint: str, bucket: str, region: str, keys: tuple[str, str]
    ) -> None:
        self._bucket = Bucket(outbound, endpoint, bucket, region, keys)

    async def put(
        self, blob_id: UUID, frames: AsyncIterator[bytes], size: int, sha256: bytes
    ) -> None:
        """See BlobStore."""
        headers = {
            "Content-Length": str(sealed_size(size)),
            "Content-Type": "application/octet-stream",
        }
        answer = await self._call(
            "PUT", blob_id, headers=headers, content=frames, sha256=sha256.hex(), seconds=_UPLOAD_S
        )
        if answer.status != 200:
            raise StoreAway(f"put_{answer.status}")

    async def open(self, blob_id: UUID, size: int) -> AsyncIterator[bytes]:
        """See BlobStore."""
        try:
            async with self._bucket.read(_name(blob_id)) as (status, pieces):
                if status != 200:
                    raise StoreAway(f"get_{status}")
                async for piece in pieces:
                    yield piece
        except (OutboundFailed, OutboundRefused) as error:
            raise StoreAway(str(error)) from error

    async def delete(self, blob_id: UUID) -> None:
        """See BlobStore."""
        answer = await self._call("DELETE", blob_id)
        if answer.status not in (200, 204, 404):
            raise StoreAway(f"delete_{answer.status}")

    async def exists(self, blob_id: UUID, size: int) -> bool:
        """See BlobStore."""
        # The length it names is that of the object; an answer to HEAD has no body.
        answer = await self._call("HEAD", blob_id, limit=_HEAD_LIMIT)
        if answer.status not in (200, 404):
            raise StoreAway(f"head_{answer.status}")
        length = answer.headers.get("content-length")
        return answer.status == 200 and length == str(sealed_size(size))

    async def _call(self, method: str, blob_id: UUID, **request: Any) -> Answer:
        try:
            return await self._bucket.call(method, _name(blob_id), **request)
        except (OutboundFailed, OutboundRefused) as error:
            raise StoreAway(str(error)) from error


def _name(blob_id: UUID) -> str:
    return f"blobs/{blob_id}"
