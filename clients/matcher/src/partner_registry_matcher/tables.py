"""The word tables: which words are spellings, translations or kinds of others.

They are written in `words/*.txt`, a group a line: `canonical: form, form, …`; forms may be several
words and of any script. Folding them takes longer than a start may, so what is read is
`tables.json`, made of them by `python -m partner_registry_matcher.tables`; a test compares both.
"""

import json
from functools import lru_cache
from importlib import resources
from typing import Any, Literal, NamedTuple

from .text import fold, merge_letters

Kind = Literal["person", "organisation"]

CONTENT, PARTICLE, TITLE, TYPE, WORD, PLACE, GIVEN, NUMBER, LETTER, LEGAL = range(10)
"""What a word of a name is: its class. CONTENT tells names apart; LEGAL is taken out."""
CLASS_NAMES = (
    "content", "particle", "title", "organisation_type", "word", "place", "given_name", "number",
    "initial", "legal_form",
)  # fmt: skip
LONGEST_SEGMENT = 8
"""Characters of the longest word of a script without spaces."""

_ORGANISATION = (
    ("stop_words", PARTICLE),
    ("legal_forms", LEGAL),
    ("org_types", TYPE),
    ("places", PLACE),
    ("org_words", WORD),
)
_PERSON_PARTS = {"particle": PARTICLE, "title": TITLE, "suffix": TITLE}


class Entry(NamedTuple):
    """What a table says of a word or phrase."""

    canonical: str
    klass: int


class Table(NamedTuple):
    """Entries by their folded words; ``longest``: most words of a phrase that begins so."""

    entries: dict[str, Entry]
    longest: dict[str, int]


@lru_cache(maxsize=1)
def _content() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("tables.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


@lru_cache(maxsize=2)
def table(kind: Kind) -> Table:
    """The tables for names of this kind."""
    entries: dict[str, Entry] = {}
    longest: dict[str, int] = {}
    for canonical, klass, forms in _content()[kind]:
        entry = Entry(canonical, klass)
        for form in forms.split(","):
            entries[form] = entry
            first, *rest = form.split(" ")
            longest[first] = max(longest.get(first, 1), 1 + len(rest))
    return Table(entries, longest)


@lru_cache(maxsize=1)
def nicknames() -> dict[str, list[str]]:
    """For each short or pet name the names it may stand for."""
    found: dict[str, list[str]] = _content()["nicknames"]
    return found


@lru_cache(maxsize=1)
def near_types() -> dict[str, list[str]]:
    """For each kind of body those that it is taken for."""
    found: dict[str, list[str]] = _content()["near_types"]
    return found


@lru_cache(maxsize=1)
def segments() -> dict[str, str]:
    """Words written without spaces (Han, Hangul, kana), with the word they mean."""
    found: dict[str, str] = _content()["segments"]
    return found


def _lines(name: str) -> list[tuple[str, list[str]]]:
    text = resources.files(__package__).joinpath("words", f"{name}.txt").read_text("utf-8")
    found = []
    for line in text.splitlines():
        head, colon, rest = line.partition("#")[0].partition(":")
        if colon:
            found.append((head.strip(), rest.split(",")))
    return found


def _folded(groups: list[tuple[str, list[str], int]]) -> list[tuple[str, int, str]]:
    """Each meaning with its class and its forms. A form that stands twice keeps its first one."""
    seen: set[str] = set()
    found: dict[tuple[str, int], list[str]] = {}
    for canonical, forms, klass in groups:
        mine = found.setdefault((fold(canonical).replace(" ", ""), klass), [])
        for form in forms:
            folded = " ".join(merge_letters(fold(form).split()))
            if folded not in seen and (len(folded) > 1 or (folded and klass == PARTICLE)):
                seen.add(folded)
                mine.append(folded)
    return [(name, klass, ",".join(forms)) for (name, klass), forms in found.items() if forms]


def fold_tables() -> dict[str, Any]:
    """The content of `tables.json`."""
    organisation: list[tuple[str, list[str], int]] = []
    for name, klass in _ORGANISATION:
        organisation += [(head, [head, *forms], klass) for head, forms in _lines(name)]
    # The heads of the parts are names of the groups, no words of them.
    parts = [(form, [form], _PERSON_PARTS[h]) for h, forms in _lines("particles") for form in forms]
    # "Second" and "No. 2" are one; of what the words of names say of them, this is read first.
    organisation = [(head, forms, NUMBER) for head, forms in _lines("numbers")] + organisation
    parts += [(head, forms, NUMBER) for head, forms in _lines("generations")]
    given = [(head, [head, *forms], GIVEN) for head, forms in _lines("given_names")]
    names = _folded(given)
    meant = {form: name for name, _, forms in names for form in forms.split(",")}
    nicks: dict[str, set[str]] = {}
    near: dict[str, set[str]] = {}
    for head, forms in _lines("near_types"):
        for form in map(fold, forms):
            near.setdefault(form, set()).add(fold(head))
    for head, forms in _lines("nicknames"):
        for form in filter(None, map(fold, forms)):
            name = meant.get(fold(head), fold(head))
            if meant.get(form) != name:
                nicks.setdefault(form, set()).add(name)
    parted: dict[str, str] = {}
    for name in ("chinese_words", "japanese_korean_words"):
        for head, forms in _lines(name):
            for form in forms:
                parted.setdefault("".join(form.split()), head)
    return {
        "organisation": _folded(organisation),
        "person": _folded(parts + given),
        "nicknames": {nick: sorted(names) for nick, names in sorted(nicks.items())},
        "near_types": {kind: sorted(others) for kind, others in sorted(near.items())},
        "segments": parted,
    }


def main() -> None:
    with resources.as_file(resources.files(__package__).joinpath("tables.json")) as path:
        path.write_text(
            json.dumps(fold_tables(), ensure_ascii=False, separators=(",", ":")), "utf-8"
        )


if __name__ == "__main__":
    main()
