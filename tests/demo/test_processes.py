"""Keeping the demo's processes up, and giving up when that makes no sense."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from app.demo import processes
from app.demo.processes import Child, DemoFailed, environment, supervise
from tests.cli.commands import free_port


class FakeChild(Child):
    """Counts what is asked of it; dies as often as it is told to."""

    def __init__(self, deaths: int = 0) -> None:
        super().__init__(["serve"], {})
        self.deaths = deaths
        self.said: list[str] = []

    def start(self) -> None:
        self.said.append("start")

    def ended(self) -> bool:
        self.deaths -= 1
        return self.deaths >= 0

    def stop(self) -> None:
        self.said.append("stop")


class _Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    """Where something says that it is ready."""
    server = HTTPServer(("127.0.0.1", 0), _Ready)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def ask_to_stop() -> None:
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()


def test_children_run_until_a_signal(port: int) -> None:
    children = [FakeChild(), FakeChild()]
    said: list[str] = []
    before = signal.getsignal(signal.SIGTERM)
    supervise(children, ask_to_stop, port, said.append)
    assert [child.said for child in children] == [["start", "stop"]] * 2
    assert said == ["Stopping."]
    assert signal.getsignal(signal.SIGTERM) is before


def test_one_that_dies_after_a_while_is_started_again(port: int) -> None:
    child = FakeChild(deaths=1)
    said: list[str] = []
    supervise([child], ask_to_stop, port, said.append)
    assert child.said == ["start", "stop", "start", "stop"]
    assert said == ["`registry serve` has ended and is started again.", "Stopping."]


def test_one_that_does_not_stay_up_ends_the_demo(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_SHORT_LIFE_S", 1e9)
    child = FakeChild(deaths=1)
    with pytest.raises(DemoFailed, match="`registry serve` does not stay up"):
        supervise([child], lambda: None, port, lambda line: None)
    assert child.said == ["start", "stop"]


def test_one_that_never_comes_up_ends_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DemoFailed, match="does not start"):
        supervise([FakeChild(deaths=1)], lambda: None, free_port(), lambda line: None)
    monkeypatch.setattr(processes, "START_TIMEOUT_S", 0.2)
    with pytest.raises(DemoFailed, match="does not answer"):
        supervise([FakeChild()], lambda: None, free_port(), lambda line: None)


def test_a_signal_before_it_is_ready_is_obeyed() -> None:
    ask_to_stop()
    called: list[str] = []
    supervise([FakeChild()], lambda: called.append("ready"), free_port(), called.append)
    assert called == ["Stopping."]


def test_the_demo_never_passes_on_another_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_DATABASE_REPLICA_URL", "postgresql://elsewhere/registry")
    monkeypatch.setenv("REGISTRY_POOL_SIZE", "3")
    found = environment({"REGISTRY_ENV": "development"})
    assert "REGISTRY_DATABASE_REPLICA_URL" not in found
    assert found["REGISTRY_POOL_SIZE"] == "3"
    assert found["REGISTRY_ENV"] == "development"
