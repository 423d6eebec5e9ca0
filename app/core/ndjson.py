"""Bodies of many records, one JSON document a line (``application/x-ndjson``).

A stream is not atomic: each chunk of at most 500 lines is a transaction of its own, and a bad
line is reported for that line alone. Routes opt in by ``route_class=NdjsonRoute``.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import Any, ClassVar, Literal

from fastapi import Request
from fastapi.responses import StreamingResponse
from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from app.core.db import BINDING, Binding, database_of
from app.core.http import OFFERED, RegistryRoute, parse_json

MEDIA_TYPE = "application/x-ndjson"
CHUNK = 500
MAX_LINE = 65_536
MAX_STREAM = 2_000_000_000
_CHUNK_BYTES = 1_000_000
_IN_MEMORY = 8_000_000
_PIECE = 262_144
_CODE = re.compile(r"[^a-z0-9]+")


Take = Callable[[Iterable[Mapping[str, Any]]], None]


class NdjsonRoute(RegistryRoute):
    """Takes a stream of lines and nothing else; its endpoint reads it by `read_chunks`."""

    ndjson: ClassVar[bool] = True


class AlsoLines(NdjsonRoute):
    """A stream of lines where the same path takes one JSON document, too: register it first."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Only what offers lines."""
        return super().matches(scope) if OFFERED in scope else (Match.NONE, {})


Fault = Literal["malformed_json", "line_too_long"]
FAULTS: dict[Fault, str] = {
    "malformed_json": "is not one JSON document",
    "line_too_long": "is longer than 64 KiB",
}
"""What is said of a line that cannot be read."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number from 1, and its document or what is wrong with it."""

    number: int
    value: Any
    fault: Fault | None = None


class _Lines:
    """Cuts bytes into numbered lines; holds back at most one line."""

    def __init__(self) -> None:
        self._rest = b""
        self._number = 0
        self._skipping = False

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes | None]]:
        """The lines that ``data`` completes; None stands for one that is too long."""
        parts = (self._rest + data).split(b"\n")
        self._rest = parts.pop()
        for part in parts:
            if self._skipping:
                self._skipping = False  # the end of a line that was reported already
                continue
            self._number += 1
            yield self._number, None if len(part) > MAX_LINE else part
        if self._skipping:
            self._rest = b""
        elif len(self._rest) > MAX_LINE:
            self._rest, self._skipping = b"", True
            self._number += 1
            yield self._number, None

    def end(self) -> Iterator[tuple[int, bytes | None]]:
        """The last line, when nothing ended it."""
        if self._rest:
            yield self._number + 1, self._rest


def _parsed(number: int, raw: bytes | None) -> Line:
    if raw is None:
        return Line(number, None, "line_too_long")
    try:
        return Line(number, parse_json(raw))
    except json.JSONDecodeError:
        return Line(number, None, "malformed_json")


def cut_lines(pieces: Iterable[bytes]) -> Iterator[Line]:
    """The lines of these bytes in order; blank ones count but carry nothing."""
    cutter = _Lines()
    for piece in pieces:
        yield from _filled(cutter.feed(piece))
    yield from _filled(cutter.end())


def _filled(found: Iterable[tuple[int, bytes | None]]) -> Iterator[Line]:
    return (_parsed(number, raw) for number, raw in found if raw is None or raw.strip())


async def read_chunks(request: Request, size: int = CHUNK) -> AsyncIterator[list[Line]]:
    """The lines of the body in order, at most ``size`` or about 1 MB at a time.

    Blank lines count but carry nothing. Raises ClientDisconnect when the peer goes away: what is
    left of the last chunk is then dropped.
    """
    cutter = _Lines()
    chunk: list[Line] = []
    weight = 0
    async for data in request.stream():
        for number, raw in cutter.feed(data) if data else cutter.end():
            if raw is not None and not raw.strip():
                continue
            chunk.append(_parsed(number, raw))
            weight += len(raw or b"")
            if len(chunk) >= size or weight >= _CHUNK_BYTES:
                yield chunk
                chunk, weight = [], 0
    if chunk:
        yield chunk


@asynccontextmanager
async def chunk_session(request: Request, to: Binding | None) -> AsyncIterator[AsyncSession]:
    """The transaction of one chunk: stored on return, undone on any exception."""
    scope = request.scope
    info = {
        BINDING: to,
        "request_id": scope.get("request_id"),
        "claimed_user": scope.get("claimed_user"),
    }
    async with database_of(request).sessions(info=info) as session, session.begin():
        yield session


def said(error: Mapping[str, Any]) -> tuple[str, str, str]:
    """Code, message and pointer of one of pydantic's errors.

    What was sent is not repeated: not as a value, nor as the name of an unknown field.
    """
    kind, loc = error["type"], error["loc"]
    message = str(error["msg"]).removeprefix("Value error, ")
    if kind in ("literal_error", "enum", "union_tag_invalid"):
        message = "Input is not one of the allowed values"
    if kind == "extra_forbidden":
        loc, message = loc[:-1], "A field is unknown"
    pointer = "".join("/" + str(p).replace("~", "~0").replace("/", "~1") for p in loc)[:200]
    return _CODE.sub("_", kind), message, pointer


class Results:
    """The answer to a stream, one JSON document a line, kept until the stream has ended."""

    def __init__(self) -> None:
        self._spool = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by `close` or the answer

    def write(self, results: Iterable[Mapping[str, Any]]) -> None:
        """Add these, in order."""
        self._spool.write(b"".join(to_json(result) + b"\n" for result in results))

    def close(self) -> None:
        """Throw away what will not be sent."""
        self._spool.close()

    def response(self, headers: Mapping[str, str] | None = None) -> StreamingResponse:
        """All of it; sending closes it."""
        return StreamingResponse(self._pieces(), media_type=MEDIA_TYPE, headers=headers)

    async def _pieces(self) -> AsyncIterator[bytes]:
        try:
            self._spool.seek(0)
            while piece := self._spool.read(_PIECE):
                yield piece
        finally:
            self._spool.close()


class LinesAsMade(StreamingResponse):
    """An answer that is sent while its request is still being read, by `work`.

    ``work`` gets a function that takes results, in order. They are kept, on disk if need be, until
    the peer takes them: one that first sends everything and reads later holds up nothing. What
    `work` raises ends the answer before its end, which every HTTP client tells from a whole one.
    """

    media_type = MEDIA_TYPE

    def __init__(
        self, work: Callable[[Take], Coroutine[Any, Any, None]], headers: Mapping[str, str]
    ) -> None:
        self._spool = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by `_sent`
        self._written = self._read = 0
        self._news = asyncio.Event()
        super().__init__(self._sent(work), headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Not as the base class does: its look-out for a disconnect would eat the request's body.
        await self.stream_response(send)

    def _take(self, results: Iterable[Mapping[str, Any]]) -> None:
        self._spool.seek(self._written)
        self._spool.write(b"".join(to_json(result) + b"\n" for result in results))
        self._written = self._spool.tell()
        self._news.set()

    async def _sent(
        self, work: Callable[[Take], Coroutine[Any, Any, None]]
    ) -> AsyncIterator[bytes]:
        task = asyncio.create_task(work(self._take))
        task.add_done_callback(lambda _: self._news.set())
        try:
            while True:
                self._news.clear()
                ended = task.done()
                while self._read < self._written:
                    self._spool.seek(self._read)
                    piece = self._spool.read(min(_PIECE, self._written - self._read))
                    self._read += len(piece)
                    yield piece
                if ended:
                    break
                await self._news.wait()
            await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self._spool.close()
