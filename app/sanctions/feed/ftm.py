"""The feed in the form of FollowTheMoney: entities, the simple table, the catalogue. Pure.

A twin of the signed feed for programs that read this form already. It carries no signature: who
must prove what was in force when takes the signed feed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import StringConstraints
from pydantic_core import to_json

from app.core import csv_cells
from app.core.countries import alpha2

FORM = 2
"""Raised when the same entry is written differently: copies then know theirs is old."""
FtmStream = Annotated[
    str,
    StringConstraints(
        pattern=r"^(public|inter_agency|source\.[a-z][a-z0-9_]{0,30}(:[a-z0-9_]{1,40})?)$"
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
}
ENTITIES, TABLE = "entities.ftm.json", "targets.simple.csv"
MEDIA_TYPES = {ENTITIES: "application/x-ndjson", TABLE: "text/csv; charset=utf-8"}
COLUMNS = (
    "id", "schema", "name", "aliases", "birth_date", "countries", "addresses", "identifiers",
    "sanctions", "phones", "emails", "program_ids", "dataset", "first_seen", "last_seen",
    "last_change",
)  # fmt: skip
"""Columns of the table of this name as its readers know it; what the feed has not is empty."""
_NAMES = {
    "primary": "name",
    "original_script": "name",
    "former": "previousName",
    "weak_alias": "weakAlias",
}
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_IDENTIFIERS = {"LEI": "leiCode", "DUNS": "dunsCode", "NAT_REG": "registrationNumber"}


def dataset(stream: str) -> str:
    """Name of a stream as a dataset."""
    return f"partner_registry_{re.sub('[^a-z0-9_]', '_', stream)}"


def title(stream: str) -> str:
    """What a stream is called as a dataset."""
    return TITLES.get(stream) or f"List {stream.removeprefix('source.')}, as published"


def entity(entry: dict[str, Any], stream: str) -> dict[str, Any]:
    """An entry of the feed as an entity: Person, Organization, Vessel, Airplane, LegalEntity."""
    person = entry["kind"] == "person"
    properties: dict[str, dict[str, None]] = {}

    def add(name: str, *values: str | None) -> None:
        for value in values:
            if value:
                properties.setdefault(name, {})[value] = None

    for item in entry["names"]:
        add(_NAMES.get(item["type"], "alias"), item["name"])
    countries = [alpha2(code).lower() for code in entry["countries"]]
    add("nationality" if person else "country", *countries)
    for text in entry["birth_dates"]:
        # A range of years is given by its ends: the form knows no range.
        add("birthDate", *text.split("/"))
    for item in entry["identifiers"]:
        add(_IDENTIFIERS.get(item["scheme"], "idNumber"), item["value"])
    add("idNumber", entry["registry_number"])
    add("topics", "debarment" if entry["imposing_agency"] else "sanction")
    add("notes", _note(entry))
    return {
        "id": entry["entry_id"],
        "caption": _caption(entry),
        "schema": _SCHEMAS[entry["kind"]],
        "properties": {name: list(values) for name, values in properties.items()},
        "datasets": [dataset(stream)],
        "referents": [],
        "target": True,
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


def entity_lines(entries: Iterable[dict[str, Any]], stream: str) -> bytes:
    """Entities as JSON lines."""
    return b"".join(to_json(entity(entry, stream)) + b"\n" for entry in entries)


def table_header() -> bytes:
    """The first line of the table."""
    return csv_cells.line(COLUMNS).encode()


def table_lines(entries: Iterable[dict[str, Any]], stream: str) -> bytes:
    """Entries as lines of the table."""
    return "".join(csv_cells.line(_cells(entry, stream)) for entry in entries).encode()


def _cells(entry: dict[str, Any], stream: str) -> Iterator[str]:
    found = entity(entry, stream)
    properties: dict[str, list[str]] = found["properties"]

    def joined(*names: str) -> str:
        return ";".join(value for name in names for value in properties.get(name, ()))

    values = {
        "id": found["id"],
        "schema": found["schema"],
        "name": found["caption"],
        "aliases": ";".join(
            value
            for name in ("name", "alias", "weakAlias", "previousName")
            for value in properties.get(name, ())
            if value != found["caption"]
        ),
        "birth_date": joined("birthDate"),
        "countries": joined("nationality", "country"),
        "identifiers": joined("leiCode", "dunsCode", "registrationNumber", "idNumber"),
        "sanctions": joined("notes"),
        "dataset": dataset(stream),
    }
    return (values.get(column, "") for column in COLUMNS)


def version(changed_at: datetime | None) -> str:
    """Version of a dataset: when its content last changed, to 22 microseconds.

    The form leaves three characters after the second; they count on, so that a later version
    is the greater text.
    """
    at = changed_at or datetime(1970, 1, 1, tzinfo=UTC)
    part = at.microsecond * len(_DIGITS) ** 3 // 1_000_000
    tag = "".join(_DIGITS[part // len(_DIGITS) ** place % len(_DIGITS)] for place in (2, 1, 0))
    return f"{at:%Y%m%d%H%M%S}-{tag}"


def catalogue(
    stream: str, base_url: str, version: str, updated_at: str, count: int
) -> dict[str, Any]:
    """The index of the dataset: what there is, how many, where."""
    return {
        "name": dataset(stream),
        "title": title(stream),
        "version": version,
        "updated_at": updated_at,
        "entity_count": count,
        "target_count": count,
        "resources": [
            {
                "name": name,
                "url": f"{base_url}/v1/feeds/sanctions/ftm/{name}?stream={stream}",
                "mime_type": kind.partition(";")[0],
            }
            for name, kind in MEDIA_TYPES.items()
        ],
    }
