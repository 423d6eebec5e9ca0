"""Ways of keeping the index: ``python -m bench.screening.structures [--names 20000 200000]``.

For each number of made-up names: built from the names at every start (what the service does), and
saved, then mapped into memory. Seconds until the first answer (compiled code lies ready) and how
much the process grew by then, each in a process of its own. What PostgreSQL's trigrams do is in
the report of `bench.screening.run`.
"""

from __future__ import annotations

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.screening.made_up import names
from partner_registry_matcher.index import NameIndex
from partner_registry_matcher.statistics import Statistics, count
from partner_registry_matcher.words import analyse

_GROUPS = ("names", "index")
_ASKED = {"person": "Amina Ivan Kadarsho", "organisation": "Hope for Kadarsho Children"}


def _rss() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def _built(count_of: int) -> list[NameIndex]:
    made = names(count_of)
    statistics = count(made)
    return [
        NameIndex(kind, ((at, n) for at, (n, k) in enumerate(made) if k == kind), statistics)
        for kind in ("person", "organisation")
    ]


def _save(indexes: list[NameIndex], folder: Path) -> None:
    for index in indexes:
        arrays = [*index.names, *index.index, *index.store.arrays, index._weights, index.owners]
        for at, array in enumerate(arrays):
            np.save(folder / f"{index.kind}.{at}.npy", array)
        rest = (index.texts, index.store.words, index.store.meanings)
        (folder / f"{index.kind}.rest").write_bytes(pickle.dumps(rest))


def _mapped(folder: Path) -> list[NameIndex]:
    """Indexes over files: only what a search touches is read."""
    nothing = Statistics({"person": 0, "organisation": 0}, {"person": {}, "organisation": {}})
    indexes = []
    for kind in _ASKED:
        index = NameIndex(kind, [], nothing)  # type: ignore[arg-type]  # the two kinds
        paths = sorted(folder.glob(f"{kind}.*.npy"), key=lambda path: int(path.name.split(".")[1]))
        arrays: list[Any] = [np.load(path, mmap_mode="r+") for path in paths]
        n, i, s = len(index.names), len(index.index), len(index.store.arrays)
        index.names = type(index.names)(*arrays[:n])
        index.index = type(index.index)(*arrays[n : n + i])
        index.store.arrays = type(index.store.arrays)(*arrays[n + i : n + i + s])
        index._weights, index.owners = arrays[-2:]
        index.texts, index.store.words, index.store.meanings = pickle.loads(
            (folder / f"{kind}.rest").read_bytes()
        )
        index.store.rows = {word: row for row, word in enumerate(index.store.words)}
        index.store.fix()
        index._place = np.full(len(index._weights), -1, np.int32)
        index._work()
        indexes.append(index)
    return indexes


def _one(way: str, count_of: int, folder: Path) -> None:
    for warm in _built(200):
        warm.search(analyse(_ASKED[warm.kind], warm.kind))
    before, began = _rss(), time.perf_counter()
    indexes = _mapped(folder) if way == "mapped" else _built(count_of)
    for index in indexes:
        index.search(analyse(_ASKED[index.kind], index.kind))
    took, grown = time.perf_counter() - began, _rss() - before
    if way == "saved":
        _save(indexes, folder)
    size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    print(json.dumps({"way": way, "seconds": took, "rss": grown, "files": size}))


def main() -> None:
    """Print the table of the decision record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", type=int, nargs="+", default=[20_000, 200_000])
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        _one(options.one[0], options.names[0], Path(options.one[1]))
        return
    print("| names | way | s until the first answer | MB more in memory | MB of files |")
    print("|---|---|---|---|---|")
    for number in options.names:
        with tempfile.TemporaryDirectory() as folder:
            for way in ("saved", "built", "mapped"):
                done = subprocess.run(
                    [
                        *(sys.executable, "-m", "bench.screening.structures"),
                        *("--names", str(number), "--one", way, folder),
                    ],
                    capture_output=True, text=True, check=True,
                )  # fmt: skip
                one = json.loads(done.stdout)
                if way != "saved":
                    files = one["files"] if way == "mapped" else 0
                    figures = f"{one['seconds']:.2f} | {one['rss']:.0f} | {files:.0f}"
                    print(f"| {number:,} | {way} | {figures} |")


if __name__ == "__main__":
    main()
