"""What the bench itself knows of names: their script, and a plain folding to compare them with.

It must not borrow from the matcher that it measures.
"""

import re
import unicodedata
from collections import Counter
from functools import lru_cache

from anyascii import anyascii

_SCRIPTS = {
    "LATIN": "Latn",
    "FULLWIDTH": "Latn",
    "CYRILLIC": "Cyrl",
    "ARABIC": "Arab",
    "GREEK": "Grek",
    "HEBREW": "Hebr",
    "HANGUL": "Hang",
    "CJK": "Hani",
    "HIRAGANA": "Jpan",
    "KATAKANA": "Jpan",
    "MYANMAR": "Mymr",
    "ETHIOPIC": "Ethi",
    "DEVANAGARI": "Deva",
    "THAI": "Thai",
    "ARMENIAN": "Armn",
    "GEORGIAN": "Geor",
    "BENGALI": "Beng",
}


@lru_cache(maxsize=65_536)
def _script_of(letter: str) -> str:
    return _SCRIPTS.get(unicodedata.name(letter, "").split(" ")[0].split("-")[0], "Zyyy")


@lru_cache(maxsize=262_144)
def script(name: str) -> str:
    """The script most letters of a name are in, as ISO 15924 writes it; Zyyy for none."""
    found = Counter(_script_of(one) for one in name if one.isalpha())
    if found["Jpan"]:
        return "Jpan"
    return found.most_common(1)[0][0] if found else "Zyyy"


@lru_cache(maxsize=262_144)
def folded(name: str) -> str:
    """Small letters of the Latin alphabet and digits, words apart by one space."""
    latin = name if name.isascii() else anyascii(unicodedata.normalize("NFC", name))
    plain = unicodedata.normalize("NFKD", latin.casefold())
    return " ".join(re.findall(r"[a-z0-9]+", re.sub(r"['`\u02bc\u2019]", "", plain)))


@lru_cache(maxsize=262_144)
def tokens(name: str) -> str:
    """The folded words in alphabetical order: equal for names that differ in order alone."""
    return " ".join(sorted(folded(name).split()))
