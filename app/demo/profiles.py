"""The partners of the demo world: about 200 profiles, the same in every load. Pure."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from stdnum.iso7064 import mod_97_10

from app.demo.names import NAMES, International, Land
from app.demo.people import AGENCIES
from app.partners.identifiers import IdentifierScheme
from app.partners.identifiers.schemas import IdentifierIn
from app.partners.schemas import PartnerIn
from app.partners.types import PartnerTag, PartnerType

SEED = 2026
_OTHERS_EACH = 3
_LITTLE = frozenset({"of", "for", "the", "and", "de", "des", "pour", "le", "para", "el", "für"})


@dataclass(frozen=True, slots=True)
class Plan:
    """A profile to create, by which agency, and below which headquarters (an earlier plan)."""

    creator: str
    profile: PartnerIn
    headquarters: str | None = None
    key: str = field(default="")


def plans() -> list[Plan]:
    """Every profile in the order of creation; headquarters stand before their countries."""
    dice = random.Random(SEED)  # noqa: S311 - the same world every time, no secret
    made = [*_national(dice), *_international(dice)]
    return [_identified(dice, number, plan) for number, plan in enumerate(made, 1)]


def _national(dice: random.Random) -> Iterator[Plan]:
    for index, land in enumerate(NAMES.lands):
        for slot in range(len(NAMES.ngo_types)):
            yield _plan(dice, _ngo(dice, land, slot))
        first = index * _OTHERS_EACH
        rest = [NAMES.others[(first + n) % len(NAMES.others)] for n in range(_OTHERS_EACH)]
        words = land.words[len(NAMES.ngo_types) :]
        for word, (kind, pattern) in zip(words, (*NAMES.official, *rest), strict=True):
            name = pattern.format(word)
            yield _plan(dice, _profile(dice, land, name, kind, aliases=[]))


def _ngo(dice: random.Random, land: Land, slot: int) -> PartnerIn:
    word = land.words[slot]
    name = NAMES.patterns[land.language][slot].format(word)
    native = None
    if land.native:
        native = NAMES.native_patterns[land.language][slot].format(land.native[slot])
    tags = [
        *([PartnerTag.WOMEN_LED] if slot == 1 else []),
        *([PartnerTag.YOUTH_LED] if slot == 3 else []),
        *([PartnerTag.FAITH_BASED] if slot == 2 and dice.random() < 0.3 else []),
        *([PartnerTag.REFUGEE_LED] if slot == 3 and dice.random() < 0.3 else []),
    ]
    former = [f"{word} Committee"] if dice.random() < 0.15 else []
    return _profile(
        dice,
        land,
        name,
        NAMES.ngo_types[slot],
        aliases=[f"{word} {land.alpha3.title()}"],
        legal_name_native=native,
        tags=tags,
        former_names=former,
    )


def _profile(
    dice: random.Random,
    land: Land,
    name: str,
    kind: PartnerType,
    *,
    aliases: list[str],
    **more: object,
) -> PartnerIn:
    site = re.sub("[^a-z]", "", name.lower().split(",")[0])
    return PartnerIn.model_validate(
        {
            "legal_name": name,
            "acronym": acronym(name),
            "aliases": aliases,
            "partner_type": kind,
            "country": land.alpha3,
            "year_established": dice.randint(1962, 2021),
            "website": f"https://{site[:40]}.example" if dice.random() < 0.6 else None,
            **more,
        }
    )


def acronym(name: str) -> str:
    """Initials of the words that count."""
    words = name.replace("'", "").replace(",", "").split()
    return "".join(word[0] for word in words if word.lower() not in _LITTLE).upper()


def _plan(dice: random.Random, profile: PartnerIn) -> Plan:
    return Plan(dice.choice(AGENCIES).code, profile, key=f"{profile.country}|{profile.legal_name}")


def _international(dice: random.Random) -> Iterator[Plan]:
    for body in NAMES.international:
        creator = dice.choice(AGENCIES).code
        main = _headquarters(dice, body)
        key = f"HQ|{main.legal_name}"
        yield Plan(creator, main, key=key)
        for country in body.countries:
            profile = main.model_copy(
                update={
                    "country": country,
                    "country_of_origin": body.home,
                    "year_established": dice.randint(1990, 2022),
                }
            )
            yield Plan(dice.choice(AGENCIES).code, profile, key, f"{country}|{main.legal_name}")


def _headquarters(dice: random.Random, body: International) -> PartnerIn:
    return PartnerIn.model_validate(
        {
            "legal_name": body.name,
            "legal_name_native": body.native,
            "acronym": body.acronym,
            "aliases": [body.alias],
            "partner_type": PartnerType.NGO_INTL,
            "country": body.home,
            "country_of_origin": body.home,
            "year_established": dice.randint(1951, 1989),
            "website": f"https://{body.acronym.lower()}.example",
        }
    )


def _identified(dice: random.Random, number: int, plan: Plan) -> Plan:
    """The plan with identifiers; their ranges are none that a real register gives out."""
    profile, alpha2 = plan.profile, _alpha2(plan.profile.country)
    found = [IdentifierIn(scheme=IdentifierScheme.ORG_ID, value=f"{alpha2}-DEMO-{number:05d}")]
    if dice.random() < 0.7:
        found.append(IdentifierIn(scheme=IdentifierScheme.UNPP, value=f"DEMO-{number:06d}"))
    if dice.random() < 0.25:
        found.append(IdentifierIn(scheme=IdentifierScheme.LEI, value=lei(number)))
    if dice.random() < 0.6:
        value = f"{dice.randint(2_000_000, 2_999_999)}-{number}"
        found.append(
            IdentifierIn(
                scheme=IdentifierScheme.AGENCY_VENDOR, value=value, country=profile.country
            )
        )
    return Plan(
        plan.creator,
        profile.model_copy(update={"identifiers": found}),
        plan.headquarters,
        plan.key,
    )


def _alpha2(alpha3: str) -> str:
    known = {land.alpha3: land.alpha2 for land in NAMES.lands}
    known |= {body.home: body.home_alpha2 for body in NAMES.international}
    return known[alpha3]


def lei(number: int) -> str:
    """A legal entity identifier with valid check digits and the prefix of no issuer."""
    body = f"0000DEMO00{number:08d}"
    return body + mod_97_10.calc_check_digits(body)
