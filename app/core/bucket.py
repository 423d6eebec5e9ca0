"""One bucket of an S3-compatible store: requests signed by botocore, sent by the guarded client."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from app.core.outbound import LIMIT_BYTES, Answer, Outbound

NOTHING = hashlib.sha256(b"").hexdigest()
_CALL_S = 15.0


class _Signer(S3SigV4Auth):  # type: ignore[misc]  # botocore has no types
    """Signs a body of this hash; it is never in memory as a whole."""

    def __init__(self, credentials: Credentials, region: str, sha256: str) -> None:
        super().__init__(credentials, "s3", region)
        self._sha256 = sha256

    def payload(self, request: AWSRequest) -> str:
        return self._sha256


class Bucket:
    """Objects by their names, path style."""

    def __init__(
        self, outbound: Outbound, endpoint: str, bucket: str, region: str, keys: tuple[str, str]
    ) -> None:
        self._outbound = outbound
        self._base = f"{endpoint}/{bucket}/"
        self._region = region
        self._credentials = Credentials(*keys)

    async def call(
        self,
        method: str,
        name: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | AsyncIterator[bytes] | None = None,
        sha256: str = NOTHING,
        seconds: float = _CALL_S,
        limit: int = LIMIT_BYTES,
    ) -> Answer:
        """One signed request; ``sha256`` is of the content. Raises as `Outbound.call`."""
        return await self._outbound.call(
            self._base + name,
            method=method,
            headers=self._signed(method, name, sha256, headers),
            content=content,
            seconds=seconds,
            limit=limit,
        )

    def read(self, name: str) -> AbstractAsyncContextManager[tuple[int, AsyncIterator[bytes]]]:
        """As `Outbound.stream`, signed."""
        headers = self._signed("GET", name, NOTHING, None)
        return self._outbound.stream(self._base + name, headers=headers)

    def _signed(
        self, method: str, name: str, sha256: str, more: Mapping[str, str] | None
    ) -> dict[str, str]:
        request = AWSRequest(method, self._base + name, headers=dict(more or {}))
        _Signer(self._credentials, self._region, sha256).add_auth(request)
        return dict(request.headers.items())
