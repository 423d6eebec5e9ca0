"""A virus scanner beside the service: clamd, asked by its INSTREAM command."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable
from dataclasses import dataclass
from enum import StrEnum

_DEADLINE_S = 60.0
_PIECE = 131_072
_LONGEST_ANSWER = 4_096


class Scan(StrEnum):
    """What is known of a content. ``unscanned``: there was no scanner when it came."""

    UNSCANNED = "unscanned"
    PENDING = "pending"
    CLEAN = "clean"
    INFECTED = "infected"


class ScannerAway(Exception):
    """The scanner gave no verdict; the argument is a code, for the log."""


@dataclass(frozen=True, slots=True)
class Clamd:
    """A clamd at ``host:port``, or at the path of a socket."""

    address: str
    seconds: float = _DEADLINE_S

    async def scan(self, frames: AsyncIterable[bytes]) -> Scan:
        """CLEAN or INFECTED. Raises ScannerAway for everything that is neither."""
        try:
            async with asyncio.timeout(self.seconds):
                reader, writer = await self._connect()
                try:
                    answer = await _ask(reader, writer, frames)
                finally:
                    writer.close()
        except TimeoutError as error:
            raise ScannerAway("late") from error
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise ScannerAway("connection") from error
        # "stream: OK", "stream: <name> FOUND", "<what is wrong> ERROR"; nothing else is a verdict.
        if answer == b"stream: OK":
            return Scan.CLEAN
        if answer.startswith(b"stream: ") and answer.endswith(b" FOUND"):
            return Scan.INFECTED
        raise ScannerAway("error")

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.address.startswith("/"):
            return await asyncio.open_unix_connection(self.address, limit=_LONGEST_ANSWER)
        host, _, port = self.address.rpartition(":")
        return await asyncio.open_connection(host.strip("[]"), int(port), limit=_LONGEST_ANSWER)


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, frames: AsyncIterable[bytes]
) -> bytes:
    writer.write(b"zINSTREAM\0")
    try:
        async for frame in frames:
            for start in range(0, len(frame), _PIECE):
                piece = frame[start : start + _PIECE]
                writer.write(len(piece).to_bytes(4, "big") + piece)
                await writer.drain()
        writer.write(bytes(4))
        await writer.drain()
    except ConnectionError:
        # It says no before it has read all: its answer is there all the same, or is not.
        pass
    return (await reader.readuntil(b"\0")).rstrip(b"\0").strip()
