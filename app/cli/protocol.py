"""HTTP/1.1 with deadlines for what a peer must send; uvicorn has none.

Without them a peer that sends nothing, or a byte a minute, holds its connection for ever.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.core.http import STREAMED
from app.core.long_poll import GONE, STOP

HEAD_S = 10.0
BODY_S = 30.0
STALL_S = 30.0
STREAM_RATE = 1_024
"""Bytes a second that the sender of a stream of lines must reach, over BODY_S seconds."""
_LONGEST_HEAD = 16_384


class _HeadWithBody:
    """A transport that sends the head of an answer together with what follows at once: each write
    is a system call here, and wakes the peer.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""

    def write(self, data: bytes) -> None:
        """Send; a head waits for its body, but not beyond this turn of the loop."""
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(b"HTTP/1.1 ") and len(data) <= _LONGEST_HEAD:
            self._head = data
            asyncio.get_running_loop().call_soon(self._flush)
            return
        if data:
            self._transport.write(data)

    def _flush(self) -> None:
        head, self._head = self._head, b""
        if head and not self._transport.is_closing():
            self._transport.write(head)

    def close(self) -> None:
        """Send what waits, and close."""
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class DeadlineProtocol(H11Protocol):
    """Closes a connection whose request head or body takes too long in all, not per byte.

    The body of a stream of lines (core/ndjson.py) may take any time at a minimum rate; a wait
    that we cause ourselves is not held against the sender. A peer that takes nothing of an
    answer for STALL_S seconds is closed too; one that reads slowly is not.
    """

    # Beyond 30 attributes in its dict an instance costs a kilobyte more.
    __slots__ = ("_awaited", "_deadline", "_held_back", "_received", "_stall")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._awaited: Literal["head", "body"] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._received = 0
        self._held_back = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own narrowing of the argument
        super().connection_made(_HeadWithBody(transport))  # type: ignore[arg-type]  # it is all of a transport that is used
        self._await("head")

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        super().data_received(data)
        self._held_back |= self.flow.read_paused
        state = self.conn.their_state
        if state is h11.SEND_BODY:
            self._await("body")
        elif state is h11.IDLE and self.conn.trailing_data[0]:
            self._await("head")
        elif self._awaited is not None:
            self._await(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._await(None)
        self._end_stall()
        super().connection_lost(exc)
        if self.cycle is not None and not self.cycle.response_complete:
            # Its type has no room for what others put there.
            scope: Any = self.scope
            scope.get(GONE, _nothing)()

    def shutdown(self) -> None:
        super().shutdown()
        # Who waits for a change is answered now: the server gives all the same few seconds.
        self.app_state.get(STOP, _nothing)()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._end_stall()
        self._stall = self.loop.call_later(STALL_S, self.transport.abort)

    def resume_writing(self) -> None:
        self._end_stall()
        super().resume_writing()

    def _end_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _await(self, what: Literal["head", "body"] | None) -> None:
        if what == self._awaited:
            return  # a drip of bytes does not move the deadline
        self._awaited = what
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if what is not None:
            self._start(HEAD_S if what == "head" else BODY_S)

    def _start(self, seconds: float) -> None:
        self._received, self._held_back = 0, self.flow.read_paused
        self._deadline = self.loop.call_later(seconds, self._expire)

    def _expire(self) -> None:
        fast = self._held_back or self._received >= STREAM_RATE * BODY_S
        if fast and self._awaited == "body" and self._streams():
            self._start(BODY_S)
        else:
            self.transport.abort()

    def _streams(self) -> bool:
        return STREAMED in self.scope and not self.cycle.response_complete


def _nothing() -> None:
    """Where nobody waits."""
