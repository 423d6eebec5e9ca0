"""Parties ready to be asked for: who of them may be a subject, how surely and why."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from . import explain
from .features import ACRONYM, COVERED_A
from .index import Found, NameIndex
from .model import version
from .qualifiers import Party, Subject, bare, factor, findings
from .statistics import KINDS, Statistics
from .tables import Kind
from .words import Name, analyse, parts_of

ALGORITHM = version()
"""Stored with every result: a change that can change a score gets a new name."""
DEFAULT_THRESHOLD = 0.4
"""At this score a person is asked to look; chosen on the development sets (docs/screening.md)."""
_MOST_NAMES = 30  # names of a subject that are asked for
_PER_NAME = 20  # parties that a name is looked up for
_TOP = 7.0  # logits come near to this and never reach it: no score is 1
_HIGHEST = 4.5  # most that qualifiers add: what lies lower by names alone cannot become a hit


@dataclass(frozen=True)
class Hit:
    """A party that may be the subject.

    ``score``: 0 to 1, how probable it is that both are the same. ``explanation`` is JSON-able:
    `{"method", "name", "subject_name", "name_score", "weak_alias", "alignment", "contributions",
    "factors", "algorithm", "statistics"}`.
    """

    owner: str
    caption: str
    score: float
    explanation: dict[str, Any]


@dataclass(frozen=True)
class _Met:
    """The best pair of names of a subject and a party, in an index."""

    index: NameIndex
    subject: str
    listed: str
    logit: float
    weak: bool


class Matcher:
    """An index of parties. Not for two threads at a time."""

    def __init__(
        self,
        parties: Iterable[Party],
        statistics: Statistics,
        indexes: dict[Kind, NameIndex] | None = None,
    ) -> None:
        """``indexes``: of these very parties in this order, where they were made before."""
        self.parties = list(parties)
        self.statistics = statistics
        self._identifiers: dict[str, list[int]] = {}
        for at, party in enumerate(self.parties):
            for identifier in bare(party.identifiers):
                self._identifiers.setdefault(identifier, []).append(at)
        self.indexes = indexes or {
            kind: NameIndex(kind, self._names(kind), statistics) for kind in KINDS
        }

    def _names(self, kind: Kind) -> Iterable[tuple[int, str]]:
        for at, party in enumerate(self.parties):
            if kind in party.kinds:
                for name in dict.fromkeys(party.names):
                    yield at, name

    def screen(
        self, subject: Subject, threshold: float = DEFAULT_THRESHOLD, limit: int | None = None
    ) -> list[Hit]:
        """Parties that score at least ``threshold``, best first, at most ``limit``."""
        self._forget()
        floor = _logit(threshold) - _HIGHEST
        met = self._met(subject, floor)
        same = self._same(subject)
        for at in same.keys() - met.keys():
            if nearest := self._nearest(subject, self.parties[at]):
                met[at] = nearest
        hits = []
        for at in met.keys() | same.keys():
            party, shared = self.parties[at], same.get(at, set())
            hit = self._hit(subject, party, met.get(at), shared)
            if hit[0] >= threshold:
                if not _one_pair(subject, party):
                    # By the nearest of all names, not of those looked up: it is the pair's score.
                    hit = self._hit(subject, party, self._nearest(subject, party), shared)
                hits.append(hit)
        hits.sort(key=lambda hit: (-hit[0], hit[1].owner))
        return [self._explained(*hit) for hit in hits[:limit]]

    def compare(self, subject: Subject, party: Party) -> Hit:
        """How surely a subject is this party; the same score as in a screening that holds it."""
        self._forget()
        same = bare(subject.identifiers) & bare(party.identifiers)
        best = self._nearest(subject, party)
        return self._explained(*self._hit(subject, party, best, set(same)))

    def _forget(self) -> None:
        for index in self.indexes.values():
            index.forget()

    def _nearest(self, subject: Subject, party: Party) -> _Met | None:
        """The best pair of names of two parties."""
        pairs = [
            met
            for kind in party.kinds
            if subject.kind in (None, kind)
            for met in self._pairs(subject, party, self.indexes[kind])
        ]
        return max(pairs, key=lambda met: met.logit, default=None)

    def _pairs(self, subject: Subject, party: Party, index: NameIndex) -> Iterable[_Met]:
        asked = [n for n in _analysed(subject.names, index.kind) if n[1].words]
        listed = [n for n in _analysed(party.names, index.kind) if n[1].words]
        for text, name in asked:
            for other, against in listed:
                features = index.describe(index.row(name), index.row(against))
                if features[COVERED_A] or features[ACRONYM]:
                    raw = index.total(features)
                    yield self._weighed(index, text, other, raw, other in party.weak)

    def _weighed(self, index: NameIndex, text: str, listed: str, raw: float, weak: bool) -> _Met:
        slope, offset = index.model.curve
        logit = slope * raw + offset + (factor("weak_alias", "")["effect"] if weak else 0.0)
        return _Met(index, text, listed, logit, weak)

    def _met(self, subject: Subject, floor: float) -> dict[int, _Met]:
        """The best pair of names for each party found by name, from this logit on."""
        best: dict[int, _Met] = {}
        for kind in KINDS:
            if subject.kind not in (None, kind):
                continue
            index = self.indexes[kind]
            for text, name in _analysed(subject.names, kind):
                slope, offset = index.model.curve
                for found in index.search(name, _PER_NAME):
                    if slope * found.raw + offset < floor:
                        break  # the others are lower still, and a weak alias only takes away
                    at, met = self._found(index, text, found)
                    if met.logit >= floor and (at not in best or met.logit > best[at].logit):
                        best[at] = met
        return best

    def _found(self, index: NameIndex, text: str, found: Found) -> tuple[int, _Met]:
        at = int(index.owners[found.name])
        listed = index.texts[found.name]
        return at, self._weighed(index, text, listed, found.raw, listed in self.parties[at].weak)

    def _same(self, subject: Subject) -> dict[int, set[str]]:
        """Parties with an identifier of the subject's."""
        found: dict[int, set[str]] = {}
        for identifier in bare(subject.identifiers):
            for at in self._identifiers.get(identifier, ()):
                found.setdefault(at, set()).add(identifier)
        return found

    def _hit(
        self, subject: Subject, party: Party, met: _Met | None, same: set[str]
    ) -> tuple[float, Party, _Met | None, list[dict[str, Any]]]:
        factors = findings(subject, party)
        if same:
            factors.insert(0, factor("identifier_equal", f"equal: {', '.join(sorted(same))}"))
        if met is None and not same:
            return 0.0, party, None, factors
        logit = (met.logit if met else -5.0) + sum(one["effect"] for one in factors)
        return _probability(logit), party, met, factors

    def _explained(self, score: float, party: Party, met: _Met | None, factors: list[Any]) -> Hit:
        caption = party.names[0] if party.names else party.owner
        explanation: dict[str, Any] = {"method": "identifier", "name_score": 0.0}
        if met is None and not any(one["factor"] == "identifier_equal" for one in factors):
            explanation["method"] = "none"
        if met:
            explanation = {"method": ALGORITHM} | _names_explained(met)
        explanation |= {
            "weak_alias": bool(met and met.weak),
            "factors": factors,
            "algorithm": ALGORITHM,
            "statistics": self.statistics.version,
        }
        return Hit(party.owner, caption, score, explanation)


