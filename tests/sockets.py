"""Real sockets on the loopback: the application as it is served, and peers that a test plays."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from app.cli.protocol import DeadlineProtocol
from tests.support import Api

PRIVATE_HOSTS = (
    "127.0.0.1",
    "localhost",
    "[::1]",
    "[::ffff:7f00:1]",
    "0x7f000001",
    "2130706433",
    "127.1",
    "0",
    "169.254.169.254",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "10.0.0.1",
    "[fd00:ec2::254]",
)
"""Ways to write an address that is not public; none of them may ever be called."""


@asynccontextmanager
async def served(
    app: Any, port: int = 0, *, state: dict[str, Any] | None = None, **more: Any
) -> AsyncIterator[int]:
    """The port on which the application stands, behind the server and protocol it has in life.

    ``state`` is what the application's start would have left to the server.
    """
    listener = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(
        app,
        http=DeadlineProtocol,
        lifespan="off",
        log_config=None,
        ws="none",
        server_header=False,
        **more,
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it by a flag only
        await asyncio.sleep(0.01)
    server.lifespan.state.update(state or {})
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await running
        listener.close()


def request_head(api: Api, path: str) -> bytes:
    """A GET as its caller would send it."""
    token = api.headers["authorization"]
    return (
        f"GET {path} HTTP/1.1\r\nHost: registry.example\r\nAuthorization: {token}\r\n\r\n".encode()
    )


async def exchange(port: int, api: Api, path: str) -> bytes:
    """The head of the answer to a GET, as it is on the wire."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request_head(api, path))
    found = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return found


class Peer(ABC):
    """A server that a test plays. Keeps its port when it opens again."""

    def __init__(self) -> None:
        self.port = 0
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[Any]] = set()

    @abstractmethod
    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What it does with one connection."""

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and cut every connection."""
        if self._server is not None:
            self._server.close()
            for task in list(self._serving):
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            await self.answer(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._serving.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
