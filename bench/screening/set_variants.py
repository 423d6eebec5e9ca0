"""Organisations under other names: invented non-governmental ones and companies, and listed ones.

Every invented organisation is a place, a name of its own and a cause (or a trade); names that
share all of what they say of these are the same, names that differ in one are strangers.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from bench.screening.parties import Party, half_of
from bench.screening.set_typed import typo
from bench.screening.text import folded, script, tokens

Row = dict[str, Any]
WORDS: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "words.yaml").read_text(encoding="utf-8")
)
_INVENTED, _LISTED, _STRANGERS, _SEED = 3_000, 2_000, 5_000, 23
_PATTERNS = {
    "en": ("{place} {generic} {cause} {type}", "{own} {type} for {cause}, {place}", "{own} {cause} {type}"),
    "fr": ("{type} {generic} {own} pour {cause} de {place}", "{type} {own} pour {cause}", "{type} de {place} pour {cause}"),
    "es": ("{type} {generic} {own} para {cause} de {place}", "{type} {own} para {cause}", "{type} de {place} para {cause}"),
    "pt": ("{type} {generic} {own} para {cause} de {place}", "{type} {own} para {cause}", "{type} de {place} para {cause}"),
    "de": ("{type} {own} für {cause} {place}", "{own} {type} für {cause}", "{generic} {type} für {cause} {place}"),
    "ar": ("{type} {own} li {cause} fi {place}", "{type} {own} {generic} li {cause}", "{type} {place} li {cause}"),
    "ru": ("{generic} {type} «{own}» {cause} {place}", "{type} {cause} «{own}»", "{type} {cause} {place}"),
    "sw": ("{type} la {cause} {place}", "{type} {generic} la {own} {cause}", "{own} {type} la {cause} {place}"),
}  # fmt: skip
_FIRMS = ("{own} {trade} {form}", "{own} {place} {trade} {form}", "{place} {trade} {form}", "{form} {own} {trade}")
_MINOR = {"for", "la", "le", "les", "pour", "de", "para", "el", "los", "las", "fi", "li", "ya", "für", "a", "o", "os", "as", "of", "the", "and", "des", "et", "y", "e"}  # fmt: skip


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
        one = _firm(rng) if rng.random() < 0.4 else _charity(rng)
        made.setdefault(one.core(), one)
    return list(made.values())


def _charity(rng: random.Random) -> Made:
    language = rng.choice([*WORDS["languages"], "en", "en", "fr", "es"])
    generic = rng.choice(WORDS["generic"][language]) if rng.random() < 0.4 else ""
    return Made(
        language=language,
        pattern=rng.choice(_PATTERNS[language]),
        own=rng.choice(WORDS["coined"]),
        place=rng.choice(WORDS["places"]),
        topic=rng.choice(list(WORDS["causes"])),
        type=rng.choice(list(WORDS["types"])),
        generic=generic,
        number=rng.randint(2, 99) if rng.random() < 0.1 else 0,
    )


def _firm(rng: random.Random) -> Made:
    family = rng.choice(("limited", "stock"))
    return Made(
        language=rng.choice(("en", "en", "en", "fr", "es", "pt", "de", "ru")),
        pattern=rng.choice(_FIRMS),
        own=rng.choice(WORDS["coined"]),
        place=rng.choice(WORDS["places"]),
        topic=rng.choice(list(WORDS["trades"])),
        type=family,
        form=rng.choice(WORDS["forms"][family]),
        firm=True,
    )


def acronym(name: str) -> str:
    """The first letters of the words that count."""
    words = [word for word in folded(name).split() if word not in _MINOR]
    return "".join(word[0] for word in words).upper()


# Variants: each gives another way to write the name, or "" where it does not apply.
def _form(made: Made, rng: random.Random) -> str:
    if made.firm:
        return replace(made, form=rng.choice(WORDS["forms"][made.type])).name(rng)
    return f"{made.name(rng)} {rng.choice(WORDS['forms']['charity'])}"


def _no_form(made: Made, rng: random.Random) -> str:
    return replace(made, form="").name(rng) if made.firm else ""


def _type_translated(made: Made, rng: random.Random) -> str:
    if made.firm:
        return ""
    own, other = WORDS["types"][made.type], rng.choice(WORDS["languages"])
    name = made.name(random.Random(1))
    for word in own[made.language]:
        if other != made.language and word in name:
            return name.replace(word, rng.choice(own[other]))
    return ""


def _translated(made: Made, rng: random.Random) -> str:
    other = rng.choice(WORDS["languages"])
    index = 0 if made.firm else _PATTERNS[made.language].index(made.pattern)
    if other == made.language or (made.firm and other not in WORDS["trades"][made.topic]):
        return ""
    if made.firm:
        return replace(made, language=other).name(rng)
    spoken = replace(made, language=other, pattern=_PATTERNS[other][index], generic="")
    return spoken.name(rng) if spoken.core() == made.core() else ""


def _acronym_added(made: Made, rng: random.Random) -> str:
    name = made.name(rng)
    short = acronym(replace(made, form="").name(rng))
    if len(short) < 3:
        return ""
    return rng.choice((f"{name} ({short})", f"{short} - {name}", f"{name} - {short}"))


def _word_order(made: Made, rng: random.Random) -> str:
    words = replace(made, form="").name(rng).replace(",", "").split()
    at = rng.randrange(1, len(words)) if len(words) > 2 else 0
    turned = " ".join([*words[at:], *words[:at]])
    return rng.choice((turned, ", ".join([" ".join(words[at:]), " ".join(words[:at])]))) if at else ""


def _dropped(made: Made, rng: random.Random) -> str:
    if made.generic:
        return replace(made, generic="").name(rng)
    words = made.name(rng).split()
    minor = [i for i, word in enumerate(words) if word.casefold() in _MINOR]
    return " ".join(word for i, word in enumerate(words) if i not in minor) if minor else ""


def _added(made: Made, rng: random.Random) -> str:
    return f"{made.name(rng)} {rng.choice(WORDS['added'])}"


def _typing(made: Made, rng: random.Random) -> str:
    return typo(made.name(rng), rng)


def _messy(made: Made, rng: random.Random) -> str:
    name = rng.choice((_form, _no_form, _dropped, _added, _acronym_added))(made, rng)
    return typo(name, rng) if name else ""


VARIANTS: dict[str, Callable[[Made, random.Random], str]] = {
    "legal_form": _form,
    "no_form": _no_form,
    "type_translated": _type_translated,
    "translated": _translated,
    "acronym_added": _acronym_added,
    "word_order": _word_order,
    "dropped": _dropped,
    "added": _added,
    "typo": _typing,
    "messy": _messy,
}


def rows(parties: Sequence[Party]) -> tuple[list[Row], list[Row]]:
    """The list searched in and the queries."""
    rng = random.Random(_SEED)
    made = invented(rng, _INVENTED)
    taken = _Taken(made)
    names = [one.name(rng) for one in made]
    target = [_entry(f"v{i}", name) for i, name in enumerate(names)]
    short: dict[str, int] = {}
    for name in names:
        short[acronym(name)] = short.get(acronym(name), 0) + 1
    asked: list[Row] = []
    for i, (one, name) in enumerate(zip(made, names, strict=True)):
        tried = rng.sample(list(VARIANTS), 4)
        spelt = [(category, VARIANTS[category](one, rng)) for category in tried]
        if len(acronym(name)) > 3 and short[acronym(name)] == 1 and rng.random() < 0.2:
            spelt.append(("acronym_alone", acronym(name)))
        asked += [_query(text, f"v{i}", [f"v{i}"], c) for c, text in spelt if text and text != name]
        for category, stranger in _strangers(one, rng):
            if not taken.by(stranger):
                asked.append(_query(stranger.name(rng), f"v{i}", [], category))
    strangers: list[Row] = []
    while len(strangers) < _STRANGERS:
        other = _firm(rng) if rng.random() < 0.4 else _charity(rng)
        if not taken.by(other):
            strangers.append(_query(other.name(rng), str(other.core()), [], "stranger"))
    asked += strangers
    real, spelt_real = _of_lists(parties, rng)
    return target + real, asked + spelt_real


def _entry(number: str, name: str) -> Row:
    return {"id": number, "kind": "organization", "name": name, "half": half_of(number)}


def _query(name: str, near: str, truth: list[str], category: str) -> Row:
    return {
        "name": name,
        "kind": "organization",
        "truth": truth,
        "category": category,
        "half": half_of(near),
        "script": script(name),
        "party": near,
    }


def _strangers(made: Made, rng: random.Random) -> list[tuple[str, Made]]:
    """Organisations that differ in one thing that counts."""
    changes: dict[str, Made] = {}
    if "{place}" in made.pattern:
        changes["other_place"] = replace(made, place=rng.choice(WORDS["places"]))
    if "{own}" in made.pattern:
        changes["other_own"] = replace(made, own=rng.choice(WORDS["coined"]))
    if made.number:
        changes["other_number"] = replace(made, number=made.number + rng.randint(1, 8))
    table = "trades" if made.firm else "causes"
    changes["other_cause"] = replace(made, topic=rng.choice(list(WORDS[table])))
    return rng.sample(sorted(changes.items(), key=lambda item: item[0]), min(2, len(changes)))


class _Taken:
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


# Organisations of the lists ------------------------------------------------------------------
_ALL_FORMS = {folded(form): family for family, all_ in WORDS["forms"].items() for form in all_}


def _of_lists(parties: Sequence[Party], rng: random.Random) -> tuple[list[Row], list[Row]]:
    """Listed organisations, some of them asked for with another legal form, order or addition."""
    lists = ("ofac_sdn", "eu_fsf", "world_bank", "ofac_cons", "ca_sema", "unsc")
    seen: set[str] = set()
    pool = []
    for party in parties:
        name = party.names[0].text
        if party.kind == "organization" and party.list in lists and script(name) == "Latn":
            words = folded(name).split()
            if 2 <= len(words) <= 9 and party.cluster not in seen and tokens(name) not in seen:
                seen.update((party.cluster, tokens(name)))
                pool.append((party, name))
    rng.shuffle(pool)
    chosen, strangers = pool[:_LISTED], pool[_LISTED:]
    target = [{**_entry(party.id, name), "half": party.half} for party, name in chosen]
    asked = []
    for party, name in chosen:
        for category, text in _respelt(name, rng):
            asked.append({**_query(text, party.id, [party.id], category), "half": party.half})
    asked += [
        {**_query(name, party.id, [], "listed_stranger"), "half": party.half}
        for party, name in strangers[:2_000]
    ]
    return target, asked


def _respelt(name: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    words = name.split()
    family = _ALL_FORMS.get(folded(words[-1]))
    if family and len(words) > 2:
        yield "listed:legal_form", " ".join([*words[:-1], rng.choice(WORDS["forms"][family])])
        yield "listed:no_form", " ".join(words[:-1]).rstrip(",")
    elif rng.random() < 0.5 and not any(folded(word) in _ALL_FORMS for word in words):
        yield "listed:form_added", f"{name} {rng.choice(WORDS['forms']['limited'][:6])}"
    if len(words) > 2 and rng.random() < 0.5:
        at = rng.randrange(1, len(words))
        yield "listed:word_order", " ".join([*words[at:], *words[:at]]).replace(",", "")
    if len(acronym(name)) > 2 and rng.random() < 0.4:
        yield "listed:acronym_added", f"{name} ({acronym(name)})"
    if rng.random() < 0.3:
        yield "listed:typo", typo(name, rng)
