"""Keys by which a database finds names that may be alike, without comparing every name.

A name stores few keys (`stored`); a search asks for many (`probes`). Words are met by how they are
heard, whole names by the multiset of their consonants: that is the same whatever the word order,
the spacing, the vowels and the script they were written in. A key is a 32-bit number; two
different texts may share one, which costs a comparison and nothing else.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise
from zlib import crc32

from .normalise import Name, Token, _is_syllabic, analyse, fold, make_token

_MOST_WORDS = 10
_PROBED = 6  # words a search combines; of longer names those that say most
_LONG_BONES = 4  # consonants from which a word is known without its vowels
_EDITED = 4  # consonants from which a whole name may hold one wrong
_LETTERS = "bdfjklmnrst"
_ACRONYM = range(3, 11)


@dataclass(frozen=True, slots=True)
class Probe:
    """Names that hold all of these keys; ``weight``: how much that says."""

    keys: tuple[int, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class Probes:
    """What to ask for: names that hold all keys of a probe, or any of ``near``."""

    all_of: tuple[Probe, ...]
    near: tuple[int, ...]


def _key(text: str) -> int:
    return crc32(text.encode()) - 0x8000_0000


@lru_cache(maxsize=32768)
def _word_text(token: Token) -> str:
    # Short words would all look alike without their vowels ("women", "Amani", "mina").
    if len(token.skeleton) >= _LONG_BONES:
        return f"k{token.skeleton}"
    return f"s{token.sound or token.text}"


@lru_cache(maxsize=32768)
def _word_key(token: Token) -> int:
    return _key(_word_text(token))


def _bones(tokens: Iterable[Token]) -> str:
    """The consonants in alphabetical order; "h" is heard too differently to count."""
    joined = "".join(t.skeleton if not t.numeric else t.text for t in tokens).replace("h", "")
    # Once over the joined text: "Nur Islam" and "Nurislam" must come to the same.
    kept = "".join(c for at, c in enumerate(joined) if at == 0 or joined[at - 1] != c)
    return "".join(sorted(kept))


def _whole(tokens: Iterable[Token]) -> str:
    tokens = tuple(tokens)
    bones = _bones(tokens)
    return bones if len(bones) > 2 else "".join(sorted("".join(t.sound for t in tokens)))


def _words(name: Name) -> list[Token]:
    """The words that count, at most `_MOST_WORDS`; pairs of neighbours where each is a syllable."""
    tokens = [t for t in name.tokens if t.weight > 0.1] or list(name.tokens)
    tokens = tokens[: 2 * _MOST_WORDS]
    return list(dict.fromkeys(tokens))[:_MOST_WORDS]


def _word_keys(name: Name, words: list[Token]) -> list[int]:
    if len(words) > 2 and not name.raw.isascii() and any(map(_is_syllabic, name.raw)):
        texts = [t.sound for t in name.tokens]
        return [_key(f"p{a}{b}") for a, b in pairwise(texts)][:_MOST_WORDS]
    return [_word_key(token) for token in words]


def _initials(name: Name) -> str:
    return "".join(t.text[0] for t in name.tokens if t.weight > 0.1)


def _shouted(raw: str) -> Iterator[str]:
    """Words of a name that are written as an acronym is."""
    if not raw.isupper():
        for word in raw.split():
            bare = word.strip("()[]-,.;:\"'")
            if bare.isupper() and bare.isalpha() and len(bare) in _ACRONYM:
                yield "".join(fold(bare).split())


def acronym_keys(acronym: str, country: str | None) -> list[int]:
    """Keys of an acronym: anywhere, and in its country, where the same one is rarer."""
    bare = fold(acronym).replace(" ", "")
    if len(bare) < 2:
        return []
    return [_key(f"i{bare}"), *([_key(f"i{bare}@{country}")] if country else [])]


def text_key(kind: str, text: str) -> int:
    """A key of something that is no name, such as a web domain."""
    return _key(f"{kind}:{text}")


def _telling(words: list[Token]) -> list[Token]:
    return [token for token in words if token.content] or words


def stored(name: str, country: str | None) -> set[int]:
    """Keys of a name of an organisation to be kept with it. Empty for a name without letters."""
    made = analyse(name, "organisation")
    words = _words(made)
    if not words:
        return set()
    found = {*_word_keys(made, words), _key(f"a{_whole(words)}")}
    found.add(_key(f"t{_whole(_telling(words))}@{country}"))
    initials = _initials(made)
    if len(initials) in _ACRONYM:
        found.update(acronym_keys(initials, country))
    if len(made.tokens) == 1 and len(made.joined) in _ACRONYM:
        found.update(acronym_keys(made.joined, country))
    for shouted in _shouted(name):
        found.update(acronym_keys(shouted, country))
    return found


def probes(name: str, country: str | None) -> Probes:
    """What to ask for to find names like this one."""
    made = analyse(name, "organisation")
    words = _words(made)
    if not words:
        return Probes((), ())
    whole = _whole(words)
    keys = _word_keys(made, words)
    weights = dict(zip(keys, (t.weight for t in words), strict=False))
    found = [Probe((_key(f"a{whole}"),), 6.0)]
    if country:
        found.append(Probe((_key(f"t{_whole(_telling(words))}@{country}"),), 3.0))
    initials = _initials(made)
    letters = [initials] if len(initials) in _ACRONYM else []
    if len(made.tokens) == 1 and len(made.joined) in _ACRONYM:
        letters.append(made.joined)
    for acronym in {*letters, *_shouted(name)}:
        found += [Probe((key,), 1.0) for key in acronym_keys(acronym, country)]
    found += _combined(list(dict.fromkeys(keys)), weights)
    found += [Probe((_word_key(token),), 1.5) for token in _joined(made)]
    return Probes(tuple(dict.fromkeys(found)), _edits(whole))


def search_keys(text: str) -> list[int]:
    """Keys that a name found by these words must all hold; words as heard, in any order."""
    made = analyse(text, "organisation")
    return list(dict.fromkeys(_word_keys(made, _words(made))))


def _combined(keys: list[int], weights: dict[int, float]) -> Iterator[Probe]:
    """All words, all but one, any two, each alone: the database drops those too common to help."""
    best = sorted(keys, key=lambda key: -weights.get(key, 1.0))[:_PROBED]
    for size in range(1, len(best) + 1):
        if size in (1, 2) or size >= len(best) - 1:
            for chosen in combinations(best, size):
                weight = sum(weights.get(key, 1.0) for key in chosen)
                yield Probe(tuple(sorted(chosen)), round(weight, 3))


def _joined(name: Name) -> Iterator[Token]:
    """Neighbouring words written as one, as somebody else may have written them."""
    words = [t for t in name.tokens if t.weight > 0.1]
    if len(words) <= _PROBED and not any(map(_is_syllabic, name.raw)):
        for a, b in pairwise(words):
            token = make_token(a.text + b.text, "organisation", a.rough or b.rough)
            if len(token.skeleton) >= _LONG_BONES:
                yield token


def _edits(whole: str) -> tuple[int, ...]:
    """Keys of the whole names that have one consonant more, fewer, or another one."""
    if len(whole) < _EDITED:
        return ()
    fewer = {whole[:at] + whole[at + 1 :] for at in range(len(whole))}
    more = {"".join(sorted(base + letter)) for base in (whole, *fewer) for letter in _LETTERS}
    return tuple(sorted({_key(f"a{text}") for text in fewer | more} - {_key(f"a{whole}")}))
