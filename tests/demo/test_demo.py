"""``registry demo`` from the first start to a kill of everything."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import asyncpg
import httpx
import pytest

from app.core.embedded import EmbeddedPostgres
from tests.cli.commands import ROOT, answers, clean_environment, free_port, registry

pytestmark = pytest.mark.xdist_group("demo")  # one folder, in this order
# Five on a machine of its own; the suite shares its cores with other tests, and those with others.
SECOND_START_S = 60.0


class Demo:
    """A running demo."""

    def __init__(self, child: subprocess.Popen[str], folder: Path, port: int) -> None:
        self.child, self.folder, self.port = child, folder, port
        self.lines: list[str] = []
        self.ready_after = 0.0

    def wait_ready(self) -> None:
        """Read its words until it says how to stop it."""
        started = time.monotonic()
        assert self.child.stderr is not None
        for line in self.child.stderr:
            self.lines.append(line.rstrip())
            if "Ctrl-C stops everything" in line:
                self.ready_after = time.monotonic() - started
                return
        raise AssertionError("\n".join(self.lines))

    def token(self, client: str) -> str:
        """An access token by the credentials file."""
        kept = json.loads((self.folder / "demo-credentials.json").read_text())
        found = kept["clients"][client]
        answer = httpx.post(
            kept["token_url"],
            data={"grant_type": "client_credentials"},
            auth=(found["client_id"], found["client_secret"]),
        )
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token

    def services(self) -> list[int]:
        """The API and the worker; a database server that it started is no part of them."""
        postgres = EmbeddedPostgres(self.folder / "pg").pid
        return [pid for pid in _children(self.child.pid) if pid != postgres]


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    except OSError:
        return []
    return [int(child) for child in text.split()]


def _lives(pid: int) -> bool:
    # Whoever adopts an orphan may be slow to reap it: a zombie is dead.
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextmanager
def demo(folder: Path, port: int, *more: str, **env: str) -> Iterator[Demo]:
    """``registry demo`` as a process, gone afterwards."""
    child = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "demo", "--port", str(port), *more],
        cwd=ROOT,
        env=clean_environment() | {"REGISTRY_VAR_DIR": str(folder)} | env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Demo(child, folder, port)
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()
        assert child.stderr is not None
        _drain(child.stderr)


def _drain(stream: IO[str]) -> None:
    # What was started by a killed demo ends by itself and closes its end of the pipe.
    stream.read()
    stream.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One demo's folder for the tests of this module, in their order."""
    path = tmp_path_factory.mktemp("demo")
    yield path
    EmbeddedPostgres(path / "pg").stop("immediate")


@pytest.mark.timeout(180)
def test_first_start_kill_and_second_start(folder: Path) -> None:
    port = free_port()
    with demo(folder, port) as first:
        first.wait_ready()
        assert "The demo world is new." in "\n".join(first.lines)
        for name in ("demo-credentials.json", "demo.env", "root.key", "demo.json"):
            assert (folder / name).stat().st_mode & 0o777 == 0o600
        headers = {"Authorization": f"Bearer {first.token('UNICEF')}"}
        partners = f"http://127.0.0.1:{port}/v1/partners"
        body = httpx.get(f"{partners}?limit=200", headers=headers).json()
        assert len(body["items"]) == 200
        _feed_is_numbered(port, first.token("READER"))
        postgres = EmbeddedPostgres(folder / "pg").pid
        assert postgres is not None
        for pid in (first.child.pid, *first.services(), postgres, *_children(postgres)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    with demo(folder, port) as second:
        second.wait_ready()
        assert second.ready_after < SECOND_START_S
        assert "The data of earlier runs is kept." in "\n".join(second.lines)
        headers = {"Authorization": f"Bearer {second.token('UNICEF')}"}
        again = httpx.get(f"{partners}?limit=200", headers=headers).json()
        assert again["items"] == body["items"]
        second.child.send_signal(signal.SIGINT)
        assert second.child.wait(60) == 0
    assert EmbeddedPostgres(folder / "pg").pid is None
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def _feed_is_numbered(port: int, token: str) -> None:
    """The worker beside the API has signed what the world put into the feed."""
    headers = {"Authorization": f"Bearer {token}"}
    feed = f"http://127.0.0.1:{port}/v1/feeds/sanctions"
    assert httpx.get(f"{feed}/keys", headers=headers).status_code == 200
    for _ in range(100):
        changes = httpx.get(f"{feed}/changes?after=0&limit=100", headers=headers).json()
        if changes.get("to", 0) >= 29:
            return
        time.sleep(0.1)
    raise AssertionError(changes)


# The drills that follow kill processes of a whole demo; test_processes.py has their short forms.
@pytest.mark.drill
@pytest.mark.timeout(120)
def test_processes_end_with_a_demo_that_is_killed_alone(folder: Path) -> None:
    port = free_port()
    with demo(folder, port) as one:
        one.wait_ready()
        children = one.services()
        assert len(children) == 2
        one.child.kill()
        deadline = time.monotonic() + 10
        while any(_lives(pid) for pid in children):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


@pytest.mark.drill
@pytest.mark.timeout(120)
def test_a_process_that_dies_is_started_again_and_a_second_demo_refused(folder: Path) -> None:
    port = free_port()
    with demo(folder, port) as one:
        one.wait_ready()
        with demo(folder, free_port(), "--no-serve") as other:
            assert other.child.stderr is not None
            assert f"Another demo runs on {folder}" in other.child.stderr.read()
            assert other.child.wait() == 1
        for pid in one.services():
            os.kill(pid, signal.SIGKILL)
        assert answers(port, "/readyz") == 200
        one.child.send_signal(signal.SIGTERM)
        assert one.child.wait(60) == 0


async def test_it_is_made_ready_without_serving(tmp_path: Path) -> None:
    env = {"REGISTRY_VAR_DIR": str(tmp_path)}
    one, other = free_port(), free_port()
    for port, version, world in ((one, 1, True), (one, 1, False), (other, 2, False)):
        done = await registry("demo", "--port", str(port), "--no-serve", env=env)
        assert done.exit_code == 0, done.output
        assert ("partners: 200" in done.stderr) is world
        anchor = json.loads((tmp_path / "anchor.json").read_text())
        assert anchor["issuer"] == f"http://127.0.0.1:{port}"
        credentials = json.loads((tmp_path / "demo-credentials.json").read_text())
        assert credentials["token_url"] == f"http://127.0.0.1:{port}/oauth/token"
        server = EmbeddedPostgres(tmp_path / "pg")
        assert server.pid is None
        with server:
            # Another port is another issuer: clients need keys signed for it.
            connection = await asyncpg.connect(server.url(database="registry"))
            newest = await connection.fetchval("SELECT max(version) FROM keys_documents")
            await connection.close()
        assert newest == version


def test_a_taken_port_is_said_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with demo(tmp_path, port) as refused:
            assert refused.child.stderr is not None
            said = refused.child.stderr.read()
            assert refused.child.wait() == 1
    assert said.startswith(f"Port {port} on 127.0.0.1 is taken by another program")
    assert said.count("\n") == 1
    assert not (tmp_path / "pg").exists()
