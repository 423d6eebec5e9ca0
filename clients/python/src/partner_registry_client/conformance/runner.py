"""Runs the cases against a client, whatever it is written in."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from partner_registry_client.conformance.cases import Case
from partner_registry_client.conformance.double import POURED, Registry, entry
from partner_registry_client.conformance.serving import serving
from partner_registry_client.conformance.signing import jcs

CLIENT_ID, SECRET = "conformance", "s3cret"
TIMEOUT_S = 60
_NAMES = (("a1", "Amani Relief Trust"), ("b2", "Umoja Health Network"), ("c3", "Sahel Water Works"))
LISTED, UNLISTED = "Amani Relief Trust", "Quixotic Zebra Holdings"
NO_HIT, HIT, UNKNOWN = 0, 10, 20


class Subject(Protocol):
    """A client under test, with a copy of its own."""

    def pull(self, now: int) -> int:
        """Bring the copy up to date at this time; 0 when that was done."""
        ...

    def dump(self, now: int) -> set[bytes]:
        """The entries of the copy, each as its bytes."""
        ...

    def screen(self, name: str, now: int) -> int:
        """0 no hit, 10 a hit, 20 unknown."""
        ...


Make = Callable[[Path, Registry], Subject]


@dataclass(frozen=True)
class Verdict:
    """What a client made of a case; `wrong` is empty when it is right."""

    name: str
    about: str
    wrong: str


class CommandSubject:
    """A client that is a command; what it is told is in its environment."""

    def __init__(self, command: list[str], folder: Path, registry: Registry) -> None:
        anchor = folder / "anchor.json"
        anchor.write_bytes(registry.anchor())
        self._command = command
        self._told = {
            "CONFORMANCE_URL": registry.url,
            "CONFORMANCE_ANCHOR": str(anchor),
            "CONFORMANCE_STREAM": registry.stream,
            "CONFORMANCE_STORE": str(folder / "store"),
            "CONFORMANCE_CLIENT_ID": CLIENT_ID,
            "CONFORMANCE_CLIENT_SECRET": SECRET,
        }

    def pull(self, now: int) -> int:
        return self._run(now, "pull").returncode

    def dump(self, now: int) -> set[bytes]:
        return set(self._run(now, "dump").stdout.splitlines())

    def screen(self, name: str, now: int) -> int:
        return self._run(now, "screen", name).returncode

    def _run(self, now: int, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(  # noqa: S603 - the command that the caller named
            [*self._command, *arguments],
            env={**os.environ, **self._told, "CONFORMANCE_NOW": str(now)},
            capture_output=True,
            check=False,
            timeout=TIMEOUT_S,
        )


def run(cases: Iterable[Case], make: Make) -> Iterator[Verdict]:
    """A verdict for each case, and one for the copy that is too old."""
    for case in cases:
        yield Verdict(case.name, case.about, _judged(make, partial(_try, case)))
    yield Verdict("honest", "an honest registry is followed", _judged(make, _honest))
    yield Verdict("stale", "past max_staleness_s nothing is cleared", _judged(make, _stale))


def _judged(make: Make, judge: Callable[[Registry, Subject], str]) -> str:
    registry = Registry()
    for entry_id, name in _NAMES:
        registry.put(entry(entry_id, name))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="conformance-")))
        stack.enter_context(serving(registry))
        try:
            return judge(registry, make(folder, registry))
        except subprocess.TimeoutExpired:
            return f"did not end within {TIMEOUT_S} seconds"


def _published(registry: Registry) -> set[bytes]:
    return {jcs(item) for item in registry.entries.values()}


def _try(case: Case, registry: Registry, subject: Subject) -> str:
    now, before = registry.now, set[bytes]()
    if case.held:
        if subject.pull(now) != 0 or subject.dump(now) != _published(registry):
            return "does not even follow an honest registry"
        before = _published(registry)
    bound = registry.__dict__.copy()
    later = now + case.later_s
    if case.later_s >= 0:
        registry.now = now if case.name == "frozen" else later + 1  # signed anew meanwhile
    case.bend(registry)
    code = subject.pull(later)
    if registry.poured >= POURED:
        return "read without end"
    if case.expect == "healed":
        healed = code == 0 and subject.dump(later) == _published(registry)
        return "" if healed else f"did not get to the set by another way (exit code {code})"
    if code == 0:
        return "took it"
    if code < 0 or code > 125:
        return f"crashed (exit code {code})"
    if subject.dump(later) != before:
        return "refused it, and lost what it held"
    # Nothing that was refused may stand in the way of what is honest.
    entries, log, version = registry.entries, registry.log, registry.version
    registry.__dict__.clear()
    registry.__dict__.update(bound)
    registry.entries, registry.log, registry.version = entries, log, version
    registry.now = max(now, later)
    registry.tamper, registry.claims, registry.keys_claims, registry.header = {}, {}, {}, {}
    if subject.pull(registry.now) != 0 or subject.dump(registry.now) != _published(registry):
        return "does not follow an honest registry any more"
    return ""


def _honest(registry: Registry, subject: Subject) -> str:
    now = registry.now
    steps: tuple[Callable[[], object], ...] = (
        lambda: None,
        lambda: registry.put(entry("d4")),
        lambda: registry.remove("a1"),
    )
    for step in steps:
        step()
        if subject.pull(now) != 0 or subject.dump(now) != _published(registry):
            return "does not hold the set that is served"
    return ""


def _stale(registry: Registry, subject: Subject) -> str:
    now = registry.now
    if subject.screen(UNLISTED, now) == NO_HIT:
        return "cleared a name without any list"
    subject.pull(now)
    if subject.screen(UNLISTED, now) != NO_HIT or subject.screen(LISTED, now) != HIT:
        return "does not tell who is listed"
    late = now + 8 * 86400
    if (subject.screen(UNLISTED, late), subject.screen(LISTED, late)) != (UNKNOWN, UNKNOWN):
        return "answered from a list that is too old"
    if subject.screen(UNLISTED, now - 3600) != UNKNOWN:
        return "answered with a clock that was set back"
    return ""
