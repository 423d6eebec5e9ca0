"""HTTP/1.1 with deadlines for what a peer must send; uvicorn has none.

Without them a peer that sends nothing, or a byte a minute, holds its connection for ever.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 10.0
BODY_S = 30.0


class DeadlineProtocol(H11Protocol):
    """Closes a connection whose request head or body takes too long in all, not per byte."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._awaited: Literal["head", "body"] | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await("head")

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        state = self.conn.their_state
        if state is h11.SEND_BODY:
            self._await("body")
        elif state is h11.IDLE and self.conn.trailing_data[0]:
            self._await("head")
        elif self._awaited is not None:
            self._await(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._await(None)
        super().connection_lost(exc)

    def _await(self, what: Literal["head", "body"] | None) -> None:
        if what == self._awaited:
            return  # a drip of bytes does not move the deadline
        self._awaited = what
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if what is not None:
            wait = HEAD_S if what == "head" else BODY_S
            self._deadline = self.loop.call_later(wait, self.transport.abort)
