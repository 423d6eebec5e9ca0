"""nomenklatura's logic-v2, in a virtual environment of its own and spoken to over a pipe.

The environment is made in the output folder at the first use; nothing of it is a dependency of
the project. What yente's search server would do, finding 50 candidates, is done by two rapidfuzz
scans here, which cost time but find more than the search server would.
"""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from rapidfuzz import fuzz, process

from bench.screening.engines.base import Hit, Row
from bench.screening.text import folded, tokens

PINNED = ("nomenklatura==4.17.4", "rigour==2.6.1", "followthemoney==4.11.2")
_WORKER = Path(__file__).with_name("logic_v2_worker.py")
_CANDIDATES = 50


def environment(folder: Path) -> Path:
    """The interpreter of the engine's own virtual environment, made if it is not there."""
    place = folder / "logic-v2"
    python = place / "bin" / "python"
    if not (place / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *PINNED], check=True)
        (place / "ready").touch()
    return python


class LogicV2:
    """yente's default algorithm at its default threshold."""

    name = "logic-v2"
    threshold = 0.7

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [str(environment(folder)), str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._names: defaultdict[str, list[str]] = defaultdict(list)
        self._sorted: defaultdict[str, list[str]] = defaultdict(list)
        self._ids: defaultdict[str, list[str]] = defaultdict(list)

    def _ask(self, **question: object) -> Row:
        given, answers = self._process.stdin, self._process.stdout
        assert given is not None
        assert answers is not None
        _send(given, question)
        line = answers.readline()
        if not line:
            raise RuntimeError("The process of logic-v2 has ended.")
        answer: Row = json.loads(line)
        return answer

    def score(self, a: str, b: str, kind: str) -> float:
        return float(self._ask(do="score", a=a, b=b, kind=kind)["score"])

    def build(self, entities: Sequence[Row]) -> None:
        self._ask(do="build", entities=list(entities))
        for kept in (self._names, self._sorted, self._ids):
            kept.clear()
        for row in entities:
            self._names[row["kind"]].append(folded(row["name"]))
            self._sorted[row["kind"]].append(tokens(row["name"]))
            self._ids[row["kind"]].append(row["id"])

    def query(
        self,
        name: str,
        kind: str,
        k: int,
        birth_date: str | None = None,
        countries: Sequence[str] = (),
    ) -> list[Hit]:
        answer = self._ask(
            do="query",
            name=name,
            kind=kind,
            birth_date=birth_date,
            countries=list(countries),
            candidates=self._candidates(name, kind),
            k=k,
        )
        return [(party, score) for party, score in answer["hits"]]

    def _candidates(self, name: str, kind: str) -> list[str]:
        ids, found = self._ids[kind], {}
        scans = (
            (tokens(name), self._sorted[kind], fuzz.ratio),
            (folded(name), self._names[kind], fuzz.token_set_ratio),
        )
        for asked, names, scorer in scans:
            own: dict[str, None] = {}
            for _, _, index in process.extract(asked, names, scorer=scorer, limit=3 * _CANDIDATES):
                own[ids[index]] = None
            found.update(dict.fromkeys(list(own)[: _CANDIDATES // 2]))
        return list(found)

    def memory(self) -> float | None:
        """What the worker's process holds."""
        return float(self._ask(do="memory")["mib"])

    def close(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait(timeout=20)


def _send(given: IO[str], question: dict[str, object]) -> None:
    given.write(json.dumps(question, ensure_ascii=False) + "\n")
    given.flush()
