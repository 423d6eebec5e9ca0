"""Keys by which a database finds names that may be alike, without comparing every name.

A name stores few keys (`stored`); a search asks for many (`probes`). Words are met by how they are
heard, whole names by the multiset of their consonants: that is the same whatever the word order,
the spacing, the vowels and the script they were written in. A key is a 32-bit number; two
different texts may share one, which costs a comparison and nothing else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, pairwise
from zlib import crc32

from partner_registry_matcher.text import is_syllabic

from .normalise import Name, Token, analyse, fold, make_token
from .phonetic import once

_MOST_WORDS = 10
_PROBED = 6  # words a search combines; of longer names those that say most
_LONG_BONES = 4  # consonants from which a word is known without its vowels
_PARTED = 4  # telling words of which the parts are kept
_PART = 3  # letters of a part, as heard
_FEW_BONES = 2
_EDITED = range(4, 15)  # consonants of a whole name that may hold one wrong
_SAYS_NOTHING = 0.1  # weight of words like "of"
_LETTERS = "bdfjklmnrst"
_ACRONYM = range(3, 11)


@dataclass(frozen=True, slots=True)
class Probe:
    """Names that hold all of these keys; ``weight``: how much that says."""

    keys: tuple[int, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class Probes:
    """What to ask for: names that hold all keys of a probe, or any of ``near``.

    Near spellings are enumerated only where no country is known in which to look for parts of
    words: they are many.
    """

    all_of: tuple[Probe, ...]
    near: tuple[int, ...]


def _key(text: str) -> int:
    return crc32(text.encode()) - 0x8000_0000


@dataclass(frozen=True, slots=True)
class _Word:
    """What a token gives to the keys of its names."""

    key: int
    bones: str  # its consonants; "h" is heard too differently to count
    sound: str
    initial: str  # "" of a word that an acronym leaves out
    content: bool


@lru_cache(maxsize=65536)
def _word(token: Token) -> _Word:
    # Short words would all look alike without their vowels ("women", "Amani", "mina").
    long = len(token.skeleton) >= _LONG_BONES
    text = f"k{token.skeleton}" if long else f"s{token.sound or token.text}"
    bones = (token.text if token.numeric else token.skeleton).replace("h", "")
    initial = token.text[0] if token.weight > _SAYS_NOTHING else ""
    return _Word(_key(text), once(bones), token.sound, initial, token.content)


def _bones(words: Sequence[_Word]) -> str:
    """The consonants in alphabetical order: the same whatever the order and spacing of words."""
    joined = ""
    for word in words:
        piece = word.bones
        # "Nur Islam" and "Nurislam" must come to the same.
        joined += piece[1:] if piece and joined.endswith(piece[0]) else piece
    return "".join(sorted(joined))


def _whole(words: Sequence[_Word]) -> str:
    bones = _bones(words)
    return bones if len(bones) > 2 else "".join(sorted("".join([w.sound for w in words])))


def _tokens(name: Name) -> list[Token]:
    """The words that count, at most `_MOST_WORDS`."""
    tokens = [t for t in name.tokens if t.weight > _SAYS_NOTHING] or list(name.tokens)
    return list(dict.fromkeys(tokens[: 2 * _MOST_WORDS]))[:_MOST_WORDS]


def _in_syllables(name: Name) -> bool:
    return not name.raw.isascii() and any(map(is_syllabic, name.raw))


def _word_keys(name: Name, words: Sequence[_Word]) -> list[int]:
    """A key a word; pairs of neighbours where each is a syllable."""
    if len(words) > 2 and _in_syllables(name):
        texts = [t.sound for t in name.tokens]
        return [_key(f"p{a}{b}") for a, b in pairwise(texts)][:_MOST_WORDS]
    return [word.key for word in words]


def _initials(name: Name) -> str:
    return "".join([_word(t).initial for t in name.tokens])


def _shouted(raw: str) -> Iterator[str]:
    """Words of a name that are written as an acronym is."""
    if not raw.isupper():
        for word in raw.split():
            if word.isupper():
                bare = word.strip("()[]-,.;:\"'")
                if bare.isalpha() and len(bare) in _ACRONYM:
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


def _telling(words: list[_Word]) -> list[_Word]:
    return [word for word in words if word.content] or words


def _parts(words: Sequence[_Word], country: str | None) -> set[int]:
    """Beginning and end of each telling word, in its country: one wrong letter spares one of them.

    Words of few consonants are met by those as well: they are what two scripts have in common.
    """
    telling = [word for word in words if word.content][:_PARTED]
    found = set()
    for word in telling:
        if len(word.sound) >= 2 * _PART - 1 and word.sound.isalpha():
            found.add(_key(f"h{word.sound[:_PART]}@{country}"))
            found.add(_key(f"e{word.sound[-_PART:]}@{country}"))
    bones = _bones(telling)
    if len(bones) == _FEW_BONES:
        found.add(_key(f"b{bones}@{country}"))
    return found


def stored(name: str, country: str | None) -> set[int]:
    """Keys of a name of an organisation to be kept with it. Empty for a name without letters."""
    made = analyse(name, "organisation")
    words = [_word(token) for token in _tokens(made)]
    if not words:
        return set()
    found = {*_word_keys(made, words), _key(f"a{_whole(words)}")}
    found.add(_key(f"t{_whole(_telling(words))}@{country}"))
    found |= _parts(words, country)
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
    tokens = _tokens(made)
    if not tokens:
        return Probes((), ())
    words = [_word(token) for token in tokens]
    whole = _whole(words)
    keys = _word_keys(made, words)
    weights = dict(zip(keys, (t.weight for t in tokens), strict=False))
    found = [Probe((_key(f"a{whole}"),), 6.0)]
    if country:
        found.append(Probe((_key(f"t{_whole(_telling(words))}@{country}"),), 3.0))
        found += [Probe((key,), 1.0) for key in sorted(_parts(words, country))]
    initials = _initials(made)
    letters = [initials] if len(initials) in _ACRONYM else []
    if len(made.tokens) == 1 and len(made.joined) in _ACRONYM:
        letters.append(made.joined)
    for acronym in {*letters, *_shouted(name)}:
        found += [Probe((key,), 1.0) for key in acronym_keys(acronym, country)]
    found += _combined(list(dict.fromkeys(keys)), weights)
    found += [Probe((_word(token).key,), 1.5) for token in _joined(made)]
    return Probes(tuple(dict.fromkeys(found)), () if country else _edits(whole))


def search_keys(text: str) -> list[int]:
    """Keys that a name found by these words must all hold; words as heard, in any order."""
    made = analyse(text, "organisation")
    return list(dict.fromkeys(_word_keys(made, [_word(token) for token in _tokens(made)])))


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
    words = [t for t in name.tokens if t.weight > _SAYS_NOTHING]
    if len(words) <= _PROBED and not any(map(is_syllabic, name.raw)):
        for a, b in pairwise(words):
            token = make_token(a.text + b.text, "organisation", a.rough or b.rough)
            if len(token.skeleton) >= _LONG_BONES:
                yield token


def _edits(whole: str) -> tuple[int, ...]:
    """Keys of the whole names that have one consonant more, fewer, or another one."""
    if len(whole) not in _EDITED:
        return ()
    fewer = {whole[:at] + whole[at + 1 :] for at in range(len(whole))}
    more = {"".join(sorted(base + letter)) for base in (whole, *fewer) for letter in _LETTERS}
    return tuple(sorted({_key(f"a{text}") for text in fewer | more} - {_key(f"a{whole}")}))
