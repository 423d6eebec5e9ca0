"""Running ``registry`` in tests: inside this process, or as the process it is in life."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog
from typer.testing import CliRunner, Result

from app.cli import app
from app.core.settings import Settings
from tests.support import plain_logs

ROOT = Path(__file__).resolve().parents[2]


def clean_environment() -> dict[str, str]:
    """This process's environment without any setting of ours."""
    found = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    if found.pop("PYTHONDONTWRITEBYTECODE", None):
        # Compiling everything anew takes most of a start; the processes of the tests share it.
        found["PYTHONPYCACHEPREFIX"] = str(ROOT / "var" / "test-pycache")
    return found


def environment_of(settings: Settings, **more: str) -> dict[str, str]:
    """The settings as an operator would write them."""
    found = {"REGISTRY_ENV": settings.env, "REGISTRY_ISSUER": settings.issuer}
    for name in ("database_url", "database_worker_url", "database_migration_url", "root_key_file"):
        if getattr(settings, name) is not None:
            found[f"REGISTRY_{name.upper()}"] = settings.require(name)
    return found | more


def registry_here(
    *arguments: str | Path, env: Mapping[str, str] | None = None, stdin: bytes | None = None
) -> Result:
    """Run a command inside this process, in this thread: not from a coroutine."""
    hidden: dict[str, Any] = {name: None for name in os.environ if name.startswith("REGISTRY_")}
    words = [str(argument) for argument in arguments]
    try:
        return CliRunner().invoke(
            app, words, env=hidden | dict(env or {}), input=stdin, prog_name="registry"
        )
    finally:
        # A command sets logging up for its own stderr, which is gone now.
        structlog.reset_defaults()
        plain_logs()


async def registry(*arguments: str | Path, env: Mapping[str, str] | None = None) -> Result:
    """As `registry_here`, from a coroutine: in a thread, as commands have their own event loop."""
    return await asyncio.to_thread(registry_here, *arguments, env=env)


@contextmanager
def process(*arguments: str, env: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """``registry`` as a process of its own, gone afterwards."""
    child = subprocess.Popen(
        [sys.executable, "-m", "app.cli", *arguments],
        cwd=ROOT,
        env=clean_environment() | dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGKILL)
        child.wait()
        if child.stdout is not None:
            child.stdout.close()


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int, path: str, seconds: float = 90) -> int:
    """Status of a GET once the port takes connections; 0 when it never did."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
                status: int = response.status
                return status
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except OSError:
            time.sleep(0.05)
    return 0
