"""From a name as written to its words: what each is, how it is heard, what it means."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from .tables import (
    CONTENT,
    LEGAL,
    LETTER,
    LONGEST_SEGMENT,
    NUMBER,
    PARTICLE,
    TITLE,
    Kind,
    segments,
    table,
)
from .text import VOWELLESS, is_syllabic, latin, merge_letters, script_of, split

MAX_WORDS = 14
"""Words of a name that are compared; of longer names the first that say something."""
ACRONYMS = 3
"""Ways of taking the initials of a name."""
_WIDTH = 28
_ABD = re.compile(
    r"(abd|abed)(?:[uea]l(?=[aeiou].{2})|(?:[uea]l|[uoea]r|[uea]s|[uea]n|oul)?(?=[^aeiou].{2}))"
)
_ARTICLE = re.compile(r"u[lrsnd](?=.{3})")  # of "Nurulhaq", "Fazlurrehman"
_DIN = re.compile(r"(.{3,}?)(?:[aeiou]l|[aeiou]d|ou?d)?d(?:i|ee|in|een|y)n(?:e)?$")
_ORDINAL = re.compile(r"^([0-9]+)(?:st|nd|rd|th|er|eme|ere)$")
_SEVERAL = re.compile(
    r"\s*(?:;|\b(?:a\.?k\.?a\.?|f\.?k\.?a\.?|a/k/a|f/k/a|d/b/a|alias|also known as|"
    r"formerly)\b:?)\s*",
    re.IGNORECASE,
)
_FAMILY_OF_TWO = frozenset({"欧阳", "歐陽", "司马", "司馬", "诸葛", "諸葛", "上官", "司徒", "夏侯"})
_HANGUL_FAMILY = {"이": "리"}  # dropped in the south, and written as if it were not
_SHORT_FORM = 3


class Word(NamedTuple):
    """One word: ``text`` folded, ``means`` its canonical word (itself without an entry).

    ``rough``: written without its vowels.
    """

    text: str
    means: str
    klass: int
    rough: bool = False


@dataclass(frozen=True, slots=True)
class Name:
    """A name made ready to be compared.

    ``forms``: its legal forms, taken out of the words; ``acronyms``: its initials without and with
    those of its legal forms, and of everything, its number too.
    """

    raw: str
    kind: Kind
    words: tuple[Word, ...]
    forms: frozenset[str]
    acronyms: tuple[str, ...]


def parts_of(text: str) -> list[str]:
    """The names in one field: `A; B`, `A a.k.a. B`. Never empty for a text that is not."""
    return [part for part in _SEVERAL.split(text) if part] or [text]


def _syllables(word: str, kind: Kind) -> list[str]:
    """A word without spaces in it, cut where its parts end."""
    if kind == "person":
        if len(word) <= 1 or not all(map(is_syllabic, word)):
            return [word]
        if "\uac00" <= word[0] <= "\ud7a3":
            # In Latin letters Korean names are mostly written syllable by syllable.
            return [_HANGUL_FAMILY.get(word[0], word[0]), *word[1:]]
        size = 2 if word[:2] in _FAMILY_OF_TWO and len(word) > 2 else 1
        return [word[:size], word[size:]]
    known, cut, run, at = segments(), [], "", 0
    while at < len(word):
        for size in range(min(LONGEST_SEGMENT, len(word) - at), 0, -1):
            meaning = known.get(word[at : at + size])
            if meaning and (size > 1 or not run):
                cut += [run, meaning] if run else [meaning]
                run, at = "", at + size
                break
        else:
            run += word[at]
            at += 1
    return [*cut, run] if run else cut


@lru_cache(maxsize=65536)
def _folded(word: str, kind: Kind) -> tuple[tuple[str, bool], ...]:
    """The ASCII parts of one cleaned word, each with whether its vowels are missing."""
    if word.isascii():
        return tuple((part, False) for part in latin(word).split())
    rough = script_of(next(filter(str.isalpha, word), "")) in VOWELLESS
    pieces = _syllables(word, kind) if any(map(is_syllabic, word)) else [word]
    return tuple((part, rough) for piece in pieces for part in latin(piece).split())


def _person_parts(word: str) -> list[str]:
    """Compounds that are written as one word or as two become two."""
    if word in table("person").entries:
        return [word]
    match = _ABD.match(word)
    if match and len(word) > match.end() + 1:
        return ["abd", word[match.end() :]]
    for link in _ARTICLE.finditer(word):
        if link.start() >= _SHORT_FORM and word[link.end() :] in table("person").entries:
            return [word[: link.start()], link[0], word[link.end() :]]
    match = _DIN.fullmatch(word)
    if match and len(word) > 6:
        return [match[1], "din"]
    return [word]


def _looked_up(words: list[str], rough: set[str], kind: Kind) -> list[Word]:
    """Words and phrases as the tables know them, the longest phrase first."""
    known = table(kind)
    found: list[Word] = []
    at = 0
    while at < len(words):
        longest = known.longest.get(words[at])
        if longest is None:  # most words: in no table
            found.append(_word(words[at][:_WIDTH], None, words[at] in rough))
            at += 1
            continue
        for size in range(min(longest, len(words) - at), 0, -1):
            entry = known.entries.get(" ".join(words[at : at + size]))
            if entry is not None or size == 1:
                text = "".join(words[at : at + size])[:_WIDTH]
                found.append(_word(text, entry and (entry.canonical, entry.klass), text in rough))
                at += size
                break
    return found


@lru_cache(maxsize=65536)
def _word(text: str, entry: tuple[str, int] | None, rough: bool) -> Word:
    if entry and entry[1] == NUMBER:
        return Word(entry[0], entry[0], NUMBER)
    if entry:
        return Word(text, entry[0][:_WIDTH], entry[1], rough and entry[0] == text)
    if _is_number(text):
        number = _ORDINAL.sub(r"\1", text).lstrip("0") or "0"
        return Word(number, number, NUMBER)
    return Word(text, text, LETTER if len(text) == 1 else CONTENT, rough)


def _is_number(text: str) -> bool:
    """ "12", "2nd", "A4": with a digit, and no word or acronym that ends in one."""
    return any(map(str.isdigit, text)) and (text[0].isdigit() or sum(map(str.isalpha, text)) < 3)


def _without_forms(words: list[Word]) -> tuple[list[Word], frozenset[str]]:
    """Legal forms out: short ones at either end only, for inside they may be words."""
    kept = list(words)
    forms: set[str] = set()
    for at in (-1, 0):
        while len(kept) > 1 and kept[at].klass == LEGAL:
            forms.add(kept.pop(at).means)
    inside = [w for w in kept if w.klass == LEGAL and len(w.text) > _SHORT_FORM]
    if len(inside) < len(kept):
        forms.update(w.means for w in inside)
        kept = [w for w in kept if w not in inside]
    plain = [Word(w.text, w.text, CONTENT, w.rough) if w.klass == LEGAL else w for w in kept]
    return plain, frozenset(forms)


def _initials(words: Iterable[str]) -> str:
    stop = table("organisation").entries
    found = ""
    for word in words:
        entry = stop.get(word)
        if not (entry and entry.klass == PARTICLE):
            found += word[0]
    return found


def _letters(words: Iterable[Word]) -> str:
    """Initials of what tells names apart."""
    return "".join(w.text[0] for w in words if w.klass not in (PARTICLE, NUMBER, LEGAL))


def _numbered(words: list[str]) -> str:
    """Initials with those of "No. 12", without the vowels of spelled-out legal forms."""
    found = ""
    for at, word in enumerate(words):
        if word == "no" and at + 1 < len(words) and words[at + 1].isdigit():
            found += "n"
        elif word not in ("a", "e"):
            found += _initials([word])
    return found


def _acronyms(words: list[Word], written: list[str]) -> tuple[list[Word], tuple[str, ...]]:
    """The initials of a name, and its words without an acronym of itself."""
    for at in (-1, 0):
        own = words[at].text if len(words) > 2 else ""
        if len(own) > 2:
            rest = [word for word in written if word != own]
            short = _letters(word for word in words if word.text != own)
            if own in (short, _initials(rest), _numbered(rest), "".join(w[0] for w in rest)):
                return (words[:-1] if at else words[1:]), (own, _initials(rest), "")
    return words, (_letters(words), _initials(written), _numbered(written))


def analyse(text: str, kind: Kind) -> Name:
    """Make a name ready; its words are at most MAX_WORDS."""
    words: list[str] = []
    rough: set[str] = set()
    for written in split(text):
        for part, vowelless in _folded(written, kind):
            words += _person_parts(part) if kind == "person" else [part]
            if vowelless:
                rough.add(part)
        if len(words) >= 3 * MAX_WORDS:
            break
    acronyms: tuple[str, ...] = ()
    if kind == "person":
        found, forms = _looked_up(words, rough, kind), frozenset[str]()
    else:
        found, acronyms = _acronyms(_looked_up(merge_letters(words), rough, kind), words)
        found, forms = _without_forms(found)
    if len(found) > MAX_WORDS:
        found = [w for w in found if w.klass not in (PARTICLE, TITLE)][:MAX_WORDS] or found
    return Name(text, kind, tuple(found[:MAX_WORDS]), forms, acronyms)
