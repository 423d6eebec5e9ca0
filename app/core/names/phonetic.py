"""Two coarser spellings of a folded word.

`sound` keeps the vowels roughly and makes the usual transliterations of one name equal
(Soleimani, Sulaymani; Qasim, Kasim). `skeleton` keeps consonants only, for comparing with
scripts that write no vowels, and for finding candidates.
"""

import re
from functools import lru_cache

_CONSONANTS = [
    ("dzh", "j"), ("tch", "S"), ("sch", "S"), ("tsch", "S"), ("shch", "S"), ("ch", "S"),
    ("sh", "S"), ("zh", "j"), ("dj", "j"), ("kh", "h"), ("gh", "g"), ("ph", "f"), ("th", "t"),
    ("dh", "d"), ("ck", "k"), ("q", "k"), ("c", "k"), ("x", "ks"),
]  # fmt: skip
_VOWELS = [
    ("ou", "u"), ("oo", "u"), ("ee", "i"), ("ea", "i"), ("ie", "i"), ("ey", "ay"), ("ei", "ay"),
]  # fmt: skip
_LETTERS = str.maketrans("eoyw", "iuiu")
_SOUND = dict([*_CONSONANTS, *_VOWELS])
_SOUND_PATTERN = re.compile("|".join(sorted(_SOUND, key=len, reverse=True)))
_REPEATED = re.compile(r"(.)\1+")

_SKELETON = {
    **dict(_CONSONANTS), "kh": "k", "gh": "k", "g": "k", "p": "b", "v": "f", "z": "s", "S": "s",
}  # fmt: skip
_SKELETON |= {key: "s" for key, value in _SKELETON.items() if value == "S"}
_SKELETON_PATTERN = re.compile("|".join(sorted(_SKELETON, key=len, reverse=True)))
_SOFT = re.compile(r"[aeiouyw]+")


def once(letters: str) -> str:
    """Without letters that repeat the one before them."""
    return _REPEATED.sub(_first, letters)


def _first(run: re.Match[str]) -> str:
    # Several times as fast as a template.
    return run[1]


@lru_cache(maxsize=32768)
def sound(word: str) -> str:
    """How the word is heard, vowels kept in three classes; digits stay."""
    heard = _SOUND_PATTERN.sub(lambda m: _SOUND[m.group()], word).translate(_LETTERS)
    heard = once(heard)
    return heard[:-1] if len(heard) > 3 and heard.endswith("h") else heard


@lru_cache(maxsize=32768)
def skeleton(word: str) -> str:
    """The consonants in coarse classes; may be empty."""
    bones = _SKELETON_PATTERN.sub(lambda m: _SKELETON[m.group()], word)
    bones = once(_SOFT.sub("", bones))
    return bones[:-1] if len(bones) > 1 and bones.endswith("h") else bones
