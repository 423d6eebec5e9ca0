"""Organisations under other names: invented ones and companies, and listed ones."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from bench.screening.invented import WORDS, Made, Taken, acronym, charity, firm, invented
from bench.screening.parties import Party, half_of
from bench.screening.set_typed import typo
from bench.screening.text import folded, script, tokens

Row = dict[str, Any]
_INVENTED, _LISTED, _STRANGERS, _SEED = 3_000, 2_000, 5_000, 23


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
    index = 0 if made.firm else WORDS["patterns"][made.language].index(made.pattern)
    if other == made.language or (made.firm and other not in WORDS["trades"][made.topic]):
        return ""
    if made.firm:
        return replace(made, language=other).name(rng)
    spoken = replace(made, language=other, pattern=WORDS["patterns"][other][index], generic="")
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
    return (
        rng.choice((turned, ", ".join([" ".join(words[at:]), " ".join(words[:at])]))) if at else ""
    )


def _dropped(made: Made, rng: random.Random) -> str:
    if made.generic:
        return replace(made, generic="").name(rng)
    words = made.name(rng).split()
    minor = [i for i, word in enumerate(words) if folded(word) in WORDS["minor"]]
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
    taken = Taken(made)
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
        other = firm(rng) if rng.random() < 0.4 else charity(rng)
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


# Organisations of the lists ------------------------------------------------------------------
_ALL_FORMS = {folded(form): family for family, all_ in WORDS["forms"].items() for form in all_}


def _of_lists(parties: Sequence[Party], rng: random.Random) -> tuple[list[Row], list[Row]]:
    """Listed organisations, some of them asked for with another legal form, order or addition."""
    lists = ("ofac_sdn", "eu_fsf", "world_bank", "ofac_cons", "ca_sema", "unsc")
    seen: set[str] = set()
    pool = []
    for party in parties:
        name = party.names[0].text
        if party.kind == "organization" and party.source in lists and script(name) == "Latn":
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
