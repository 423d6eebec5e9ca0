"""Entries of the feed in the form of FollowTheMoney. Pure; the files of it are in `ftm_files.py`.

A twin of the signed feed for programs that read this form already. It carries no signature: who
must prove what was in force when takes the signed feed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import StringConstraints
from stdnum import imo, lei

from app.core.countries import alpha2
from app.sanctions.feed import build

FORM = 4
"""Raised when the same entry is written differently: copies then know theirs is old."""
FtmStream = Annotated[
    str,
    StringConstraints(
        pattern=r"^(public|inter_agency|agency|source\.[a-z][a-z0-9_]{0,30}(:[a-z0-9_]{1,40})?)$"
    ),
]
_SCHEMAS = {
    "person": "Person",
    "organisation": "Organization",
    "vessel": "Vessel",
    "aircraft": "Airplane",
    "unknown": "LegalEntity",
}
TITLES: dict[str, str] = {
    "public": "External sanction lists, as published",
    "inter_agency": "Debarments of UN agencies, and external sanction lists",
    build.OWN: "RESTRICTED debarments of the agency that reads",
}
_NAMES = {
    "primary": "name",
    "original_script": "name",
    "former": "previousName",
    "weak_alias": "weakAlias",
}
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_IDENTIFIERS = {"LEI": "leiCode", "DUNS": "dunsCode", "NAT_REG": "registrationNumber"}
_SANCTION = "-sanction"
Properties = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Seen:
    """When the list first had an entry, last changed it, still had it; as far as it is known."""

    first: datetime | None = None
    changed: datetime | None = None
    last: datetime | None = None

    def texts(self) -> dict[str, str]:
        """By the names of the form, in its own way: UTC, without saying so."""
        named = {"first_seen": self.first, "last_change": self.changed, "last_seen": self.last}
        return {name: f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}" for name, at in named.items() if at}


UNSEEN = Seen()


class _Properties:
    """Values by property, each once, in the order they come."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, None]] = {}

    def add(self, name: str, *values: str | None) -> None:
        for value in values:
            if value:
                self._found.setdefault(name, {})[value] = None

    def lists(self) -> Properties:
        return {name: list(values) for name, values in self._found.items()}


def dataset(stream: str) -> str:
    """Name of a stream as a dataset."""
    return f"partner_registry_{re.sub('[^a-z0-9_]', '_', build.wire_name(stream))}"


def title(stream: str) -> str:
    """What a stream is called as a dataset."""
    return TITLES.get(stream) or f"List {stream.removeprefix('source.')}, as published"


def sanction_id(entry_id: str) -> str:
    """Id of the Sanction of an entry; there is one of each."""
    return entry_id + _SANCTION


def entity(entry: dict[str, Any], stream: str, seen: Seen = UNSEEN) -> dict[str, Any]:
    """An entry of the feed as an entity: Person, Organization, Vessel, Airplane, LegalEntity."""
    kind = entry["kind"]
    found = _Properties()
    for item in entry["names"]:
        found.add(_NAMES.get(item["type"], "alias"), item["name"])
    countries = [alpha2(code).lower() for code in entry["countries"]]
    found.add("nationality" if kind == "person" else "country", *countries)
    if kind == "person":
        for text in entry["birth_dates"]:
            # A range of years is given by its ends: the form knows no range.
            found.add("birthDate", *text.split("/"))
        found.add("gender", entry.get("gender"))
    for item in entry["identifiers"]:
        found.add(_number(kind, item["scheme"], item["value"]), item["value"])
    found.add("idNumber", entry["registry_number"])
    found.add("topics", "debarment" if entry["imposing_agency"] else "sanction")
    found.add("notes", _note(entry))
    return _made(entry["entry_id"], _SCHEMAS[kind], found.lists(), stream, _caption(entry), seen)


