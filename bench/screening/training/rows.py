"""Rows to train on: ``python -m bench.screening.training.rows SETS --half fit --out rows.npz``.

A row is the features of two names and whether they are one party's. Pairs come as they are; of a
screening the true party and the strangers that come nearest, as the index finds them.
"""

import argparse
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.screening.training import written
from partner_registry_matcher.features import COVERED_A, COVERED_B, WHOLE
from partner_registry_matcher.index import NameIndex, Row
from partner_registry_matcher.statistics import EMPTY, Statistics, count
from partner_registry_matcher.tables import TYPE, WORD, Kind, table
from partner_registry_matcher.words import analyse, parts_of

KINDS: dict[str, Kind] = {"person": "person", "organization": "organisation"}
_MADE = 8_000  # entities of a generated list
_STRANGERS = 4  # of each screening
_PARTS = 3  # names in one field
_RETRIEVAL = {
    "crosslist": "un_list",
    "crosslist_eu": "eu_list",
    "variants": "variants_list",
    "typed": "typed_list",
}

Features = NDArray[np.float64]
Labelled = tuple[Features, bool, str, str, int]
"""Features, whether one party, kind, category, number of the question."""


def read(path: Path, half: str | None = None) -> list[dict[str, Any]]:
    """The rows of a set, of one half or all."""
    with path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [row for row in rows if half is None or row.get("half", half) == half]


def statistics_of(entities: Iterable[dict[str, Any]]) -> Statistics:
    return count((entity["name"], KINDS[entity["kind"]]) for entity in entities)


def _nearness(features: Features) -> float:
    return float(features[COVERED_A] + features[COVERED_B] + features[WHOLE])


def pairs(rows: list[dict[str, Any]], statistics: Statistics) -> Iterator[Labelled]:
    """Labelled pairs, each way round."""
    indexes = {kind: NameIndex(kind, [], statistics) for kind in KINDS.values()}
    for number, row in enumerate(rows):
        index = indexes[KINDS[row["kind"]]]
        for a, b in ((row["a"], row["b"]), (row["b"], row["a"])):
            described = [
                index.describe(index.row(name), index.row(other))
                for name in (analyse(part, index.kind) for part in parts_of(a)[:_PARTS])
                for other in (analyse(part, index.kind) for part in parts_of(b)[:_PARTS])
                if name.words and other.words
            ]
            if described:
                best = max(described, key=_nearness)
                yield best, row["same"], row["kind"], f"{row['category']}|{row['script']}", number


def screenings(
    entities: list[dict[str, Any]], questions: list[dict[str, Any]], statistics: Statistics
) -> Iterator[Labelled]:
    """The true party of each question and its nearest strangers."""
    owners = list(dict.fromkeys(entity["id"] for entity in entities))
    place = {owner: at for at, owner in enumerate(owners)}
    indexes = {
        kind: NameIndex(
            kind,
            ((place[e["id"]], e["name"]) for e in entities if KINDS[e["kind"]] == kind),
            statistics,
        )
        for kind in KINDS.values()
    }
    for number, question in enumerate(questions):
        index = indexes[KINDS[question["kind"]]]
        text = question.get("name") or question["query"]
        name = analyse(parts_of(text)[0], index.kind)
        truth = {place[owner] for owner in question["truth"] if owner in place}
        strangers = 0
        for owner, features in _nearest(index, index.row(name)).items():
            if owner not in truth:
                strangers += 1
            if owner in truth or strangers <= _STRANGERS:
                category = question.get("category", "")
                yield features, owner in truth, question["kind"], category, number


def generic() -> list[dict[str, Any]]:
    """Questions of nothing but words that say what kind of body it is: nobody is meant."""
    types = sorted({e.canonical for e in table("organisation").entries.values() if e.klass == TYPE})
    words = sorted({e.canonical for e in table("organisation").entries.values() if e.klass == WORD})
    couples = [f"{a} {b}" for a, b in zip(types, types[7:], strict=False)]
    couples += [f"{word} {types[at % len(types)]}" for at, word in enumerate(words)]
    couples += [
        f"{a} {b} {types[at % len(types)]}"
        for at, (a, b) in enumerate(zip(words, words[11:], strict=False))
    ]
    return [
        {"name": name, "kind": "organization", "truth": [], "category": "generic"}
        for name in types + couples
    ]


def _nearest(index: NameIndex, subject: Row) -> dict[int, Features]:
    """The best name of each candidate, in the order of the candidates."""
    best: dict[int, Features] = {}
    for at in index.candidates(subject):
        features = index.describe(subject, index.listed(at))
        owner = int(index.owners[at])
        if owner not in best or _nearness(features) > _nearness(best[owner]):
            best[owner] = features
    return best


def _persons(sets: Path, half: str, written: Path) -> list[str]:
    """Names in Latin letters: of the half of the real lists, and of a generated one."""
    real = [row for name in ("un_list", "eu_list") for row in read(sets / f"{name}.jsonl", half)]
    made = read(written / "list.jsonl")[:_MADE]
    names = [row["name"] for row in real + made if row["kind"] == "person"]
    return sorted({name for name in names if name.isascii()})


def collect(
    sets: Path, half: str, generated: list[Path], names: Path | None
) -> dict[str, NDArray[Any]]:
    """All rows of a half; generated lists only fit."""
    found: list[tuple[str, Labelled]] = []
    shared = read(sets / "eu_list.jsonl")
    labelled = read(sets / "pairs.jsonl", half)
    for name, statistics in (("pairs", statistics_of(shared)), ("pairs_empty", EMPTY)):
        found += [(name, row) for row in pairs(labelled, statistics)]
    if names is not None:
        others = list(written.pairs(_persons(sets, half, names)))
        found += [("written", row) for row in pairs(others, statistics_of(shared))]
    for name, target in _RETRIEVAL.items():
        entities = read(sets / f"{target}.jsonl")
        questions = read(sets / f"{name}.jsonl", half) + generic()
        found += [(name, r) for r in screenings(entities, questions, statistics_of(entities))]
    for folder in generated:
        entities = read(folder / "list.jsonl")
        questions = read(folder / "queries.jsonl") + generic()
        rows = screenings(entities, questions, statistics_of(entities))
        found += [(f"generated_{len(entities) // 1000}", row) for row in rows]
    return {
        "features": np.array([row[0] for _, row in found], np.float32),
        "same": np.array([row[1] for _, row in found]),
        "kind": np.array([KINDS[row[2]] for _, row in found]),
        "set": np.array([name for name, _ in found]),
        "category": np.array([row[3] for _, row in found]),
        "question": np.array([row[4] for _, row in found]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path)
    parser.add_argument("--half", choices=("fit", "held"), required=True)
    parser.add_argument("--generated", type=Path, nargs="*", default=[], help="generated lists")
    parser.add_argument("--names", type=Path, help="a generated list: names to write otherwise")
    parser.add_argument("--out", type=Path, required=True)
    wanted = parser.parse_args()
    np.savez(wanted.out, **collect(wanted.sets, wanted.half, wanted.generated, wanted.names))


if __name__ == "__main__":
    main()
