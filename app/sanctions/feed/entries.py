"""From our rows to the entry object of the feed. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID, uuid5

from app.core.ids import registry_number
from app.sanctions.codes import CODES
from app.sanctions.sources import ListedDate, ListedMeasure, ListedParty

_LISTED = UUID("6f5f4c7e-30a2-5b0e-9d57-0a6c1b1f6a11")


def listed_entry_id(source: str, key: str) -> UUID:
    """Stable id of a listed party: the same in every version of its list."""
    return uuid5(_LISTED, f"{source}:{key}")


@dataclass(frozen=True, slots=True)
class Standing:
    """What an entry is on the day it is put: only PENDING and ACTIVE ones are in the feed.

    The other measures that it names, unless they are RESTRICTED: of those the feed says nothing.
    """

    status: str
    next_day: date | None
    open_conditions: bool
    supersedes: UUID | None = None
    affiliate_of: UUID | None = None


def agency_entry(
    entry: Any, profiles: Sequence[Any], agency_code: str, standing: Standing
) -> dict[str, Any]:
    """Feed object of a measure an agency imposed.

    ``entry`` is a SanctionEntry or a row with its columns, ``profiles`` the rows of
    `queries.partner_facts`: the one it was imposed on, then the others that are the same partner.
    The entry has the names of all, and the id of the one that stands for them. Of a person, who
    has no profile, the entry itself holds the names.
    """
    return {
        "entry_id": str(entry.id),
        "source": "agency",
        "reference": f"{agency_code}-{str(entry.id)[:8]}",
        **(_of_profiles(profiles) if profiles else _of_person(entry.individual)),
        "imposing_agency": agency_code,
        "regime": entry.regime,
        "measure": entry.measure,
        "blocking": entry.blocking,
        "effect": {
            "eligible": not entry.blocking,
            "text": CODES.measures.codes[entry.measure].effect,
            "new_agreements": entry.new_agreements,
            "renewals": entry.renewals,
            "payments_due": entry.payments_due,
            "running_agreements": entry.running_agreements,
            "wind_down_until": _day(entry.wind_down_until),
            "continuity_contact": entry.continuity_contact,
        },
        "scope": {
            "all": not entry.scope_countries and not entry.scope_modalities,
            "countries": entry.scope_countries,
            "modalities": entry.scope_modalities,
        },
        "practices": sorted(entry.practices),
        "procedure": entry.procedure,
        "legal_reference": entry.legal_reference,
        "decided_on": entry.decided_on.isoformat(),
        "effective_from": entry.effective_from.isoformat(),
        "effective_to": _day(entry.effective_to),
        "release_condition": standing.open_conditions,
        "affiliate_of": str(standing.affiliate_of) if standing.affiliate_of else None,
        "affiliate_relation": entry.affiliate_relation if standing.affiliate_of else None,
        "supersedes": str(standing.supersedes) if standing.supersedes else None,
        "contact_office": entry.contact_office,
        "last_reviewed": _day(entry.last_reviewed),
        "status": standing.status,
        "next_transition_at": f"{standing.next_day}T00:00:00Z" if standing.next_day else None,
        "level": entry.level,
    }


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _of_profiles(profiles: Sequence[Any]) -> dict[str, Any]:
    standing = next(profile for profile in profiles if profile.stands)
    return {
        "kind": "organisation",
        "names": _partner_names(profiles),
        "countries": sorted({profile.country for profile in profiles}),
        "birth_dates": [],
        "identifiers": [item for profile in profiles for item in profile.identifiers],
        "partner_id": str(standing.id),
        "registry_number": registry_number(standing.number),
    }


def _of_person(facts: dict[str, Any]) -> dict[str, Any]:
    first, *others = facts["names"]
    return {
        "kind": "person",
        "names": [{"name": first, "type": "primary"}]
        + [{"name": name, "type": "alias"} for name in others],
        "countries": facts["nationalities"],
        "birth_dates": [facts["birth_date"]] if facts["birth_date"] else [],
        "identifiers": [],
        "partner_id": None,
        "registry_number": None,
    }


def _partner_names(profiles: Sequence[Any]) -> list[dict[str, str]]:
    first, *others = profiles
    found = dict.fromkeys(_named(first))
    known = {name for _, name in found}
    for other in others:
        for kind, name in _named(other):
            if name not in known:
                # One name is the primary one; the others' official names are as good as aliases.
                found["alias" if kind == "primary" else kind, name] = None
                known.add(name)
    return [{"name": name, "type": kind} for kind, name in found]


def _named(partner: Any) -> list[tuple[str, str]]:
    named = [("primary", partner.legal_name)]
    if partner.legal_name_native:
        named.append(("original_script", partner.legal_name_native))
    named += [("alias", name) for name in partner.aliases]
    named += [("former", name) for name in partner.former_names]
    if partner.acronym:
        named.append(("weak_alias", partner.acronym))
    return named


_REACHED_BY = ("phone", "fax", "mail", "web", "url")


def _numbers(party: ListedParty) -> list[dict[str, str]]:
    """Numbers of a body: registers, taxes, banks. How to reach it is no number, a person has none
    here.
    """
    if party.kind == "person":
        return []
    found = {
        (item.type, item.value): {"scheme": item.type, "value": item.value}
        for item in party.identifiers
        if not any(word in item.type.casefold() for word in _REACHED_BY)
    }
    return list(found.values())


def listed_entry(source: str, party: ListedParty, level: str = "PUBLIC") -> dict[str, Any]:
    """Feed object of a party on an external list. Documents of persons stay out of the feed.

    ``measures`` has what the publisher says of each listing: who imposed it, from when, until when.
    """
    names: dict[tuple[str, str], dict[str, str]] = {}
    for item in party.names:
        names.setdefault((item.name, item.type), {"name": item.name, "type": item.type})
    since = _since(party)
    until = ends_on(party)
    return {
        "entry_id": str(listed_entry_id(source, party.key)),
        "source": source,
        "reference": party.reference,
        "kind": party.kind,
        "names": list(names.values()),
        "countries": list(party.countries),
        "birth_dates": _birth_dates(party.birth_dates)
        if party.kind in ("person", "unknown")
        else [],
        **_gender(party),
        "identifiers": _numbers(party),
        "partner_id": None,
        "registry_number": None,
        "imposing_agency": None,
        "measure": "LISTED",
        "blocking": True,
        "effect": {
            "eligible": False,
            "text": "Listed by the publisher; a hit is a potential match",
        },
        "practices": [],
        "procedure": "listed",
        "programme": party.programme,
        "measures": [_measure(item) for item in party.measures],
        "decided_on": None,
        "effective_from": since.isoformat() if since else None,
        "effective_to": until.isoformat() if until else None,
        "status": "ACTIVE",
        "level": level,
    }


def ends_on(party: ListedParty) -> date | None:
    """The last day of a listing whose every measure ends by date; None while one has no end.

    A measure without an end that does not say it is indefinite has none that we know.
    """
    ends = [None if item.indefinite else item.until for item in party.measures]
    known = [day for day in ends if day is not None]
    return max(known) if known and len(known) == len(ends) else None


def _since(party: ListedParty) -> date | None:
    begins = [item.since for item in party.measures if item.since is not None]
    return min(begins) if begins else party.listed_on


def _measure(item: ListedMeasure) -> dict[str, Any]:
    return {
        "imposed_by": item.imposed_by,
        "listed_by": item.listed_by,
        "measure": item.measure,
        "programme": item.programme,
        "grounds": item.grounds,
        "legal_basis": item.legal_basis,
        "reference": item.reference,
        "from": item.since.isoformat() if item.since else None,
        "to": item.until.isoformat() if item.until else None,
        "indefinite": item.indefinite,
    }


_GENDERS = {"m": "male", "male": "male", "f": "female", "female": "female"}


def _gender(party: ListedParty) -> dict[str, str]:
    """`gender` where the list gives one that we know, else no such field: two are none."""
    if party.kind not in ("person", "unknown"):
        return {}
    said = {word.casefold() for word in re.split(r"[^A-Za-z]+", party.gender) if word}
    found = {_GENDERS.get(word) for word in said}
    gender = found.pop() if len(found) == 1 else None
    return {"gender": gender} if gender else {}


def _birth_dates(dates: tuple[ListedDate, ...]) -> list[str]:
    texts: dict[str, None] = {}
    for item in dates:
        if item.on:
            texts[item.on] = None
        elif item.year_from and item.year_to:
            same = item.year_from == item.year_to
            texts[str(item.year_from) if same else f"{item.year_from}/{item.year_to}"] = None
    return list(texts)
