"""The registry's own matcher, `clients/matcher`.

The matcher is asked name by name here, without what the service adds: birth date, countries.
"""

import importlib
import math
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from bench.screening.engines.base import Hit, Plain, Row

_THRESHOLD = 0.5
_KINDS = {"person": "person", "organization": "organisation"}
PARTS = {
    "sound": ("by_sound",),
    "consonants": ("by_consonants",),
    "translation": ("by_translation",),
    "nicknames": ("by_nickname",),
    "initials": ("by_initial", "by_prefix"),
    "joined": ("joined",),
    "acronyms": ("acronym",),
    "numbers": ("numbers_differ", "numbers_agree"),
    "forms": ("forms_differ", "forms_agree"),
    "places": ("places_differ",),
    "types": ("types_differ",),
    "contradiction": ("contradicted", "nearest_contradicted"),
    "order": ("order", "first_met", "last_met"),
    "whole": ("whole",),
}
"""Features that can be switched off together; a feature's own name does for one alone."""


class Ours(Plain):
    """The matcher of the repository; ``without`` names a part of it that is switched off.

    Also fits the evaluator of generated lists: `build`, and `query` by name, kind and k.
    """

    threshold = _THRESHOLD

    def __init__(self, without: str = "") -> None:
        # Not a dependency of the bench: the other engines are compared without it too.
        self._index = _module("index")
        self._words = _module("words")
        self._statistics = _module("statistics")
        self._known = self._statistics.EMPTY
        self._lists: dict[str, Any] = {}
        self._owners: list[str] = []
        self.name = f"ours-without:{without}" if without else "ours"
        if without:
            _silence(PARTS.get(without, (without,)))

    def score(self, a: str, b: str, kind: str) -> float:
        ours = _KINDS[kind]
        one = self._index.NameIndex(ours, [(0, b)], self._known)
        return max((score for _, score in self._ask(one, a, kind, 1)), default=0.0)

    def build(self, entities: Sequence[Row]) -> None:
        names: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
        self._owners = list(dict.fromkeys(row["id"] for row in entities))
        number = {party: at for at, party in enumerate(self._owners)}
        for row in entities:
            names[_KINDS[row["kind"]]].append((number[row["id"]], row["name"]))
        pairs = ((row["name"], _KINDS[row["kind"]]) for row in entities)
        self._known = self._statistics.count(pairs)
        self._lists = {
            kind: self._index.NameIndex(kind, names[kind], self._known) for kind in names
        }

    def query(
        self,
        name: str,
        kind: str,
        k: int,
        birth_date: str | None = None,
        countries: Sequence[str] = (),
    ) -> list[Hit]:
        held = self._lists.get(_KINDS[kind])
        if held is None:
            return []
        return [(self._owners[owner], score) for owner, score in self._ask(held, name, kind, k)]

    def _ask(self, held: Any, name: str, kind: str, k: int) -> list[tuple[int, float]]:
        slope, offset = held.model.curve
        best: dict[int, float] = {}
        for part in self._words.parts_of(name):
            for found in held.search(self._words.analyse(part, _KINDS[kind]), k):
                owner = int(held.owners[found.name])
                score = 1 / (1 + math.exp(-(slope * found.raw + offset)))
                best[owner] = max(best.get(owner, 0.0), score)
        return sorted(best.items(), key=lambda hit: (-hit[1], hit[0]))[:k]


@lru_cache
def _module(name: str) -> Any:
    return importlib.import_module(f"partner_registry_matcher.{name}")


def _silence(features: Sequence[str]) -> None:
    """Have the model read these features as 0, "nothing of the kind", whatever they are."""
    model = _module("model")
    columns = [_module("features").FEATURES.index(one) for one in features]
    for kind in _KINDS.values():
        trees = model.model(kind).trees
        for column in columns:
            asks = trees.feature == column
            goes_left = trees.bound[asks] >= 0
            trees.bound[asks] = [math.inf if left else -math.inf for left in goes_left]
