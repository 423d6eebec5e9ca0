"""How alike two names are, and why.

Words are paired whatever their order, near spellings count in part, and what is left over on
either side costs: more if both sides have something left (two different names sharing a word),
less if one name is just longer than the other.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import TypedDict

from rapidfuzz.distance import OSA

from .normalise import Kind, Name, Token, analyse, make_token


class Explanation(TypedDict):
    """Why a score is what it is; JSON-able."""

    name: str  # the candidate as listed
    method: str  # exact, same_words, similar_words, none
    matched: list[tuple[str, str, float]]  # words of the query, of the candidate, similarity
    unmatched_query: list[str]
    unmatched_candidate: list[str]


# Cost of a word left over on the side with less left over, and on the other.
_LEFT_OVER: dict[Kind, tuple[float, float]] = {"person": (0.9, 0.25), "organisation": (0.8, 0.35)}
_ONE_WORD_CAP = 0.6  # a single shared word never identifies a longer name
_GENERIC_CAP = 0.65  # neither do words like "international trading"
_INITIAL = 0.6
_SURE = 0.93
_FLOOR = 0.7  # below this two words are different words
_FARTHEST = 4  # words differing more in length are never alike: saves the comparing
_MAX_JOIN = 4

_Pair = tuple[tuple[int, ...], tuple[int, ...], float]


def _edits_allowed(length: int) -> int:
    return 0 if length <= 3 else 1 if length <= 6 else 2 if length <= 10 else 3


def _near(a: str, b: str) -> float:
    """Similarity through typing errors: an edit costs its share of the word, none below 4."""
    length = max(len(a), len(b))
    allowed = _edits_allowed(length)
    if abs(len(a) - len(b)) > allowed:
        return 0.0
    edits = OSA.distance(a, b, score_cutoff=allowed)
    if edits > allowed:
        return 0.0
    similarity = 1 - 0.9 * edits / length
    return similarity if a[:1] == b[:1] else similarity - 0.03


@lru_cache(maxsize=65536)
def similarity(a: Token, b: Token) -> float:
    """0 for different words, 1 for the same, between for likely spellings of one. Symmetric."""
    if a.text == b.text:
        return 1.0
    if len(a.text) == 1 or len(b.text) == 1:
        if a.text[:1] == b.text[:1] and a.text.isalpha() and b.text.isalpha():
            return _INITIAL
        return 0.0
    if a.numeric or b.numeric:
        return 0.0  # numbers are equal or they are not
    if not (a.rough or b.rough) and abs(len(a.text) - len(b.text)) > _FARTHEST:
        return 0.0
    best = max(_near(a.text, b.text), 0.97 * _near_sound(a, b))
    if a.rough or b.rough:
        best = max(best, _near_skeleton(a.skeleton, b.skeleton))
    return best if best >= _FLOOR else 0.0


def _near_sound(a: Token, b: Token) -> float:
    if a.sound == b.sound:
        return 1.0 if len(a.sound) > 2 else 0.85
    return _near(a.sound, b.sound)


def _near_skeleton(a: str, b: str) -> float:
    if not a or not b:
        return 0.0
    if a == b:
        return {1: 0.75, 2: 0.87}.get(len(a), 0.94)
    if min(len(a), len(b)) >= 4 and OSA.distance(a, b, score_cutoff=1) <= 1:
        return 0.78
    return 0.0


def _single_pairs(a: tuple[Token, ...], b: tuple[Token, ...]) -> list[_Pair]:
    """The best one-to-one pairs: equal words first, then the most alike."""
    pairs: list[_Pair] = []
    places: dict[str, list[int]] = {}
    for j, token in enumerate(b):
        places.setdefault(token.text, []).append(j)
    left_a: list[int] = []
    for i, token in enumerate(a):
        if places.get(token.text):
            pairs.append(((i,), (places[token.text].pop(0),), 1.0))
        else:
            left_a.append(i)
    left_b = sorted(j for spots in places.values() for j in spots)
    found = [(similarity(a[i], b[j]), i, j) for i in left_a for j in left_b]
    # The tie-break knows no sides, so that score(a, b) and score(b, a) pair alike.
    found = sorted((f for f in found if f[0]), key=lambda f: (-f[0], f[1] + f[2], abs(f[1] - f[2])))
    used_a: set[int] = set()
    used_b: set[int] = set()
    for value, i, j in found:
        if i not in used_a and j not in used_b:
            used_a.add(i)
            used_b.add(j)
            pairs.append(((i,), (j,), value))
    return pairs


def _runs(free: list[int]) -> Iterator[tuple[int, ...]]:
    """Neighbouring free words, two to four at a time, longest first."""
    have = set(free)
    for size in range(_MAX_JOIN, 1, -1):
        for start in free:
            run = tuple(range(start, start + size))
            if have.issuperset(run):
                yield run


def _join(
    many: tuple[Token, ...], one: tuple[Token, ...], free_many: list[int], free_one: list[int]
) -> tuple[tuple[int, ...], int, float] | None:
    """A run of words on one side that is written as one word on the other."""
    lengths = [len(token.text) for token in many]
    ones = [(j, len(one[j].text), one[j].rough) for j in free_one if len(one[j].text) >= 4]
    for run in _runs(free_many):
        length = sum(lengths[i] for i in run)
        rough = any(many[i].rough for i in run)
        fitting = [j for j, n, bare in ones if rough or bare or abs(length - n) <= _FARTHEST]
        if length < 4 or not fitting:
            continue
        token = make_token("".join(many[i].text for i in run), "person", rough)
        for j in fitting:
            value = similarity(token, one[j])
            if value >= 0.8:
                return run, j, value * 0.98
    return None


def _joined_pairs(a: Name, b: Name, pairs: list[_Pair]) -> None:
    """Add pairs of the kind "Abd Rahman" = "Abdrahman" among what is still free."""
    for swap in (False, True):
        many, one = (b, a) if swap else (a, b)
        while True:
            free_a, free_b = _free(a, b, pairs)
            free_many, free_one = (free_b, free_a) if swap else (free_a, free_b)
            if len(free_many) < 2 or not free_one:
                break
            join = _join(many.tokens, one.tokens, free_many, free_one)
            if join is None:
                break
            run, j, value = join
            pairs.append(((j,), run, value) if swap else (run, (j,), value))


def _free(a: Name, b: Name, pairs: list[_Pair]) -> tuple[list[int], list[int]]:
    """The places of the words no pair holds, on either side."""
    used_a = {i for left, _, _ in pairs for i in left}
    used_b = {j for _, right, _ in pairs for j in right}
    return (
        [i for i in range(len(a.tokens)) if i not in used_a],
        [j for j in range(len(b.tokens)) if j not in used_b],
    )


def _cap(a: Name, b: Name, pairs: list[_Pair]) -> float:
    """The most this match may score: what it rests on may be too thin."""
    solid = 0
    for left, right, _ in pairs:
        telling_a = sum(a.tokens[i].content for i in left)
        telling_b = sum(b.tokens[j].content for j in right)
        solid += max(telling_a, telling_b) if telling_a and telling_b else 0
    if solid == 0:
        return _GENERIC_CAP
    free_a, free_b = _free(a, b, pairs)
    missing = any(a.tokens[i].content for i in free_a) or any(b.tokens[j].content for j in free_b)
    return _ONE_WORD_CAP if solid == 1 and missing else 1.0


def compare(a: Name, b: Name) -> tuple[float, Explanation]:
    """The score of two analysed names, rounded to four places; symmetric."""
    if not a.tokens or not b.tokens:
        same = bool(a.raw.strip()) and a.raw.strip() == b.raw.strip()
        return (1.0 if same else 0.0), _explain(a, b, [], "exact" if same else "none")
    if a.joined == b.joined:
        everything: list[_Pair]
        if len(a.tokens) == len(b.tokens):
            everything = [((i,), (i,), 1.0) for i in range(len(a.tokens))]
        else:
            everything = [(tuple(range(len(a.tokens))), tuple(range(len(b.tokens))), 1.0)]
        return 1.0, _explain(a, b, everything, "exact")
    pairs = _single_pairs(a.tokens, b.tokens)
    _joined_pairs(a, b, pairs)
    if not pairs:
        return 0.0, _explain(a, b, pairs, "none")
    base = reached = 0.0
    free_a, free_b = a.weight, b.weight
    for left, right, value in pairs:
        weight_a = sum(a.tokens[i].weight for i in left)
        weight_b = sum(b.tokens[j].weight for j in right)
        free_a -= weight_a
        free_b -= weight_b
        base += (weight_a + weight_b) / 2
        reached += value * (weight_a + weight_b) / 2
    less, more = sorted((max(free_a, 0.0), max(free_b, 0.0)))
    cost_less, cost_more = _LEFT_OVER[a.kind]
    value = reached / (base + cost_less * less + cost_more * more)
    # Short names have no room for a likeness: nearly all words must be equal.
    if min(len(a.joined), len(b.joined)) <= 5:
        value *= value
    # A likeness resting on no word that is (nearly) the same.
    if len(pairs) <= 2 and all(v < _SURE for *_, v in pairs):
        value -= 0.05
    value = max(0.0, min(value, _cap(a, b, pairs)))
    # Only names equal in order and letters reach 1: a reviewer sees the exact ones first.
    same_words = all(v == 1.0 for *_, v in pairs) and less + more < 1e-9
    value = 0.99 if same_words else min(value, 0.985)
    return round(value, 4), _explain(a, b, pairs, "same_words" if same_words else "similar_words")


def _explain(a: Name, b: Name, pairs: list[_Pair], method: str) -> Explanation:
    free_a, free_b = _free(a, b, pairs)
    return {
        "name": b.raw,
        "method": method,
        "matched": [
            (
                " ".join(a.tokens[i].text for i in left),
                " ".join(b.tokens[j].text for j in right),
                round(value, 3),
            )
            for left, right, value in sorted(pairs)
        ],
        "unmatched_query": [a.tokens[i].text for i in free_a],
        "unmatched_candidate": [b.tokens[j].text for j in free_b],
    }


def score(query: str, candidate: str, kind: Kind) -> tuple[float, Explanation]:
    """How likely two written names are of one party: 0 to 1, and why.

    Same words in another order score 0.99, everything less than that lower; 1 is for names
    that fold to the same letters. Never raises, whatever the text.
    """
    return compare(analyse(query, kind), analyse(candidate, kind))
