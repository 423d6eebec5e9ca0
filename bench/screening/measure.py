"""Run one engine over the sets in this process, and write its figures."""

import json
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.screening import metrics
from bench.screening.engines import Engine, Row

PAIRS = ("cases", "pairs")
RETRIEVAL = {
    "crosslist": "un_list",
    "crosslist_eu": "eu_list",
    "typed": "typed_list",
    "variants": "variants_list",
}
"""A set of queries, and the list they are asked of."""
_SHARED = "un_list"  # the list that every registry holds
_K = 5
_WARM = 20


@dataclass(frozen=True)
class Plan:
    """Where the sets are, which half of them counts, and how many rows at most."""

    folder: Path
    half: str
    sample: int | None
    seed: int = 1

    def read(self, name: str) -> list[Row]:
        """All rows of a set."""
        with (self.folder / f"{name}.jsonl").open(encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def rows(self, name: str) -> list[Row]:
        """The rows that count; where there are too many, a sample.

        Of pairs of every category the same share, so that precision stays what it is. Of queries
        one half of strangers, and of the rest as many as can be of the rare, hard categories.
        """
        rows = [row for row in self.read(name) if self.half in ("all", row["half"])]
        if self.sample is None or len(rows) <= self.sample:
            return rows
        if name in PAIRS:
            share = self.sample / len(rows)
            return self._taken(rows, lambda sizes: [round(size * share) for size in sizes])
        meant = [row for row in rows if row["truth"]]
        strangers = [row for row in rows if not row["truth"]]
        half = self.sample // 2
        return [
            row
            for group in (meant, strangers)
            for row in self._taken(group, lambda sizes: even(sizes, half))
        ]

    def _taken(self, rows: list[Row], sizes: Callable[[list[int]], list[int]]) -> list[Row]:
        groups = list(metrics.by(rows, lambda row: f"{row['category']} {row['kind']}").values())
        rng = random.Random(self.seed)
        wanted = zip(groups, sizes([len(group) for group in groups]), strict=True)
        return [row for group, size in wanted for row in rng.sample(group, size)]


def even(available: Sequence[int], total: int) -> list[int]:
    """So many of each group that none gives more than another, unless that one has no more."""
    level = next(
        (
            n
            for n in range(max(available, default=0) + 1)
            if sum(min(n, a) for a in available) >= total
        ),
        max(available, default=0),
    )
    return [min(level, one) for one in available]


def measure(engine: Engine, plan: Plan, name: str) -> metrics.Figures:
    """The figures of one engine on one set."""
    return _pairs(engine, plan, name) if name in PAIRS else _retrieval(engine, plan, name)


def _pairs(engine: Engine, plan: Plan, name: str) -> metrics.Figures:
    rows = plan.rows(name)
    engine.build(plan.read(_SHARED))  # an engine may take from it how common words are
    for row in rows[:_WARM]:
        engine.score(row["a"], row["b"], row["kind"])
    seconds = []
    for row in rows:
        started = time.perf_counter()
        row["score"] = engine.score(row["a"], row["b"], row["kind"])
        seconds.append(time.perf_counter() - started)

    def figures(group: Sequence[Row]) -> metrics.Figures:
        return metrics.judged([(row["score"], row["same"]) for row in group], engine.threshold)

    return {
        "all": figures(rows),
        "kind": _grouped(rows, lambda row: row["kind"], figures),
        "slice": _grouped(rows, _slice, figures),
        "category": _grouped(rows, lambda row: row["category"], figures),
        "script": _grouped(rows, lambda row: "/".join(sorted(row["script"].split("/"))), figures),
        "reliability": metrics.reliability([(row["score"], row["same"]) for row in rows]),
        "curve": _curve((row["score"], row["same"]) for row in rows),
        "speed": metrics.speed(seconds),
    }


def _slice(row: Row) -> str:
    a, b = row["script"].split("/")
    return f"{row['kind']} {'same script' if a == b else 'across scripts'}"


def _retrieval(engine: Engine, plan: Plan, name: str) -> metrics.Figures:
    entities, asked = plan.read(RETRIEVAL[name]), plan.rows(name)
    before, started = _resident(), time.perf_counter()
    engine.build(entities)
    built = time.perf_counter() - started
    for row in asked[:_WARM]:
        engine.query(row["name"], row["kind"], _K)
    seconds = [_ask(engine, row) for row in asked]
    hits = [hit for row in asked for hit in row["hits"]]

    def figures(group: Sequence[Row]) -> metrics.Figures:
        return metrics.retrieved(group, engine.threshold)

    return {
        "all": figures(asked),
        "kind": _grouped(asked, lambda row: row["kind"], figures),
        "category": _grouped(asked, lambda row: f"{row['kind']} {row['category']}", figures),
        "script": _grouped(asked, lambda row: row["script"], figures),
        "hard": figures([row for row in asked if row["category"] not in ("exact_tokens",)]),
        "reliability": metrics.reliability(hits),
        "curve": _curve(
            (row["found"] if row["truth"] else row["top"], bool(row["truth"])) for row in asked
        ),
        "speed": metrics.speed(seconds),
        "names": len(entities),
        "build_s": round(built, 2),
        "memory_mib": round(engine.memory() or _resident() - before, 1),
    }


def _ask(engine: Engine, row: Row) -> float:
    """Ask one query, and note in its row what came of it; the seconds it took."""
    started = time.perf_counter()
    hits = engine.query(
        row["name"], row["kind"], _K, row.get("birth_date"), row.get("countries") or ()
    )
    spent = time.perf_counter() - started
    row["top"] = hits[0][1] if hits else metrics.NOTHING
    row["rank"], row["found"] = 0, metrics.NOTHING
    for rank, (party, score) in enumerate(hits, 1):
        if party in row["truth"]:
            row["rank"], row["found"] = rank, score
            break
    false = [score for party, score in hits if party not in row["truth"]]
    row["alarms"] = sum(score >= engine.threshold for score in [row["found"], *false])
    row["hits"] = [(score, party in row["truth"]) for party, score in hits]
    return spent


def _grouped(rows: list[Row], key: Any, figures: Any) -> metrics.Figures:
    return {name: figures(group) for name, group in metrics.by(rows, key).items()}


def _curve(scores: Iterator[metrics.Judged]) -> list[tuple[float, float]]:
    held = list(scores)
    return metrics.trade_off((s for s, same in held if same), (s for s, same in held if not same))


def _resident() -> float:
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0
