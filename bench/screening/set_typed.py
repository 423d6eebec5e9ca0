"""Names of UN-listed persons as somebody typed them over, with birth date and nationality."""

import random
from collections.abc import Iterator, Sequence
from typing import Any

from bench.screening.parties import Party
from bench.screening.set_crosslist import Doubt
from bench.screening.text import folded, script

Row = dict[str, Any]
_STRANGERS = 6_000
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_KEYS = {
    key: row[max(0, at - 1) : at] + row[at + 1 : at + 2]
    for row in _ROWS
    for at, key in enumerate(row)
}
"""The neighbours of a letter on a keyboard."""


def target(parties: Sequence[Party]) -> Iterator[Row]:
    """The persons of the UN list, one row a name."""
    for party in parties:
        if party.source == "unsc" and party.kind == "person":
            for name in party.names:
                yield {
                    "id": party.id,
                    "kind": party.kind,
                    "name": name.text,
                    "type": name.type,
                    "birth_dates": sorted(party.births or party.years),
                    "countries": list(party.countries),
                    "half": party.half,
                }


def queries(parties: Sequence[Party], seed: int = 11) -> Iterator[Row]:
    """Four queries a listed person, each with another fault; and strangers of other lists."""
    rng = random.Random(seed)
    listed = [one for one in parties if one.source == "unsc" and one.kind == "person"]
    for party in listed:
        names = [name for name in party.strong()[:1] if len(folded(name).split()) > 1]
        names += [
            n for n in party.strong()[1:] if len(folded(n).split()) > 2 and script(n) == "Latn"
        ]
        for category in rng.sample(list(FAULTS), 4) if names else ():
            name = names[0] if rng.random() < 0.75 else rng.choice(names)
            typed = FAULTS[category](name.title() if name.isupper() else name, rng)
            if typed and typed != name:
                yield _query(typed, party, [party.id], category, _birth(party, rng))
    yield from _strangers(parties, listed, rng)


def _strangers(parties: Sequence[Party], listed: list[Party], rng: random.Random) -> Iterator[Row]:
    known, doubt = {one.cluster for one in listed}, Doubt(listed)
    others = [
        one
        for one in parties
        if one.kind == "person" and one.source not in ("unsc", "unsc_2018")
        if one.cluster not in known and not doubt.about(one)
    ]
    rng.shuffle(others)
    countries = [country for one in listed for country in one.countries]
    for party in others[:_STRANGERS]:
        birth = _birth(party, rng) or f"{rng.randint(1945, 2001)}-{rng.randint(1, 12):02}-15"
        row = _query(party.names[0].text, party, [], "stranger", birth)
        row["countries"] = row["countries"] or [rng.choice(countries)]
        yield row


def _birth(party: Party, rng: random.Random) -> str | None:
    """The birth date as the person's papers have it; sometimes the year alone."""
    if party.births and rng.random() < 0.8:
        return rng.choice(sorted(party.births))
    return rng.choice(sorted(party.years)) if party.years else None


def _query(name: str, party: Party, truth: list[str], category: str, birth: str | None) -> Row:
    return {
        "name": name,
        "kind": "person",
        "birth_date": birth,
        "countries": list(party.countries[:2]),
        "truth": truth,
        "category": category,
        "half": party.half,
        "script": script(name),
        "list": party.source,
        "party": party.id,
    }


def typo(name: str, rng: random.Random) -> str:
    """One slip of the finger, in a word of four letters or more if there is one."""
    words = name.split()
    long = [i for i, word in enumerate(words) if len(word) > 3] or [rng.randrange(len(words))]
    i = rng.choice(long)
    words[i] = _slip(words[i], rng)
    return " ".join(words)


def _slip(word: str, rng: random.Random) -> str:
    if len(word) < 2:
        return word
    at = rng.randrange(1, len(word))
    near = rng.choice(_KEYS.get(word[at].lower(), "e"))
    return rng.choice(
        (
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + near + word[at + 1 :],
            word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :],
        )
    )


def _turned(name: str, _: random.Random) -> str:
    words = name.split()
    return " ".join([words[-1], *words[:-1]])


def _dropped(name: str, rng: random.Random) -> str:
    words = name.split()
    if len(words) < 3:
        return ""
    del words[rng.randrange(1, len(words) - 1)]
    return " ".join(words)


def _joined(name: str, rng: random.Random) -> str:
    words = name.split()
    at = rng.randrange(len(words) - 1)
    words[at : at + 2] = [words[at] + words[at + 1].lower()]
    return " ".join(words) if len(words) > 1 else ""


FAULTS = {
    "typo1": typo,
    "typo2": lambda name, rng: typo(typo(name, rng), rng),
    "turned": _turned,
    "turned_typo": lambda name, rng: typo(_turned(name, rng), rng),
    "comma": lambda name, rng: _turned(name, rng).replace(" ", ", ", 1),
    "dropped": _dropped,
    "dropped_typo": lambda name, rng: typo(name, rng) and _dropped(typo(name, rng), rng),
    "joined": _joined,
}
