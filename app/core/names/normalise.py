"""From a name as written to comparable tokens."""

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from anyascii import anyascii

from partner_registry_matcher.text import is_syllabic, merge_letters, script_of

from . import tables
from .phonetic import skeleton, sound

Kind = Literal["person", "organisation"]

MAX_LENGTH = 500
MAX_TOKENS = 40

_SILENT = re.compile(r"['`´ʼʻʾʿ’‘ʹ]")
_BREAK = re.compile(r"[^a-z0-9]+")
_ARABIC_LETTERS = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ی": "ي", "ک": "ك"})
_ABDUL = re.compile(r"abd(?:[uea]l|[uo]r|oul)(?=.{4})")


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """One word of a name, with everything a comparison needs. Compared by identity: it is a key
    of hot caches, and `make_token` gives the same object for the same word."""

    text: str
    sound: str
    skeleton: str
    weight: float
    rough: bool  # from a script that leaves vowels out or is romanised in many ways
    numeric: bool  # holds a digit
    content: bool  # tells names apart: not a particle, a title, an initial or a generic word


@dataclass(frozen=True, slots=True)
class Name:
    """A name made ready to be compared."""

    raw: str
    kind: Kind
    tokens: tuple[Token, ...]
    joined: str
    weight: float


def _clean(text: str) -> str:
    """NFKC, lower case, without diacritics and invisible characters; any script."""
    if text.isascii():
        return text[:MAX_LENGTH].lower()
    text = unicodedata.normalize("NFKC", text[:MAX_LENGTH])[:MAX_LENGTH].casefold()
    # Classes below 10 are viramas, nuktas and voicing marks: they belong to the letter.
    kept = (
        c
        for c in unicodedata.normalize("NFKD", text)
        if unicodedata.combining(c) < 10 and unicodedata.category(c) not in ("Cf", "Cs")
    )
    return unicodedata.normalize("NFKC", "".join(kept))[:MAX_LENGTH]


@lru_cache(maxsize=16384)
def _latin(word: str) -> str:
    """One cleaned word in ASCII; syllable scripts get a space round each character."""
    if not word.isascii():
        word = "".join(f" {c} " if is_syllabic(c) else c for c in word)
        word = anyascii(word)[:MAX_LENGTH].lower()
    return _BREAK.sub(" ", _SILENT.sub("", word)).strip()


def fold(text: str) -> str:
    """The searchable form: lower-case ASCII words, single spaces; "" if nothing is left."""
    return " ".join(filter(None, map(_latin, _clean(text).split())))


def tokens(text: str) -> list[str]:
    """The words of the folded name, at most MAX_TOKENS."""
    return fold(text).split()[:MAX_TOKENS]


def _strip_forms(words: list[str]) -> list[str]:
    """Without legal forms at either end; a name that is nothing but legal form stays whole."""
    kept = words
    trimmed = True
    while trimmed and len(kept) > 1:
        trimmed = False
        for size in range(min(tables.LONGEST_FORM, len(kept) - 1), 0, -1):
            if tuple(kept[-size:]) in tables.LEGAL_FORMS:
                kept, trimmed = kept[:-size], True
                break
            if tuple(kept[:size]) in tables.LEADING_FORMS:
                kept, trimmed = kept[size:], True
                break
    # All that is left may itself be a form ("LLC Co"): then nothing was a name but the whole.
    return words if tuple(kept) in tables.LEGAL_FORMS else kept


def strip_legal_form(text: str) -> str:
    """The folded name of an organisation without its legal form."""
    return " ".join(_strip_forms(merge_letters(tokens(text))))


def _weigh(text: str, kind: Kind) -> tuple[float, bool]:
    """How much a word says, and whether it tells names apart at all."""
    if kind == "person":
        if text in tables.PARTICLES:
            return 0.1, False
        if text in tables.TITLES:
            return 0.15, False
        if text in tables.COMMON_NAMES:
            return 0.7, True
    else:
        if text in tables.STOP_WORDS:
            return 0.1, False
        if text in tables.GENERIC_WORDS:
            return 0.45, False
    if len(text) == 1:
        return 0.35, False
    return {2: 0.6, 3: 0.8}.get(len(text), 1.0 if len(text) < 8 else 1.15), True


@lru_cache(maxsize=32768)
def make_token(text: str, kind: Kind, rough: bool = False) -> Token:
    """The token of one folded word."""
    variants = tables.PERSON_VARIANTS if kind == "person" else tables.ORG_VARIANTS
    text = variants.get(text, text)
    weight, content = _weigh(text, kind)
    numeric = not text.isalpha() and any(c.isdigit() for c in text)
    return Token(text, sound(text), skeleton(text), weight, rough, numeric, content)


@lru_cache(maxsize=4096)
def _telling(token: Token) -> Token:
    return replace(token, content=True)


def _person_words(word: str) -> list[str]:
    match = _ABDUL.match(word)
    return ["abd", word[match.end() :]] if match else [word]


def _arabic(word: str) -> tuple[str, bool]:
    """A word in Arabic letters without its article; True if its vowels are still missing."""
    word = word.translate(_ARABIC_LETTERS)
    if word in tables.ARABIC_NAMES:
        return tables.ARABIC_NAMES[word], False
    if word.startswith(("ال", "لل")) and len(word) >= 5:
        word = word[2:]
        if word in tables.ARABIC_NAMES:
            return tables.ARABIC_NAMES[word], False
    return word, True


def analyse(text: str, kind: Kind) -> Name:
    """Make a name ready. Cost is bounded by MAX_LENGTH and MAX_TOKENS whatever comes in."""
    words: list[str] = []
    bare: set[str] = set()
    for word in _clean(text).split():
        found = script_of(word[0]) if not word.isascii() else ""
        rough = found in ("Hebr", "Hang")
        if found == "Arab":
            word, rough = _arabic(word)
        for part in _latin(word).split():
            words.extend(_person_words(part) if kind == "person" else [part])
            if rough:
                bare.add(part)
        if len(words) >= MAX_TOKENS:
            break
    words = words[:MAX_TOKENS]
    if kind == "organisation":
        words = _strip_forms(merge_letters(words))
    made = tuple(make_token(word, kind, word in bare) for word in words)
    if made and not any(token.content for token in made):
        made = tuple(map(_telling, made))
    return Name(text, kind, made, "".join(t.text for t in made), sum(t.weight for t in made))
