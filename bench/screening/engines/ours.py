"""The registry's own matcher, `clients/matcher`, at its own default threshold."""

import importlib
import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from bench.screening.engines.base import Hit, Plain, Row

_LEAST = 0.01  # hits below the threshold are asked for too: the curves need them
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
    "relatives": ("patronymics_differ", "initials_differ", "two_words", "endings_differ",
                  "initial_refused"),
    "own": ("own_met", "own_missing_a", "own_missing_b"),
    "order": ("order", "first_met", "last_met"),
    "whole": ("whole",),
    "qualifiers": ("birth_date_equal", "birth_date_turned", "birth_year_equal", "birth_year_near",
                   "birth_year_differs", "country_shared", "country_differs"),
}  # fmt: skip
"""What can be switched off together: features of the names, or effects of what else is known. The
own name of a feature or an effect does for one alone."""


class Ours(Plain):
    """The matcher of the repository; ``without`` names a part of it that is switched off.

    Pairs are scored with the word statistics of the list last built, as a service would that holds
    it. Also fits the evaluator of generated lists: `build`, and `query` by name, kind and k.
    """

    def __init__(self, without: str = "") -> None:
        # Not a dependency of the bench: the other engines are compared without it too.
        self._package = importlib.import_module("partner_registry_matcher")
        self._matcher = self._package.Matcher([], self._package.EMPTY)
        self.threshold = float(self._package.DEFAULT_THRESHOLD)
        self.name = f"ours-without:{without}" if without else "ours"
        if without:
            _silence(PARTS.get(without, (without,)))

    def score(self, a: str, b: str, kind: str) -> float:
        subject = self._package.Subject(_KINDS[kind], [a])
        party = self._package.Party("b", (_KINDS[kind],), [b])
        return float(self._matcher.compare(subject, party).score)

    def build(self, entities: Sequence[Row]) -> None:
        rows: defaultdict[str, list[Row]] = defaultdict(list)
        for row in entities:
            rows[row["id"]].append(row)
        known = self._package.count((row["name"], _KINDS[row["kind"]]) for row in entities)
        parties = [self._party(owner, names) for owner, names in rows.items()]
        self._matcher = self._package.Matcher(parties, known)

    def _party(self, owner: str, rows: list[Row]) -> Any:
        return self._package.Party(
            owner,
            (_KINDS[rows[0]["kind"]],),
            [row["name"] for row in rows],
            weak=frozenset(row["name"] for row in rows if row.get("type") == "weak_alias"),
            countries=list(rows[0].get("countries", ())),
            birth_dates=list(rows[0].get("birth_dates", ())),
        )

    def query(
        self,
        name: str,
        kind: str,
        k: int,
        birth_date: str | None = None,
        countries: Sequence[str] = (),
    ) -> list[Hit]:
        subject = self._package.Subject(_KINDS[kind], [name], list(countries), birth_date)
        hits = self._matcher.screen(subject, threshold=_LEAST, limit=k)
        return [(hit.owner, hit.score) for hit in hits]


def _silence(parts: Sequence[str]) -> None:
    """Take these features for 0, "nothing of the kind", and these effects for none."""
    model = importlib.import_module("partner_registry_matcher.model")
    features = importlib.import_module("partner_registry_matcher.features").FEATURES
    effects = importlib.import_module("partner_registry_matcher.qualifiers").effects()
    unknown = set(parts) - set(features) - set(effects)
    if unknown:
        raise ValueError(f"The matcher has no {', '.join(sorted(unknown))}.")
    effects.update(dict.fromkeys(effects.keys() & set(parts), 0.0))
    for kind in _KINDS.values():
        trees = model.model(kind).trees
        for column in (features.index(part) for part in parts if part in features):
            asks = trees.feature == column
            goes_left = trees.bound[asks] >= 0
            trees.bound[asks] = [math.inf if left else -math.inf for left in goes_left]