def _number(kind: str, scheme: str, value: str) -> str:
    """Where a number goes. A vehicle has none of the properties of a body; a number that is not
    what it is called is one of unknown kind, or the form's own programs would drop it.
    """
    if kind in ("vessel", "aircraft"):
        named = kind == "vessel" and "imo" in scheme.casefold() and imo.is_valid(value)
        return "imoNumber" if named else "registrationNumber"
    if scheme == "LEI" and not lei.is_valid(value):
        return "idNumber"
    return _IDENTIFIERS.get(scheme, "idNumber")


def sanction(entry: dict[str, Any], stream: str, seen: Seen = UNSEEN) -> dict[str, Any]:
    """What is imposed on the party of an entry, by whom, from when: a Sanction.

    One for each entry, also where a list has several measures of a party: their values are
    together. Its id follows from the entry's, so it leaves with it.
    """
    found = _Properties()
    found.add("entity", entry["entry_id"])
    found.add("publisher", entry["source"].upper() if entry["source"] != "agency" else None)
    found.add("authority", entry["imposing_agency"])
    found.add("authorityId", entry["reference"])
    if entry["source"] == "unsc":
        found.add("unscId", entry["reference"])
    found.add("program", entry.get("programme"), entry.get("regime"))
    found.add("provisions", entry["measure"], entry["effect"]["text"])
    found.add("reason", *entry["practices"])
    found.add("status", entry["status"].lower())
    found.add("listingDate", entry["decided_on"])
    found.add("startDate", entry["effective_from"])
    found.add("endDate", entry["effective_to"])
    for measure in entry.get("measures", ()):
        found.add("authority", measure["imposed_by"])
        found.add("publisher", measure["listed_by"])
        found.add("program", measure["programme"])
        found.add("provisions", measure["measure"], measure["legal_basis"])
        found.add("reason", measure["grounds"])
        found.add("authorityId", measure["reference"])
        found.add("startDate", measure["from"])
        found.add("endDate", measure["to"])
    own_id = sanction_id(entry["entry_id"])
    return _made(own_id, "Sanction", found.lists(), stream, "Sanction", seen)


def stub(entity_id: str, stream: str) -> dict[str, Any]:
    """An entity that says nothing, for what must be there to be deleted."""
    schema = "Sanction" if entity_id.endswith(_SANCTION) else "LegalEntity"
    return _made(entity_id, schema, {}, stream, schema)


def _made(
    entity_id: str,
    schema: str,
    properties: Properties,
    stream: str,
    caption: str,
    seen: Seen = UNSEEN,
) -> dict[str, Any]:
    return {
        "id": entity_id,
        "caption": caption,
        "schema": schema,
        "properties": properties,
        "datasets": [dataset(stream)],
        "referents": [],
        "target": "topics" in properties,
        **seen.texts(),
    }


def _caption(entry: dict[str, Any]) -> str:
    names = entry["names"]
    primary = [item["name"] for item in names if item["type"] == "primary"]
    first: str = (primary or [item["name"] for item in names] or [entry["reference"]])[0]
    return first


def _note(entry: dict[str, Any]) -> str:
    """What the entry means, in one line: a reader of this form sees no other field for it."""
    by = entry["imposing_agency"] or entry["source"].upper()
    parts = [f"{by} {entry['reference']}: {entry['measure']}", entry["effect"]["text"]]
    since, until = entry["effective_from"], entry["effective_to"]
    if since:
        parts.append(f"from {since}" + (f" to {until}" if until else ""))
    return "; ".join(parts)


def version(changed_at: datetime | None) -> str:
    """Version of a dataset: when its content last changed, to 22 microseconds.

    The form leaves three characters after the second; they count on, so that a later version
    is the greater text.
    """
    at = changed_at or datetime(1970, 1, 1, tzinfo=UTC)
    part = at.microsecond * len(_DIGITS) ** 3 // 1_000_000
    tag = "".join(_DIGITS[part // len(_DIGITS) ** place % len(_DIGITS)] for place in (2, 1, 0))
    return f"{at:%Y%m%d%H%M%S}-{tag}"
