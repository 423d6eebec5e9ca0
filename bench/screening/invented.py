"""Invented organisations: what they are, and how they write their names.

Every one is a place, a name of its own and a cause (or a trade); names that share all of what
they say of these are the same, names that differ in one are strangers.
"""

import random
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.screening.text import folded

WORDS: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "words.yaml").read_text(encoding="utf-8")
)


@dataclass(frozen=True)
class Made:
    """An invented organisation: what it is, and how it writes its name."""

    language: str
    pattern: str
    own: str
    place: str
    topic: str  # a cause, or a trade of a company
    type: str  # of an organisation, or the family of a company's legal form
    generic: str = ""
    form: str = ""
    firm: bool = False
    number: int = 0

    def core(self) -> tuple[str, str, str, int]:
        """What makes it another organisation, as far as its name says it."""
        own = self.own if "{own}" in self.pattern else ""
        place = self.place if "{place}" in self.pattern else ""
        return (own, place, self.topic, self.number)

    def name(self, rng: random.Random) -> str:
        """The name, with any of the spellings its words have."""
        table = WORDS["trades" if self.firm else "causes"][self.topic]
        kind = "" if self.firm else rng.choice(WORDS["types"][self.type][self.language])
        topic = rng.choice(table.get(self.language) or table["en"])
        text = self.pattern.format(
            own=self.own, place=self.place, cause=topic, trade=topic,
            type=kind, generic=self.generic, form=self.form,
        )  # fmt: skip
        if self.number:
            text += f" {self.number}"
        return " ".join(text.split())


def invented(rng: random.Random, count: int) -> list[Made]:
    """So many organisations of which none could be taken for another."""
    made: dict[tuple[str, str, str, int], Made] = {}
    while len(made) < count:
        one = firm(rng) if rng.random() < 0.4 else charity(rng)
        made.setdefault(one.core(), one)
    return list(made.values())


def charity(rng: random.Random) -> Made:
    """A non-governmental organisation."""
    language = rng.choice([*WORDS["languages"], "en", "en", "fr", "es"])
    generic = rng.choice(WORDS["generic"][language]) if rng.random() < 0.4 else ""
    return Made(
        language=language,
        pattern=rng.choice(WORDS["patterns"][language]),
        own=rng.choice(WORDS["coined"]),
        place=rng.choice(WORDS["places"]),
        topic=rng.choice(list(WORDS["causes"])),
        type=rng.choice(list(WORDS["types"])),
        generic=generic,
        number=rng.randint(2, 99) if rng.random() < 0.1 else 0,
    )


def firm(rng: random.Random) -> Made:
    """A company."""
    family = rng.choice(("limited", "stock"))
    return Made(
        language=rng.choice(("en", "en", "en", "fr", "es", "pt", "de", "ru")),
        pattern=rng.choice(WORDS["firms"]),
        own=rng.choice(WORDS["coined"]),
        place=rng.choice(WORDS["places"]),
        topic=rng.choice(list(WORDS["trades"])),
        type=family,
        form=rng.choice(WORDS["forms"][family]),
        firm=True,
    )


def acronym(name: str) -> str:
    """The first letters of the words that count."""
    words = [word for word in folded(name).split() if word not in WORDS["minor"]]
    return "".join(word[0] for word in words).upper()


class Taken:
    """Whether one of the targets could be meant: all that both names say agrees."""

    def __init__(self, targets: list[Made]) -> None:
        self.cores: defaultdict[tuple[str, int], list[tuple[str, str]]] = defaultdict(list)
        self.plain: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
        for own, place, topic, number in (one.core() for one in targets):
            for asked in {number, 0}:  # who leaves the number out may mean any
                self.cores[topic, asked].append((own, place))
            if not number:
                self.plain[topic].append((own, place))

    def by(self, made: Made) -> bool:
        own, place, topic, number = made.core()
        near = self.cores[topic, number] + (self.plain[topic] if number else [])
        return any(
            ((own and own == other) or (place and place == there))
            and (not own or not other or own == other)
            and (not there or not place or there == place)
            for other, there in near
        )
