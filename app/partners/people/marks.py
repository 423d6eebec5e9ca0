"""What the words of a person's name are found by. Pure: texts here, keyed hashes in `blind`.

A word gives how it is heard, its consonants, and its consonants less any one, so that one wrong
letter in one word spares the others. Two words must fit, or the whole name: a first name alone
says nothing about a person.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from app.core.names.normalise import Token, analyse, make_token
from app.core.names.phonetic import once

MADE_BY = "marks-1"
"""A change of what is made of a name gets a new name: the worker then makes all of them anew."""
_STORED = 10
_ASKED = 6
_FEW_BONES = 2
_CUT_BONES = 3
_JOINED = range(4, 25)
_ONE = "n1"
"""A name of one word: of a longer one, a single word is never enough."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Names that hold any of ``one`` and any of ``other``; only ``one`` where that is empty."""

    one: frozenset[str]
    other: frozenset[str] = frozenset()


def _words(tokens: Sequence[Token]) -> list[Token]:
    return list(dict.fromkeys(tokens))


def _telling(name: str) -> list[Token]:
    """The words that tell people apart; particles, titles and initials do not."""
    return _words([token for token in analyse(name, "person").tokens if token.content])


def _joined(words: Sequence[Token]) -> Iterator[Token]:
    """Neighbouring words written as one."""
    for a, b in pairwise(words):
        if len(a.text) + len(b.text) in _JOINED:
            yield make_token(a.text + b.text, "person", a.rough or b.rough)


def _exact(word: Token) -> frozenset[str]:
    marks = {f"h{word.sound or word.text}"}
    if len(word.skeleton) >= _FEW_BONES:
        marks.add(f"s{word.skeleton}")
    return frozenset(marks)


def _cuts(word: Token) -> frozenset[str]:
    bones = word.skeleton
    if len(bones) < _CUT_BONES:
        return frozenset()
    return frozenset({f"c{bones}", *(f"c{bones[:i]}{bones[i + 1 :]}" for i in range(len(bones)))})


def _whole(words: Sequence[Token]) -> str:
    """The same whatever the order and the spacing of the words."""
    bones = "".join(sorted(once("".join(word.skeleton for word in words))))
    return f"a{bones}" if len(bones) > _FEW_BONES else "a" + "".join(sorted(w.sound for w in words))


def stored(name: str) -> set[str]:
    """Marks of a name, to be kept with it; empty for one without letters."""
    words = _telling(name)[:_STORED]
    if not words:
        return set()
    found = {_whole(words)}
    for word in words:
        found |= _exact(word) | _cuts(word)
    for word in _joined(words):
        found |= _exact(word)
    if len(words) == 1:
        found.add(_ONE)
    return found


def asked(name: str) -> list[Ask]:
    """What to ask for to find names like this one: alternatives, of which one is enough."""
    words = _telling(name)[:_STORED]
    if not words:
        return []
    found = [Ask(frozenset({_whole(words)}))]
    if len(words) == 1:
        return [*found, Ask(_exact(words[0]) | _cuts(words[0]), frozenset({_ONE}))]
    best = sorted(words, key=lambda word: -word.weight)[:_ASKED]
    for a, b in combinations(_words([*best, *_joined(best[:_ASKED])]), 2):
        found += [Ask(_exact(a) | _cuts(a), _exact(b)), Ask(_exact(a), _exact(b) | _cuts(b))]
    return list(dict.fromkeys(found))
