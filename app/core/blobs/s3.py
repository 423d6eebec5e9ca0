"""An S3-compatible store: requests signed by botocore, sent by the guarded client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from uuid import UUID

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from app.core.blobs.frames import sealed_size
from app.core.blobs.stores import StoreAway
from app.core.outbound import LIMIT_BYTES, Answer, Outbound, OutboundFailed, OutboundRefused

_EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_UPLOAD_S, _CALL_S = 120.0, 15.0
_HEAD_LIMIT = 1 << 30


class _Signer(S3SigV4Auth):  # type: ignore[misc]  # botocore has no types
    """Signs a body of this hash; it is never in memory as a whole."""

    def __init__(self, credentials: Credentials, region: str, sha256: str) -> None:
        super().__init__(credentials, "s3", region)
        self._sha256 = sha256

    def payload(self, request: AWSRequest) -> str:
        return self._sha256


class S3Store:
    """Objects ``blobs/<id>`` of one bucket, path style. They hold sealed frames, nothing else."""

    name = "s3"

    def __init__(
        self, outbound: Outbound, endpoint: str, bucket: str, region: str, keys: tuple[str, str]
    ) -> None:
        self._outbound = outbound
        self._base = f"{endpoint}/{bucket}/blobs/"
        self._region = region
        self._credentials = Credentials(*keys)

    async def put(
        self, blob_id: UUID, frames: AsyncIterator[bytes], size: int, sha256: bytes
    ) -> None:
        """See BlobStore."""
        more = {
            "Content-Length": str(sealed_size(size)),
            "Content-Type": "application/octet-stream",
        }
        headers = self._signed("PUT", blob_id, sha256.hex(), more)
        answer = await self._call("PUT", blob_id, headers, frames, _UPLOAD_S)
        if answer.status != 200:
            raise StoreAway(f"put_{answer.status}")

    async def open(self, blob_id: UUID, size: int) -> AsyncIterator[bytes]:
        """See BlobStore."""
        headers = self._signed("GET", blob_id, _EMPTY)
        try:
            async with self._outbound.stream(self._url(blob_id), headers=headers) as (
                status,
                pieces,
            ):
                if status != 200:
                    raise StoreAway(f"get_{status}")
                async for piece in pieces:
                    yield piece
        except (OutboundFailed, OutboundRefused) as error:
            raise StoreAway(str(error)) from error

    async def delete(self, blob_id: UUID) -> None:
        """See BlobStore."""
        headers = self._signed("DELETE", blob_id, _EMPTY)
        answer = await self._call("DELETE", blob_id, headers)
        if answer.status not in (200, 204, 404):
            raise StoreAway(f"delete_{answer.status}")

    async def exists(self, blob_id: UUID, size: int) -> bool:
        """See BlobStore."""
        headers = self._signed("HEAD", blob_id, _EMPTY)
        # The length it names is that of the object; an answer to HEAD has no body.
        answer = await self._call("HEAD", blob_id, headers, limit=_HEAD_LIMIT)
        if answer.status not in (200, 404):
            raise StoreAway(f"head_{answer.status}")
        length = answer.headers.get("content-length")
        return answer.status == 200 and length == str(sealed_size(size))

    def _url(self, blob_id: UUID) -> str:
        return self._base + str(blob_id)

    def _signed(
        self, method: str, blob_id: UUID, sha256: str, more: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        request = AWSRequest(method, self._url(blob_id), headers=dict(more or {}))
        _Signer(self._credentials, self._region, sha256).add_auth(request)
        return dict(request.headers.items())

    async def _call(
        self,
        method: str,
        blob_id: UUID,
        headers: Mapping[str, str],
        content: AsyncIterator[bytes] | None = None,
        seconds: float = _CALL_S,
        limit: int = LIMIT_BYTES,
    ) -> Answer:
        try:
            return await self._outbound.call(
                self._url(blob_id),
                method=method,
                headers=headers,
                content=content,
                seconds=seconds,
                limit=limit,
            )
        except (OutboundFailed, OutboundRefused) as error:
            raise StoreAway(str(error)) from error
