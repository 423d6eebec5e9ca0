"""An in-memory index over names: finds candidates without scoring every name.

Words, not names, are looked up approximately: a query word meets the indexed words that sound
alike, are one edit away, share enough letters or the consonants. The names holding them are
ranked by how much of the query they could cover, and only the best are scored. Neighbouring words
are indexed joined, too.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from heapq import nlargest

from .normalise import Kind, Name, Token, analyse, make_token
from .score import Explanation, compare, similarity

# A weak alias (quality Low, an acronym) counts only when met (near) exactly.
WEAK_FLOOR = 0.97
_SCORED = 64  # names scored a query, fewer for a query of very many words
_PAIRS_SCORED = 2400
_WORDS_MET = 40  # approximate words tried a query word
_FUZZY = 4  # letters from which a word may be misspelled
_LONG = 6  # letters (as heard) from which it may hold two errors
_APPROXIMATE = 12  # query words looked up approximately; of more words, half as many
_SLACK = 0.12  # what scoring may find beyond what the lookup found


@dataclass(frozen=True, slots=True)
class IndexedName:
    """A name as listed. `owner` is the party it belongs to; one owner may have many."""

    owner: str
    name: str
    kind: Kind
    weak: bool = False


@dataclass(frozen=True, slots=True)
class NameMatch:
    """A listed name that is like the one searched."""

    owner: str
    name: str
    kind: Kind
    weak: bool
    score: float
    explanation: Explanation


class NameIndex:
    """Immutable once built; safe to share between threads and to swap as a whole."""

    def __init__(self, names: Iterable[IndexedName]) -> None:
        # Sorted and unique: the order names come in never changes an answer.
        self._names = sorted(set(names), key=lambda n: (n.owner, n.name, n.kind, n.weak))
        kinds: tuple[Kind, ...] = ("person", "organisation")
        self._sides = {
            kind: _Side(
                [(at, analyse(n.name, kind)) for at, n in enumerate(self._names) if n.kind == kind]
            )
            for kind in kinds
        }

    def __len__(self) -> int:
        return len(self._names)

    def search(
        self, name: str, kind: Kind | None, threshold: float, limit: int = 20
    ) -> list[NameMatch]:
        """Names scoring at least `threshold`, best first, at most `limit`.

        A kind restricts the search to names of that kind; None searches both. Deterministic:
        equal scores are ordered by owner and name.
        """
        found: list[NameMatch] = []
        for searched, side in self._sides.items():
            if kind not in (None, searched):
                continue
            query = analyse(name, searched)
            for at, candidate in side.candidates(query, threshold):
                value, explanation = compare(query, candidate)
                listed = self._names[at]
                if value < threshold or value <= 0 or (listed.weak and value < WEAK_FLOOR):
                    continue
                found.append(
                    NameMatch(
                        listed.owner, listed.name, listed.kind, listed.weak, value, explanation
                    )
                )
        found.sort(key=lambda m: (-m.score, m.owner, m.name))
        return found[:limit]


def _cuts(sound: str) -> set[str]:
    """The word and the word less any one letter: words one edit apart share one of these."""
    return {sound, *(sound[:i] + sound[i + 1 :] for i in range(len(sound)))}


def _triples(sound: str) -> set[str]:
    padded = f"^{sound}$"
    return {padded[i : i + 3] for i in range(len(padded) - 2)}


def _joins(name: Name, size: int) -> list[Token]:
    """Each `size` neighbouring words of a name written as one."""
    joins = []
    for start in range(len(name.tokens) - size + 1):
        run = name.tokens[start : start + size]
        text = "".join(token.text for token in run)
        if 4 <= len(text) <= 24:
            joins.append(make_token(text, name.kind, any(token.rough for token in run)))
    return joins


class _Side:
    """The index of one kind of names."""

    def __init__(self, names: list[tuple[int, Name]]) -> None:
        self._names = names
        self._words: list[Token] = []
        self._holders: list[list[int]] = []  # word -> places in self._names
        self._by_text: dict[tuple[str, bool], int] = {}
        self._by_sound: dict[str, list[int]] = defaultdict(list)
        self._by_skeleton: dict[str, list[int]] = defaultdict(list)
        self._by_cut: dict[str, list[int]] = defaultdict(list)
        self._by_triple: dict[str, list[int]] = defaultdict(list)
        for place, (_, name) in enumerate(names):
            words = [*name.tokens, *_joins(name, 2), *_joins(name, 3)]
            for token in {(token.text, token.rough): token for token in words}.values():
                self._holders[self._word(token)].append(place)

    def _word(self, token: Token) -> int:
        known = self._by_text.get((token.text, token.rough))
        if known is not None:
            return known
        at = self._by_text[token.text, token.rough] = len(self._words)
        self._words.append(token)
        self._holders.append([])
        self._by_sound[token.sound].append(at)
        if token.skeleton:
            self._by_skeleton[token.skeleton].append(at)
        if len(token.text) >= _FUZZY:
            for cut in _cuts(token.sound):
                self._by_cut[cut].append(at)
        if len(token.sound) >= _LONG:
            for triple in _triples(token.sound):
                self._by_triple[triple].append(at)
        return at

    def _like(self, token: Token, approximate: bool, single: bool) -> list[tuple[float, int]]:
        """Indexed words like `token` with their similarity, most alike first."""
        near = set(self._by_sound.get(token.sound, ()))
        if approximate:
            near.update(
                at
                for at in self._by_skeleton.get(token.skeleton, ())
                if token.rough or self._words[at].rough
            )
            near.update(self._spelled_like(token, single))
        scored = [(similarity(token, self._words[at]), at) for at in near]
        return sorted((s for s in scored if s[0]), key=lambda s: (-s[0], s[1]))

    def _spelled_like(self, token: Token, single: bool) -> set[int]:
        """Words one edit away, and of long words those sharing most triples of letters."""
        if len(token.text) < _FUZZY:
            return set()
        near = {at for cut in _cuts(token.sound) for at in self._by_cut.get(cut, ())}
        if single and len(token.sound) >= _LONG:
            shared: Counter[int] = Counter()
            for triple in _triples(token.sound):
                shared.update(self._by_triple.get(triple, ()))
            likely = [(count, -at) for at, count in shared.items() if count >= 2]
            near.update(-at for _, at in nlargest(_WORDS_MET, likely))
        return near

    def _gains(self, query: Name) -> dict[int, float]:
        """For each name met: the weight of the query it could cover."""
        gains: dict[int, float] = defaultdict(float)
        times = Counter(query.tokens)
        singles = list(times)
        most = _APPROXIMATE if len(singles) <= _APPROXIMATE else _APPROXIMATE // 2
        telling = set(sorted(singles, key=lambda t: -t.weight)[:most])
        found = [(t, self._like(t, t in telling, single=True)) for t in singles]
        if len(query.tokens) <= _APPROXIMATE:
            found += [(t, self._like(t, True, single=False)) for t in _joins(query, 2)]
            found += [(t, self._like(t, False, single=False)) for t in _joins(query, 3)]
        for token, words in found:
            met: set[int] = set()
            weight = token.weight * times.get(token, 1)
            for value, at in words:
                gain = value * weight
                for place in self._holders[at]:
                    if place not in met:
                        met.add(place)
                        gains[place] += gain
        return gains

    def candidates(self, query: Name, threshold: float) -> list[tuple[int, Name]]:
        """The names that may reach the threshold, as (place in the index, name)."""
        weight = query.weight
        ranked: list[tuple[float, int]] = []
        for place, gain in self._gains(query).items():
            other = self._names[place][1].weight
            missing = max(0.0, min(weight, other) - gain)
            if gain / (gain + 0.8 * missing) + _SLACK >= threshold:
                ranked.append((gain / (weight + other), -place))
        most = max(8, min(_SCORED, _PAIRS_SCORED // (8 * max(len(query.tokens), 1))))
        return [self._names[-place] for _, place in nlargest(most, ranked)]
