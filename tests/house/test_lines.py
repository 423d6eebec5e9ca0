"""What the probes see of a module is what coverage.py's own trace function sees of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage

from tests.house.source import ROOT
from tests.lines import convert

_SAMPLE = '''"""Each way of branching, some of them taken one way only."""
import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import json


class Shape(Protocol):
    def area(self) -> int: ...


def both(number: int) -> str:
    if number > 1:
        return "more"
    elif number == 1:
        return "one"
    return "none"


def last(number: int) -> None:
    if number:
        number += 1


def passed_by(number: int) -> int:
    if number:
        number += 1
    return number


def loops(numbers: list[int]) -> int:
    total = 0
    for number in numbers:
        if number < 0:
            continue
        if number > 5:
            break
        with suppress(ValueError):
            total += int(
                str(number),
            )
            while number > 3:
                number -= 1
    else:
        total = -1
    return sum(one for one in [total] if one)


def tries(text: str) -> int:
    for _ in range(2):
        try:
            if text:
                return int(text)
        except ValueError:
            if text == "b":
                raise
        finally:
            text = text.strip()
    return 0


def nested(deep: bool):
    @decorated
    def inner(
        number: int,
    ) -> int:
        return number if deep else -number

    return inner


def decorated(function):
    def wrapped(*arguments):
        if not arguments:
            raise TypeError
        return function(*arguments)
    return wrapped


async def pieces():
    for number in range(3):
        if number == 1:
            await asyncio.sleep(0)
            yield number


@asynccontextmanager
async def held():
    try:
        yield 1
    finally:
        await asyncio.sleep(0)


async def gather() -> list[int]:
    found = []
    async with held() as one:
        async for piece in pieces():
            while piece < 2:
                found.append(piece)
                piece += one
            if found == [7]:
                raise LookupError
        found.append(one)
    return found


def never() -> None:  # pragma: no cover  # what this module is about
    print("never")


def run() -> None:
    both(2), both(0), last(0), last(1), passed_by(0)
    loops([-1, 1, 4]), loops([9]), tries("1"), tries("a"), tries("")
    nested(True)(1)
    asyncio.run(gather())


def unused(number: int) -> int:
    if number:
        return 1
    for one in range(number):
        number += one
    return 2


def later() -> None:
    both(1)
'''
_WATCHED = """
import sys; from pathlib import Path; from tests.lines import Watch
folder = Path(sys.argv[1])
watch = Watch(folder / "seen", (str(folder / "sample"),))
sys.path.insert(0, str(folder / "sample")); import it; it.run()
watch.write(); it.later(); watch.write()
"""
_TRACED = """
import sys; from coverage import Coverage; folder = sys.argv[1]
coverage = Coverage(folder + "/traced", branch=True, source=[folder + "/sample"])
coverage.start(); sys.path.insert(0, folder + "/sample"); import it; it.run()
coverage.stop(); coverage.save()
"""


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a module that was run twice: watched, and traced."""
    folder = tmp_path_factory.mktemp("lines")
    (folder / "sample").mkdir()
    (folder / "sample" / "it.py").write_text(_SAMPLE)
    (folder / "sample" / "unused.py").write_text("def unused():\n    return 1\n")
    for script in (_WATCHED, _TRACED):
        subprocess.run([sys.executable, "-c", script, str(folder)], cwd=ROOT, check=True)
    return folder


def _report(coverage: Coverage, folder: Path) -> dict[str, dict[str, Any]]:
    coverage.json_report(outfile=str(folder / "report.json"))
    files = json.loads((folder / "report.json").read_text())["files"]
    return {Path(name).name: found for name, found in files.items()}


def test_probes_and_tracing_give_the_same_report(sample: Path) -> None:
    traced = Coverage(sample / "traced", branch=True)
    traced.load()
    watched = Coverage(sample / "watched", branch=True)
    convert(sample / "seen", watched, (str(sample / "sample"),))
    expected, found = _report(traced, sample), _report(watched, sample)
    assert found == expected
    assert found["unused.py"]["summary"]["covered_lines"] == 0
    summary = found["it.py"]["summary"]
    assert summary["covered_lines"] > 50
    # Also what is missing was compared: lines, branches, and what is left out of both.
    assert min(summary[f"missing_{kind}"] for kind in ("lines", "branches")) > 5
    assert summary["excluded_lines"] > 3


def test_what_runs_after_the_file_is_written_does_not_count(sample: Path) -> None:
    line = _SAMPLE.splitlines().index("    elif number == 1:") + 2
    watched = Coverage(sample / "early", branch=True)
    convert(sample / "seen", watched, (str(sample / "sample"),))
    assert line in _report(watched, sample)["it.py"]["missing_lines"]
