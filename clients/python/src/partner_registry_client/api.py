"""The feed by HTTP: every answer bounded in length and time, none of them believed yet.

Signatures and digests are checked by those who asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from partner_registry_client.changes import MAX_PAGE
from partner_registry_client.credentials import Credential
from partner_registry_client.manifest import MAX_MANIFEST_BYTES
from partner_registry_client.transport import DEADLINE_S, Answer, Call, Exchange, Wire
from partner_registry_client.trust import MAX_KEYS_BYTES

MAX_CHANGES_BYTES = 16 * 1024 * 1024
MAX_FILES_BYTES = 16 * 1024 * 1024
PAGE = MAX_PAGE
FIRST_PAGE = 200
_FEED = "/v1/feeds/sanctions"


class Source(Protocol):
    """Where keys, manifests and files come from: the registry, or a bundle."""

    live: bool
    """Whether there are changes to ask for; without, each pull is of the full set."""

    def keys_document(self, version: int | None = None) -> bytes: ...

    def manifest(self, stream: str) -> Answer: ...

    def chunk(self, sha256: str, length: int) -> bytes: ...

    def files(self, stream: str) -> bytes: ...

    def changes(
        self, stream: str, after: int, etag: str | None, *, limit: int = PAGE, wait: int = 0
    ) -> Answer: ...


class Api:
    """A connection to one registry's feed; use it as a context manager."""

    live = True

    def __init__(
        self,
        base_url: str,
        credential: Credential,
        *,
        issuer: str,
        sleep: Callable[[float], None] = time.sleep,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        exchange = Exchange(base_url, credential, issuer=issuer, scope="feed:read")
        self._wire = Wire(exchange, sleep=sleep, deadline_s=deadline_s)

    def __enter__(self) -> Api:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._wire.close()

    def keys_document(self, version: int | None = None) -> bytes:
        params = None if version is None else {"version": str(version)}
        return self._wire.run(Call("GET", f"{_FEED}/keys", MAX_KEYS_BYTES, params)).body

    def manifest(self, stream: str) -> Answer:
        params = {"stream": stream}
        return self._wire.run(Call("GET", f"{_FEED}/manifest", MAX_MANIFEST_BYTES, params))

    def files(self, stream: str) -> bytes:
        """Skip deltas and withdrawn files of a stream."""
        params = {"stream": stream}
        return self._wire.run(Call("GET", f"{_FEED}/files", MAX_FILES_BYTES, params)).body

    def changes(
        self, stream: str, after: int, etag: str | None, *, limit: int = PAGE, wait: int = 0
    ) -> Answer:
        """Changes after a number; status 304 when `etag` still names the newest set."""
        params = {"stream": stream, "after": str(after), "limit": str(limit)}
        if wait:
            params["wait"] = str(wait)
        call = Call(
            "GET",
            f"{_FEED}/changes",
            MAX_CHANGES_BYTES,
            params,
            headers={"If-None-Match": etag} if etag else {},
            takes_gzip=True,
            wait_s=wait,
        )
        return self._wire.run(call)

    def chunk(self, sha256: str, length: int) -> bytes:
        return self._wire.run(Call("GET", f"{_FEED}/chunks/{sha256}", length)).body
