"""The story runs as users run it: two processes, HTTP over a socket, the client's command."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.core.settings import Settings
from tests.support import World, build_world

_ROOT = Path(__file__).parents[2]
SAMPLE = _ROOT / "app/sanctions/sources/samples/unsc.xml"


@dataclass(frozen=True)
class Registry:
    """A running service: its address, its clients and where the operator keeps things."""

    url: str
    world: World
    folder: Path
    env: dict[str, str]
    callers: dict[str, httpx.Client] = field(default_factory=dict)

    def operate(self, *arguments: str) -> str:
        """Run a command of the operator; its output."""
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments],
            env=self.env,
            cwd=_ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def checkout(self, parent: Path) -> Path:
        """A folder as `make run` leaves it: credentials and anchor in ``var``."""
        folder = parent / "checkout"
        (folder / "var").mkdir(parents=True)
        clients = {
            name: {"client_id": name, "client_secret": secret}
            for name, secret in self.world.secrets.items()
        }
        (folder / "var" / "demo-credentials.json").write_text(json.dumps({"clients": clients}))
        anchor = (self.folder / "root" / "anchor.json").read_text()
        (folder / "var" / "anchor.json").write_text(anchor)
        return folder

    def token(self, name: str, *scopes: str) -> str:
        """Step 1: a token by HTTP Basic."""
        answer = httpx.post(
            f"{self.url}/oauth/token",
            data={"grant_type": "client_credentials", "scope": " ".join(scopes)},
            auth=(name, self.world.secrets[name]),
        )
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["token_type"] == "Bearer"
        assert body["expires_in"] == 300
        token: str = body["access_token"]
        return token

    def caller(self, name: str) -> httpx.Client:
        """An HTTP client with that token."""
        if name not in self.callers:
            headers = {"Authorization": f"Bearer {self.token(name)}"}
            self.callers[name] = httpx.Client(base_url=self.url, headers=headers, timeout=10)
        return self.callers[name]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _environment(settings: Settings, url: str) -> dict[str, str]:
    def secret(name: str) -> str:
        return settings.require(name)

    return {
        **os.environ,
        "REGISTRY_ENV": "test",
        "REGISTRY_DATABASE_URL": secret("database_url"),
        "REGISTRY_DATABASE_WORKER_URL": secret("database_worker_url"),
        "REGISTRY_DATABASE_MIGRATION_URL": secret("database_migration_url"),
        "REGISTRY_ROOT_KEY_FILE": str(settings.root_key_file),
        "REGISTRY_ISSUER": url,
    }


@pytest.fixture
async def registry(empty_database: Settings, tmp_path: Path) -> AsyncIterator[Registry]:
    """Server and worker as processes on a database of this test's own."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    env = _environment(empty_database, url)
    running = Registry(url, await build_world(empty_database), tmp_path, env)
    running.operate("keys", "root", "init", str(tmp_path / "root"))
    with _processes(running, port):
        _wait_until_ready(url, tmp_path / "log")
        keys = [str(tmp_path / "root" / f"root-{n}.pem") for n in (1, 3)]
        running.operate("keys", "root", "sign", "--key", keys[0], "--key", keys[1])
        yield running


@contextmanager
def _processes(running: Registry, port: int) -> Iterator[None]:
    log = (running.folder / "log").open("wb")
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "app.cli", *command],
            env=running.env,
            cwd=_ROOT,
            stdout=log,
            stderr=log,
        )
        for command in (["serve", "--port", str(port)], ["worker"])
    ]
    try:
        yield
    finally:
        for caller in running.callers.values():
            caller.close()
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=15)
        log.close()


def _wait_until_ready(url: str, log: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/readyz", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail("the service did not start:\n" + log.read_text()[-2_000:])


Sync = Callable[..., tuple[int, Any]]


@pytest.fixture
def sync(registry: Registry, tmp_path: Path) -> Sync:
    """``sync("pull")``: the client's command line; its exit code and output (JSON where it is)."""

    def run(*arguments: str) -> tuple[int, Any]:
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("registry-sync")),
                "--store",
                str(tmp_path / "store"),
                *arguments,
            ],
            env=registry.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        try:
            return done.returncode, json.loads(done.stdout)
        except ValueError:
            return done.returncode, done.stdout + done.stderr

    return run
