"""The feed by HTTP: every answer bounded in length and time, none of them believed yet.

Signatures and digests are checked by those who asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import NoReturn, Protocol, TypeVar

from partner_registry_client.changes import MAX_PAGE
from partner_registry_client.credentials import Credential
from partner_registry_client.errors import Refused
from partner_registry_client.manifest import MAX_MANIFEST_BYTES
from partner_registry_client.transport import Answer, Call, Exchange
from partner_registry_client.trust import MAX_KEYS_BYTES
from partner_registry_client.wire import DEADLINE_S, Wire

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


_Self = TypeVar("_Self", bound="_Connection")


class _Connection:
    """What both ways to a list by HTTP have in common; use it as a context manager."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._wire.close()

    def _get(self, path: str, limit: int, params: dict[str, str] | None = None) -> Answer:
        return self._wire.run(Call("GET", path, limit, params))


class Api(_Connection):
    """A connection to one registry's feed."""

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
        super().__init__(Wire(exchange, sleep=sleep, deadline_s=deadline_s))

    def keys_document(self, version: int | None = None) -> bytes:
        params = None if version is None else {"version": str(version)}
        return self._get(f"{_FEED}/keys", MAX_KEYS_BYTES, params).body

    def manifest(self, stream: str) -> Answer:
        return self._get(f"{_FEED}/manifest", MAX_MANIFEST_BYTES, {"stream": stream})

    def files(self, stream: str) -> bytes:
        """Skip deltas and withdrawn files of a stream."""
        return self._get(f"{_FEED}/files", MAX_FILES_BYTES, {"stream": stream}).body

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
        return self._get(f"{_FEED}/chunks/{sha256}", length).body


class Published(_Connection):
    """The public stream as plain files, from a folder's or bucket's address; without a token."""

    live = False

    def __init__(
        self,
        base_url: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        exchange = Exchange(base_url, None, issuer="", scope=None)
        super().__init__(Wire(exchange, sleep=sleep, deadline_s=deadline_s))

    def keys_document(self, version: int | None = None) -> bytes:
        # The newest one only; who holds an older root than its signers' needs the registry.
        if version is not None:
            raise Refused("only the newest keys document is published", status=404)
        return self._get("/keys.json", MAX_KEYS_BYTES).body

    def manifest(self, stream: str) -> Answer:
        return self._get(f"/{stream}/manifest.jws", MAX_MANIFEST_BYTES)

    def files(self, stream: str) -> bytes:
        return self._get(f"/{stream}/files.json", MAX_FILES_BYTES).body

    def changes(
        self, stream: str, after: int, etag: str | None, *, limit: int = PAGE, wait: int = 0
    ) -> NoReturn:
        raise Refused("no changes are published", status=404)

    def chunk(self, sha256: str, length: int) -> bytes:
        return self._get(f"/chunks/{sha256}", length).body
