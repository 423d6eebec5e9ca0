"""How much a word says: rare words much, words that half the list carries little.

A score rests on these figures, so they are versioned and travel with the list: server, worker and
client weigh alike. They are taken from the entries that every reader of the list may see.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import Any

from .tables import LETTER, NUMBER, PARTICLE, TITLE, Kind
from .words import Word, analyse, parts_of

KINDS: tuple[Kind, Kind] = ("person", "organisation")
_PRIOR_NAMES = 3000  # what is known of words in general counts like a list of so many names
_NEVER = 0.7  # a word that no list has counts as met less than once
_LIGHT = {PARTICLE: 0.25, TITLE: 0.4, LETTER: 1.0}
_MOST_OF_NUMBER = 3.0  # nats: a number tells branches apart and says little of who they are
_KEPT = 2  # words met once weigh as words never met: they need not be kept


@dataclass(frozen=True)
class Statistics:
    """Names and, for each word, names that hold it, of each kind. ``version`` is of the content."""

    names: Mapping[Kind, int]
    words: Mapping[Kind, Mapping[str, int]]
    version: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "version", hashlib.sha256(self.dump()).hexdigest()[:16])

    def dump(self) -> bytes:
        """The same bytes for the same figures."""
        content = {
            kind: {"names": self.names[kind], "words": dict(self.words[kind])} for kind in KINDS
        }
        return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()

    def weight(self, word: Word, kind: Kind) -> float:
        """What a word says, in nats."""
        light = _LIGHT.get(word.klass)
        if light is not None:
            return light
        prior = _prior()[kind]
        count = max(self.words[kind].get(word.means, 0), 1 if word.means in prior else 0)
        general = prior.get(word.means, 0.0) * _PRIOR_NAMES
        total = self.names[kind] + _PRIOR_NAMES
        told = -math.log(max(count - 1 + general, _NEVER) / total)
        return min(told, _MOST_OF_NUMBER) if word.klass == NUMBER else told


def load(content: bytes) -> Statistics:
    """Statistics as `Statistics.dump` wrote them. ``ValueError`` for anything else."""
    try:
        found: dict[Kind, Any] = json.loads(content)
        return Statistics(
            {kind: int(found[kind]["names"]) for kind in KINDS},
            {kind: {str(w): int(n) for w, n in found[kind]["words"].items()} for kind in KINDS},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("these are no word statistics") from error


def count(names: Iterable[tuple[str, Kind]]) -> Statistics:
    """The statistics of these names."""
    total = dict.fromkeys(KINDS, 0)
    words: dict[Kind, Counter[str]] = {kind: Counter() for kind in KINDS}
    for text, kind in names:
        for part in parts_of(text):
            total[kind] += 1
            words[kind].update({word.means for word in analyse(part, kind).words})
    kept = {kind: {w: n for w, n in words[kind].items() if n >= _KEPT} for kind in KINDS}
    return Statistics(total, kept)


EMPTY = Statistics(dict.fromkeys(KINDS, 0), {kind: {} for kind in KINDS})
"""Of no list: only what is known of words in general."""


@lru_cache(maxsize=1)
def _prior() -> dict[Kind, dict[str, float]]:
    """The share of names that hold a word, of the commonest words."""
    text = resources.files(__package__).joinpath("prior.json").read_text("utf-8")
    found: dict[Kind, dict[str, float]] = json.loads(text)["words"]
    return found
