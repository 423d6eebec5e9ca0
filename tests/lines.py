"""Which lines and branches the tests run: slipcover watches, coverage.py judges.

Under Python 3.11 coverage.py learns of each line from a trace function, which doubles the time of
the suite. slipcover puts a probe before each line and branch when a module is imported, so this
module is imported before the application. Each process of a run writes what it saw into the folder
that the environment names. ``python -m tests.lines FOLDER`` makes of that a data file of
coverage.py, whose report and limits count as ever (docs/decisions/0022-coverage-by-probes.md).
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from coverage import Coverage
from coverage.python import PythonFileReporter
from slipcover import FileMatcher, ImportManager, Slipcover

_FOLDER = "REGISTRY_TEST_LINES"
_WORKER = "PYTEST_XDIST_WORKER"
_SOURCES = ("app", "clients/matcher/src", "clients/python/src")
_EXIT = 0  # what slipcover calls the way out of a function
_NEVER = -1  # probes stay: to take out those that were hit, code would be changed as it runs

Arc = tuple[int, int]


class Watch:
    """Sees which lines are run in this process, of the modules imported from now on."""

    def __init__(self, folder: Path, sources: tuple[str, ...]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file: Path | None = folder / f"{os.getpid()}.json"
        # What does not count is for coverage.py to say: its settings hold the patterns.
        self._seen = Slipcover(branch=True, d_miss_threshold=_NEVER, exclude_lines=[])
        # A probe in what numba compiles cannot be compiled.
        watched = FileMatcher(sources=sources, omit=_omitted(Coverage()))
        ImportManager(self._seen, watched).__enter__()

    def write(self) -> None:
        """Write what was run until now; later calls change nothing."""
        if self._file is not None:
            self._file.write_text(json.dumps(self._seen.get_coverage()["files"]))
            self._file = None


def _omitted(coverage: Coverage) -> list[str]:
    """Patterns of modules that are not looked at, by the settings."""
    found: Any = coverage.get_option("run:omit")
    return list(found or ())


def _watch() -> Watch | None:
    # The process that starts the workers runs no test: probes would only make it start later.
    if _FOLDER not in os.environ or _WORKER not in os.environ:
        return None
    assert "app" not in sys.modules, "imported before anything could watch it"
    return Watch(Path(os.environ[_FOLDER]).absolute(), _SOURCES)


WATCH = _watch()
"""Over the application and the client, in a worker, if the environment asks for it."""


class Module:
    """What all processes saw of one module."""

    def __init__(self) -> None:
        self.lines: set[int] = set()
        self.taken: set[Arc] = set()
        self.branches: set[Arc] = set()

    def add(self, found: dict[str, Any]) -> None:
        """Add what one process saw."""
        taken = {(start, end) for start, end in found["executed_branches"]}
        self.lines.update(found["executed_lines"])
        self.taken |= taken
        self.branches |= taken | {(start, end) for start, end in found["missing_branches"]}

    def arcs(self, reporter: PythonFileReporter) -> list[Arc]:
        """The same as coverage.py would have put it down: (n, n) is a line that was run.

        Both call a branch by its line and the line it leads to; for the way out of a function
        coverage.py has a negative number. Where the two take another line for the next one, after
        the last statement of a loop's body, the branch is the only one left on both sides. One
        that has no counterpart (of a ``match``) is dropped, and then reported as not taken.
        """
        first = reporter.parser.first_line
        ours, theirs = defaultdict[int, set[int]](set), defaultdict[int, set[int]](set)
        for start, end in self.branches:
            ours[first(start)].add(first(end))
        for start, end in reporter.arcs():
            theirs[start].add(end)
        names: dict[Arc, Arc] = {}
        for start, ends in ours.items():
            same = {end: end for end in ends & theirs[start]}
            outs = [end for end in theirs[start] if end < 0]
            if _EXIT in ends and len(outs) == 1:
                same[_EXIT] = outs[0]
            left, right = ends - same.keys(), theirs[start] - set(same.values())
            if len(left) == len(right) == 1:
                same[left.pop()] = right.pop()
            names |= {(start, end): (start, other) for end, other in same.items()}
        taken = {(first(start), first(end)) for start, end in self.taken}
        return [(n, n) for n in self.lines] + [names[arc] for arc in taken if arc in names]


def _arcs(path: Path, module: Module) -> list[Arc]:
    return module.arcs(PythonFileReporter(str(path), Coverage()))


def convert(folder: Path, coverage: Coverage, sources: tuple[str, ...] = _SOURCES) -> None:
    """Make of what the processes wrote the data of `coverage`, with the modules nobody imported."""
    modules = defaultdict[Path, Module](Module)
    for file in folder.glob("*.json"):
        for name, found in json.loads(file.read_text()).items():
            modules[Path(name).resolve()].add(found)
    left_out = {path.resolve() for one in _omitted(coverage) for path in Path().glob(one)}
    found = {path.resolve() for source in sources for path in Path(source).rglob("*.py")}
    every = sorted(found - left_out)
    data = coverage.get_data()
    with ProcessPoolExecutor() as pool:
        arcs = pool.map(_arcs, every, [modules[path] for path in every], chunksize=32)
        data.add_arcs({str(path): found for path, found in zip(every, arcs, strict=True)})
    data.touch_files([str(path) for path in every])
    data.write()


def main(folder: str) -> None:
    """Write the data file of the settings anew."""
    coverage = Coverage()
    coverage.erase()
    convert(Path(folder), coverage)


if __name__ == "__main__":
    main(*sys.argv[1:])
