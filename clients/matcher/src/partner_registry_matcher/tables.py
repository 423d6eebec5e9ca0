"""The word tables of `words/`: which words are spellings, translations or kinds of others.

A line of a table is `canonical: form, form, …`; forms may be several words and of any script.
Everything is folded when it is read, so that it compares with what names are folded to.
"""

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Literal

from .text import fold, merge_letters

Kind = Literal["person", "organisation"]

CONTENT, PARTICLE, TITLE, TYPE, WORD, PLACE, GIVEN, NUMBER, LETTER, LEGAL = range(10)
"""What a word of a name is: its class. CONTENT tells names apart; LEGAL is taken out."""
CLASS_NAMES = (
    "content", "particle", "title", "organisation_type", "word", "place", "given_name", "number",
    "initial", "legal_form",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """What a table says of a word or phrase."""

    canonical: str
    klass: int


@dataclass(frozen=True, slots=True)
class Table:
    """Entries by their folded words; ``longest``: most words of a phrase that begins so."""

    entries: dict[str, Entry]
    longest: dict[str, int]


_ORGANISATION = (
    ("stop_words", PARTICLE),
    ("legal_forms", LEGAL),
    ("org_types", TYPE),
    ("places", PLACE),
    ("org_words", WORD),
)
_PERSON = (("given_names", GIVEN),)
_PERSON_PARTS = {"particle": PARTICLE, "title": TITLE, "suffix": TITLE}


def _lines(name: str) -> list[tuple[str, list[str]]]:
    text = resources.files(__package__).joinpath("words", f"{name}.txt").read_text("utf-8")
    found = []
    for line in text.splitlines():
        head, colon, rest = line.partition("#")[0].partition(":")
        if colon:
            found.append((head.strip(), [head, *rest.split(",")]))
    return found


def _table(groups: list[tuple[str, list[str], int]]) -> Table:
    entries: dict[str, Entry] = {}
    longest: dict[str, int] = {}
    for canonical, forms, klass in groups:
        name = fold(canonical).replace(" ", "")
        for form in forms:
            folded = " ".join(merge_letters(fold(form).split()))
            if len(folded) > 1 or (folded and klass == PARTICLE):
                entries.setdefault(folded, Entry(name, klass))
                words = folded.split()
                longest[words[0]] = max(longest.get(words[0], 1), len(words))
    return Table(entries, longest)


@lru_cache(maxsize=2)
def table(kind: Kind) -> Table:
    """The tables for names of this kind. A form that stands twice keeps its first meaning."""
    groups: list[tuple[str, list[str], int]] = []
    if kind == "organisation":
        for name, klass in _ORGANISATION:
            groups += [(head, forms, klass) for head, forms in _lines(name)]
    else:
        for head, forms in _lines("particles"):
            # The group's head is the name of the group, no word of it.
            klass = _PERSON_PARTS[head]
            groups += [(form, [form], klass) for form in forms[1:]]
        for name, klass in _PERSON:
            groups += [(head, forms, klass) for head, forms in _lines(name)]
    return _table(groups)


@lru_cache(maxsize=1)
def nicknames() -> dict[str, frozenset[str]]:
    """For each short or pet name the names it may stand for, and the other way round."""
    found: dict[str, set[str]] = {}
    for head, forms in _lines("nicknames"):
        name = fold(head)
        for form in map(fold, forms[1:]):
            found.setdefault(form, set()).add(name)
    return {nick: frozenset(names) for nick, names in found.items()}


@lru_cache(maxsize=1)
def segments() -> dict[str, str]:
    """Words written without spaces (Han, Hangul, kana), with the word they mean."""
    found: dict[str, str] = {}
    for name in ("chinese_words", "japanese_korean_words"):
        for head, forms in _lines(name):
            for form in forms[1:]:
                found.setdefault("".join(form.split()), head)
    return found


LONGEST_SEGMENT = 8
