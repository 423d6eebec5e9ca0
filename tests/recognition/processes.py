"""Server and worker as the processes they are in life, to be killed and measured."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from app.core.settings import Settings
from tests.cli.commands import clean_environment, environment_of
from tests.support import Api, World, build_world

ROOT = Path(__file__).parents[2]


@dataclass
class Running:
    """A service on a database of its own."""

    url: str
    port: int
    settings: Settings
    world: World
    log: Path
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    callers: dict[str, Api] = field(default_factory=dict)

    async def start(self, name: str) -> None:
        """Start ``serve`` or ``worker``."""
        words = ["serve", "--port", str(self.port)] if name == "serve" else ["worker"]
        with self.log.open("ab") as log:
            self.processes[name] = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "app.cli", *words),
                env=clean_environment() | environment_of(self.settings, REGISTRY_ISSUER=self.url),
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )

    async def kill(self, name: str) -> None:
        """SIGKILL."""
        process = self.processes[name]
        process.kill()
        await process.wait()

    async def ready(self) -> None:
        """Return when it answers."""
        async with httpx.AsyncClient(base_url=self.url, timeout=2) as client, asyncio.timeout(90):
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get("/readyz")).status_code == 200:
                        return
                await asyncio.sleep(0.1)

    async def api_for(self, name: str, *scopes: str) -> Api:
        """A caller over the network; its token is taken once."""
        assert not scopes
        if name not in self.callers:
            api = Api(base_url=self.url, timeout=30)
            self.callers[name] = api

            async def renew() -> str:
                async with httpx.AsyncClient(base_url=self.url, timeout=30) as client:
                    answer = await client.post(
                        "/oauth/token",
                        data={"grant_type": "client_credentials"},
                        auth=(name, self.world.secrets[name]),
                    )
                token: str = answer.raise_for_status().json()["access_token"]
                return token

            api.renew = renew
            await api.take_token()
        return self.callers[name]


@asynccontextmanager
async def running(settings: Settings, log: Path) -> AsyncIterator[Running]:
    """Server and worker on this database, ended by their ids afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    found = Running(f"http://127.0.0.1:{port}", port, settings, await build_world(settings), log)
    try:
        for name in ("serve", "worker"):
            await found.start(name)
        await found.ready()
        yield found
    finally:
        for api in found.callers.values():
            await api.aclose()
        for process in found.processes.values():
            if process.returncode is None:
                process.kill()
                await process.wait()


async def until(what: Callable[[], Awaitable[bool]], seconds: float = 60) -> float:
    """Seconds until ``await what()`` is true."""
    started = time.monotonic()
    async with asyncio.timeout(seconds):
        while not await what():  # noqa: ASYNC110 - another process changes it
            await asyncio.sleep(0.02)
    return time.monotonic() - started
