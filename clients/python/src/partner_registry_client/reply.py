"""What the registry answered to one operation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Reply(Generic[T]):
    """`data` is what the operation's schema says; `body` its bytes as they came."""

    data: T
    body: bytes
    status: int
    headers: Mapping[str, str]

    @property
    def etag(self) -> str | None:
        """What `if_match` of a change wants."""
        return self.headers.get("etag")

    @property
    def replayed(self) -> bool:
        """Whether this is the answer to an earlier request with the same Idempotency-Key."""
        return self.headers.get("idempotency-replayed") == "true"