def _names_explained(met: _Met) -> dict[str, Any]:
    index = met.index
    pairs = [
        (index.row(name), index.row(other), name, other)
        for _, name in _analysed([met.subject], index.kind)
        for _, other in _analysed([met.listed], index.kind)
        if name.words and other.words
    ]
    described = [(index.describe(a, b), a, b, name, other) for a, b, name, other in pairs]
    features, a, b, name, other = max(described, key=lambda one: index.total(one[0]))
    return {
        "name": met.listed,
        "subject_name": met.subject,
        "name_score": _probability(met.logit),
        "alignment": explain.alignment(index, name, other, (a, b)),
        "contributions": explain.contributions(index, features),
    }


def _analysed(names: list[str], kind: Kind) -> list[tuple[str, Name]]:
    """Each name of a text with several, next to the text."""
    texts = list(dict.fromkeys(names))[:_MOST_NAMES]
    return [(text, analyse(part, kind)) for text in texts for part in parts_of(text)]


def _one_pair(subject: Subject, party: Party) -> bool:
    """Whether there is but one pair of names to be compared."""
    kinds = party.kinds if subject.kind is None else (subject.kind,)
    names = (*subject.names, *party.names)
    return len(kinds) == 1 and len(names) == 2 and all(len(parts_of(n)) == 1 for n in names)


def _logit(probability: float) -> float:
    probability = min(max(probability, 1e-6), 1 - 1e-6)
    return math.log(probability / (1 - probability))


def _probability(logit: float) -> float:
    """A logit as a probability that never reaches 0 or 1: ever higher evidence still ranks."""
    soft = _TOP * math.tanh(logit / _TOP) if logit > 0 else logit
    return round(1 / (1 + math.exp(-max(soft, -30.0))), 6)
