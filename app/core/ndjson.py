"""Bodies of many records, one JSON document a line (``application/x-ndjson``).

A stream is not atomic: each chunk of at most 500 lines is a transaction of its own, and a bad
line is reported for that line alone. Routes opt in by ``route_class=NdjsonRoute``.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import BINDING, Binding, database_of
from app.core.http import RegistryRoute, parse_json

CHUNK = 500
MAX_LINE = 65_536
MAX_STREAM = 2_000_000_000
_CHUNK_BYTES = 1_000_000


class NdjsonRoute(RegistryRoute):
    """Takes a stream of lines and nothing else; its endpoint reads it by `read_chunks`."""

    ndjson: ClassVar[bool] = True


Fault = Literal["malformed_json", "line_too_long"]


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
