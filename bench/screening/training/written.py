"""Names of persons as others would write them, and the names of other persons that look alike.

Lists name a person by papers. Asked for are also pet names, initials, other spellings of a given
name, words written as one: made here from listed names and the matcher's own tables, so that the
model learns what each is worth. Against each stands the same change where it makes another person.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rapidfuzz import fuzz, process

from partner_registry_matcher.tables import GIVEN, nicknames, table

Row = dict[str, Any]
Change = Callable[[list[str], int, random.Random], str | None]
_WOMEN = ("ov", "ev", "in", "yn")
_FEWEST, _LONGEST = 4, 5  # letters of a word; words of a name
_A_CHANGE = 0.35  # share of the names that are taken for each change


def _said(form: str) -> bool:
    """Whether a form has its vowels: those from scripts without them do not."""
    return len(form) >= _FEWEST - 1 and sum(map("aeiouy".__contains__, form)) * 3 >= len(form)


def _spellings() -> dict[str, list[str]]:
    """The Latin spellings of each given name in the tables."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for form, entry in table("person").entries.items():
        if entry.klass == GIVEN and form.isascii() and form.isalpha() and _said(form):
            found[entry.canonical].append(form)
    return found


_SPELLINGS = _spellings()
_PETS: defaultdict[str, list[str]] = defaultdict(list)
for _pet, _names in nicknames().items():
    if _pet.isascii() and _pet.isalpha():
        for _name in _names:
            _PETS[_name].append(_pet)
_HEADS = sorted(name for name in _SPELLINGS if name.isalpha() and len(name) >= _FEWEST)


def _means(word: str) -> str:
    entry = table("person").entries.get(word.lower())
    return entry.canonical if entry and entry.klass == GIVEN else word.lower()


def _with(words: Sequence[str], at: int, word: str) -> str:
    return " ".join([*words[:at], word.title(), *words[at + 1 :]])


def _pet(words: list[str], at: int, rng: random.Random) -> str | None:
    pets = _PETS.get(_means(words[at]))
    return _with(words, at, rng.choice(pets)) if pets else None


def _other_pet(words: list[str], at: int, rng: random.Random) -> str | None:
    name = _means(words[at])
    if name not in _PETS:
        return None
    other = rng.choice([one for one in sorted(_PETS) if one != name])
    pets = [pet for pet in _PETS[other] if pet not in _PETS[name]]
    return _with(words, at, rng.choice(pets)) if pets else None


def _spelling(words: list[str], at: int, rng: random.Random) -> str | None:
    forms = [f for f in _SPELLINGS.get(_means(words[at]), ()) if f != words[at].lower()]
    return _with(words, at, rng.choice(forms)) if forms else None


def _near_name(words: list[str], at: int, rng: random.Random) -> str | None:
    """Another given name that is written nearly so ("Hassan", "Hussein")."""
    name = _means(words[at])
    if name not in _SPELLINGS:
        return None
    near = process.extract(name, _HEADS, scorer=fuzz.ratio, limit=6)
    others = [one for one, score, _ in near if one != name and score >= 50]
    return _with(words, at, rng.choice(_SPELLINGS[rng.choice(others)])) if others else None


def _initial(words: list[str], at: int, _: random.Random) -> str | None:
    return _with(words, at, f"{words[at][0]}.") if at < len(words) - 1 else None


def _other_initial(words: list[str], at: int, rng: random.Random) -> str | None:
    letters = [one for one in "abdefhiklmnrstz" if one != words[at][0].lower()]
    return _with(words, at, f"{rng.choice(letters)}.") if at < len(words) - 1 else None


def _joined(words: list[str], at: int, _: random.Random) -> str | None:
    if at + 1 >= len(words) or len(words) < 3:
        return None
    return " ".join([*words[:at], words[at] + words[at + 1].lower(), *words[at + 2 :]])


def _younger(words: list[str], _: int, rng: random.Random) -> str | None:
    return " ".join([*words, rng.choice(("Jr.", "Junior", "II", "III", "Sr."))])


def _married(words: list[str], at: int, _: random.Random) -> str | None:
    """A woman's name of the family without its ending, or with it."""
    last = words[-1].lower()
    if at != 0 or words[0][-1].lower() != "a":
        return None
    if last.endswith(_WOMEN):
        return _with(words, len(words) - 1, last + "a")
    return _with(words, len(words) - 1, last[:-1]) if last[:-1].endswith(_WOMEN) else None


def _sister(words: list[str], at: int, _: random.Random) -> str | None:
    """The name of a man as a woman's."""
    first, last = words[0].lower(), words[-1].lower()
    if at != 0 or first[-1] in "aeiou" or not last.endswith((*_WOMEN, "sky", "skiy", "ski")):
        return None
    stem = first[:-1] if first[-1] in "yj" else first
    family = last.rstrip("iy") + "aya" if "sk" in last[-4:] else last + "a"
    return " ".join([stem + ("iya" if stem != first else "a"), *words[1:-1], family]).title()


CHANGES: tuple[tuple[str, Change, Change | None], ...] = (
    ("pet_name", _pet, _other_pet),
    ("spelling", _spelling, _near_name),
    ("initial", _initial, _other_initial),
    ("joined", _joined, None),
    ("woman", _married, _sister),
)
"""What keeps the person, and what makes another one of it."""


def pairs(names: Sequence[str], seed: int = 19) -> Iterator[Row]:
    """Labelled pairs of these names of persons in Latin letters."""
    rng = random.Random(seed)
    for name in names:
        words = name.split()
        if not 2 <= len(words) <= _LONGEST or not all(w.isalpha() for w in words):
            continue
        for category, same, other in CHANGES:
            for change, is_same in ((same, True), (other, False)):
                made = _made(words, change, rng) if change else None
                if made:
                    yield _row(name, made, is_same, category)
        yield from _generations(words, rng)


def _made(words: list[str], change: Change, rng: random.Random) -> str | None:
    """The change at the first place where there is something to change."""
    if rng.random() > _A_CHANGE:
        return None
    for at in rng.sample(range(len(words)), len(words)):
        made = change(words, at, rng) if len(words[at]) >= _FEWEST - 1 else None
        if made:
            return made
    return None


def _generations(words: list[str], rng: random.Random) -> Iterator[Row]:
    if rng.random() < _A_CHANGE / 4:
        one, two = _younger(words, 0, rng), _younger(words, 0, rng)
        if one and two and one.split()[-1][0] != two.split()[-1][0]:
            yield _row(one, two, False, "generation")


def _row(a: str, b: str, same: bool, category: str) -> Row:
    return {
        "a": a, "b": b, "kind": "person", "same": same, "category": category,
        "script": "Latn/Latn",
    }  # fmt: skip
