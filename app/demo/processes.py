"""The demo's own processes: started, kept alive, and stopped in order."""

from __future__ import annotations

import http.client
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.context import ForkContext, SpawnContext
from multiprocessing.process import BaseProcess
from pkgutil import resolve_name
from types import FrameType

START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 8.0
_SHORT_LIFE_S = 5.0
_POLL_S = 0.1
# A fork has everything imported already, which is most of a start. The demo holds no threads and
# no open event loop when it forks; where forking is not safe all the same, processes start anew.
_CONTEXT: ForkContext | SpawnContext = (
    get_context("fork") if sys.platform == "linux" else get_context("spawn")
)

Say = Callable[[str], None]


class DemoFailed(Exception):
    """The demo cannot go on; the message is one sentence."""


def _run(arguments: list[str], settings: Mapping[str, str]) -> None:
    """In the new process: become the ``registry`` command of these arguments."""
    # Ctrl-C on the terminal does not reach it: the demo stops things in order.
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(settings)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.argv = ["registry", *arguments]
    resolve_name("app.cli:main")()


def _end_with_parent() -> None:
    """When the demo is killed, however hard, nothing of it may be left holding its port."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)


class Child:
    """One ``registry`` command in a process of its own."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        self.name = arguments[0]
        self._work = (list(arguments), dict(environment))
        self.started = 0.0
        self._process: BaseProcess | None = None

    def start(self) -> None:
        """Start it."""
        self.started = time.monotonic()
        self._process = _CONTEXT.Process(target=_run, args=self._work, name=self.name)
        self._process.start()

    @property
    def pid(self) -> int | None:
        """The process id while it is known."""
        return self._process.pid if self._process is not None else None

    def ended(self) -> bool:
        """Whether it is gone."""
        return self._process is None or not self._process.is_alive()

    def stop(self) -> None:
        """Ask it to end, wait, and end it by force if need be."""
        if self._process is None:
            return
        self._process.terminate()
        self._process.join(_STOP_TIMEOUT_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()
        self._process = None


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment with the demo's settings in place of its own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("REGISTRY_DATABASE")}
    return {**kept, **settings}


def supervise(children: Sequence[Child], ready: Callable[[], None], port: int, say: Say) -> None:
    """Run the children until SIGINT or SIGTERM; ``ready`` is called once the API answers.

    A child that dies is started again. Raises DemoFailed when one cannot stay up.
    """
    stop = threading.Event()

    def stopped(number: int, frame: FrameType | None) -> None:
        stop.set()

    before = {n: signal.signal(n, stopped) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        for child in children:
            child.start()
        if _answers(children, port, stop):
            ready()
        while not stop.wait(_POLL_S):
            for child in children:
                _revive(child, say)
        say("Stopping.")
    finally:
        for child in children:
            child.stop()
        for number, handler in before.items():
            signal.signal(number, handler)


def _revive(child: Child, say: Say) -> None:
    if not child.ended():
        return
    if time.monotonic() - child.started < _SHORT_LIFE_S:
        raise DemoFailed(f"`registry {child.name}` does not stay up; its lines above say why.")
    say(f"`registry {child.name}` has ended and is started again.")
    child.stop()
    child.start()


def _answers(children: Sequence[Child], port: int, stop: threading.Event) -> bool:
    """Wait for the API to be ready; False when asked to stop meanwhile."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not stop.is_set():
        if _is_ready(port):
            return True
        if any(child.ended() for child in children):
            raise DemoFailed("The demo does not start; the lines above say why.")
        if time.monotonic() > deadline:
            raise DemoFailed(f"The API does not answer within {START_TIMEOUT_S:.0f} seconds.")
        stop.wait(_POLL_S)
    return False


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
