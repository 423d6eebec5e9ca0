"""How a word in ASCII is heard, across spellings and ways of romanising, and its consonants."""

import re
from functools import lru_cache

# What the world's romanisations interchange becomes one letter. In one pass from the left, the
# first alternative that fits; no two patterns of a table begin with the same letters but longer
# ones stand first.
_HEARD = {
    "c": "shch|schtsch|stsch|tsch|tsj|tch|ch(?![rlv])|cs|cz",
    "s": "sch|sh|sz|sj|ss",
    "j": "dzh|dsch|dj|dg(?=e)|zh",
    "x": "kh|ch(?=[rlv])",
    "g": "gh|gu(?=[ei])|gg",
    "t": "th|tt",
    "d": "dh|dd",
    "f": "ph",
    "z": "ts|tz|zz",
    "k": "ck|cc(?=[aou])|kk|q|c(?=[aourltn]|$)",
    "ks": "x",
    "v": "w|(?<=[oe])ff?$",
    "": "(?<=[aeiouy])h(?=[^aeiouy]|$)",
    "i": "(?<=[aeiou])j(?=[^aeiou]|$)|ee|ie|iy|yi|ij|ii|y(?![aeiou])",
    "u": "ou|oo|uu",
    "e": "ay(?![aeou])|ai|ey(?![aeou])|ei|ae|ea|eu|oe",
    "y": "y",
}
_PATTERN = re.compile("|".join(f"({pattern})" for pattern in _HEARD.values()))
_LETTER = list(_HEARD)
_TWICE = re.compile(r"(.)\1+")
_OPEN = str.maketrans("", "", "aeiouywhv")
_ALIKE = str.maketrans({"c": "s", "z": "s", "x": "k", "g": "k", "d": "t", "b": "p"})


def _letter(match: re.Match[str]) -> str:
    return _LETTER[(match.lastindex or 1) - 1]


@lru_cache(maxsize=65536)
def sound(word: str) -> str:
    """A word as it is heard: equal for most spellings and romanisations of one word."""
    if not word.isalpha():
        return word
    return _TWICE.sub(r"\1", _PATTERN.sub(_letter, word)) or word


@lru_cache(maxsize=65536)
def bones(word: str) -> str:
    """The consonants of a word as heard, hard and soft ones as one: what two scripts share."""
    if not word.isalpha():
        return word
    return _TWICE.sub(r"\1", sound(word).translate(_OPEN).translate(_ALIKE))


PLAIN, PINYIN, PATRONYMIC = range(3)
"""Words that differ in few letters and are yet other names: by the shape of the word."""
_PINYIN = re.compile(
    r"(?:(?:[bpmfdtnlgkhjqxrzcsyw]|[zcs]h)?"
    r"(?:iang|iong|uang|iao|ian|ing|uai|uan|ang|eng|ong|ia|ie|iu|in|ua|uo|ui|un|ue|ai|ei|ao|ou|an"
    r"|en|er|a|o|e|i|u)){1,3}"
)
_PATRONYMIC = re.compile(r".{3,}(?:[eo]vi[ct]?c?h|[eo]vna|ich|ichna)")


def shape(word: str) -> int:
    """Whether a word may be Chinese syllables or a Russian patronymic."""
    if _PATRONYMIC.fullmatch(word):
        return PATRONYMIC
    return PINYIN if _PINYIN.fullmatch(word) else PLAIN
