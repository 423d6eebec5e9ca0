"""From a text as written to words in ASCII; which scripts it was written in.

The work is bounded by MAX_LENGTH whatever comes in.
"""

import re
import unicodedata
from functools import lru_cache

from anyascii import anyascii

MAX_LENGTH = 500

_SILENT = re.compile(r"['`´ʼʻʾʿ’‘ʹ״׳]")
_BREAK = re.compile(r"[^a-z0-9]+")
_AND = re.compile(r"[&＆+]")
# One letter each for what Arabic and Persian typists interchange; the article of two words.
_ARABIC = str.maketrans(
    {
        "أ": "ا",
        "إ": "ا",
        "آ": "ا",
        "ٱ": "ا",
        "ی": "ي",
        "ى": "ي",
        "ک": "ك",
        "ة": "ه",
        "ۀ": "ه",
        "ـ": "",
    }
)
_ARTICLES = ("وال", "بال", "ولل", "ال", "لل")
# Pairs of Greek letters that are one sound.
_GREEK = (("μπ", "b"), ("ντ", "d"), ("γκ", "g"), ("γγ", "ng"), ("ου", "ou"), ("τζ", "tz"))
# How the last consonant of a Korean syllable is heard.
_HANGUL_END = str.maketrans("gdb", "ktp")
# Family names whose character is read otherwise elsewhere.
_HAN_NAMES = str.maketrans({"单": "陕", "單": "陕", "曾": "增", "仇": "求", "解": "谢", "查": "扎"})
_SCRIPTS = {
    "LATIN": "Latn", "CYRILLIC": "Cyrl", "ARABIC": "Arab", "HEBREW": "Hebr", "GREEK": "Grek",
    "CJK": "Hani", "HANGUL": "Hang", "HIRAGANA": "Hira", "KATAKANA": "Kana", "ARMENIAN": "Armn",
    "GEORGIAN": "Geor", "DEVANAGARI": "Deva", "BENGALI": "Beng", "TAMIL": "Taml", "THAI": "Thai",
    "ETHIOPIC": "Ethi", "MYANMAR": "Mymr", "KHMER": "Khmr", "LAO": "Laoo", "SINHALA": "Sinh",
    "GUJARATI": "Gujr", "GURMUKHI": "Guru", "TELUGU": "Telu", "TIFINAGH": "Tfng",
}  # fmt: skip
VOWELLESS = frozenset({"Arab", "Hebr", "Tfng"})
"""Scripts that leave vowels out: only consonants can be compared."""


@lru_cache(maxsize=8192)
def script_of(char: str) -> str:
    """ISO 15924 code of a letter; "" of what is none, Zyyy of a script not in our table."""
    if not char.isalpha():
        return ""
    first = unicodedata.name(char, "").split(" ", 1)[0].split("-", 1)[0]
    return _SCRIPTS.get(first, "Zyyy")


def scripts(text: str) -> frozenset[str]:
    """The scripts of the letters of a text."""
    return frozenset(filter(None, map(script_of, text[:MAX_LENGTH])))


def clean(text: str) -> str:
    """NFKC, lower case, without diacritics and invisible characters; any script."""
    if text.isascii():
        return text[:MAX_LENGTH].lower()
    text = unicodedata.normalize("NFKC", text[:MAX_LENGTH])[:MAX_LENGTH].casefold()
    # Classes below 10 are viramas, nuktas and voicing marks: they belong to the letter.
    kept = (
        char
        for char in unicodedata.normalize("NFKD", text)
        if unicodedata.combining(char) < 10 and unicodedata.category(char) not in ("Cf", "Cs")
    )
    return unicodedata.normalize("NFKC", "".join(kept))[:MAX_LENGTH].translate(_ARABIC)


def is_syllabic(char: str) -> bool:
    """Whether a character is a syllable of its own (Han, Hangul)."""
    return "\u3400" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7a3" or char >= "\U00020000"


def bare_arabic(word: str) -> str:
    """A word in Arabic letters without article, and without the "and" or "for" before it."""
    for prefix in _ARTICLES:
        if word.startswith(prefix) and len(word) >= len(prefix) + 3:
            return word[len(prefix) :]
    return word


@lru_cache(maxsize=65536)
def latin(word: str) -> str:
    """One cleaned word in ASCII, parts divided by spaces; a syllable script's word is one part."""
    if not word.isascii():
        script = script_of(word[0])
        if script == "Grek":
            for pair, sound in _GREEK:
                word = word.replace(pair, sound)
        elif script == "Hani":
            word = word.translate(_HAN_NAMES)
        elif script == "Hang":
            # A family name that would be a single letter.
            word = word.replace("이", "yi")
        elif script == "Arab":
            # anyascii drops the alef, which keeps many words apart.
            word = bare_arabic(word).replace("ا", "a")
        word = anyascii(word)[:MAX_LENGTH].lower()
        if script == "Hang":
            word = word[:-1] + word[-1:].translate(_HANGUL_END)
    return _BREAK.sub(" ", _SILENT.sub("", word)).strip()


def split(text: str) -> list[str]:
    """The cleaned words of a text, each in its own script."""
    return _AND.sub(" and ", clean(text)).split()


def fold(text: str) -> str:
    """The searchable form: lower-case ASCII words, single spaces; "" if nothing is left."""
    return " ".join(filter(None, map(latin, split(text))))


def merge_letters(words: list[str]) -> list[str]:
    """Spelled-out abbreviations become one word: "s a r l" -> "sarl"."""
    merged: list[str] = []
    run = ""
    for word in [*words, ""]:
        if len(word) == 1 and word.isalpha():
            run += word
            continue
        if run:
            merged.append(run)
            run = ""
        if word:
            merged.append(word)
    return merged
