"""The catalogue of events: what each type tells, and whom, as `catalogue.yaml` says."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from app.core import datafiles
from app.events.catalogue import EventType
from app.events.models import OutboxEvent

Audience = Literal["owner", "related", "everyone", "list", "nobody"]
_DATA: dict[str, Any] = datafiles.read("app.events", "catalogue.yaml")
VERSION: str = _DATA["version"]
_UUID = {"type": "string", "format": "uuid"}
_CODE = {"type": "string", "maxLength": 200}
_KINDS: dict[str, dict[str, Any]] = {
    "uuid": _UUID,
    "code": _CODE,
    "codes": {"type": "array", "items": _CODE},
    "date": {"type": "string", "format": "date"},
    "date-time": {"type": "string", "format": "date-time"},
    "integer": {"type": "integer"},
    "boolean": {"type": "boolean"},
}
_PLACES = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Described:
    """One type of event. The members are those of `catalogue.yaml`."""

    type: EventType
    title: str
    to: Audience
    fields: tuple[str, ...]
    named: str | None = None
    partner: tuple[str, ...] = ()
    assessment: str | None = None
    owner_of_assessment: bool = False
    restricted: str | None = None
    nameless: bool = False
    resource: str | None = None

    @property
    def of_partner(self) -> bool:
        """Whether it is about a partner."""
        return bool(self.partner or self.assessment)

    def schema(self) -> dict[str, Any]:
        """JSON Schema (2020-12) of the message."""
        fields = {name: _KINDS[_DATA["fields"][name]] for name in self.fields}
        data: dict[str, Any] = {
            "resource": {"type": ["string", "null"]},
            "agency": _nullable(_CODE),
        }
        if self.of_partner:
            data |= {"partner_id": _nullable(_UUID), "vendor_numbers": _NUMBERS}
        required = sorted(data)
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.title,
            "type": "object",
            "required": ["id", "type", "timestamp", "seq", "data"],
            "properties": {
                "id": _UUID,
                "type": {"const": self.type.value},
                "timestamp": _KINDS["date-time"],
                "seq": {"type": "integer", "minimum": 1},
                "data": {
                    "type": "object",
                    "required": required,
                    "properties": data | fields,
                },
            },
        }


def _nullable(kind: dict[str, Any]) -> dict[str, Any]:
    return kind | {"type": [kind["type"], "null"]}


_NUMBERS = {
    "type": "array",
    "description": "your own vendor numbers of the partner; never another agency's",
    "items": {
        "type": "object",
        "required": ["partner_id", "value", "country", "area"],
        "properties": {
            "partner_id": _UUID,
            "value": {"type": "string"},
            "country": _nullable({"type": "string"}),
            "area": _nullable({"type": "string"}),
        },
    },
}


def _place(value: str | list[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _described(kind: EventType, said: dict[str, Any]) -> Described:
    of_assessment = _place(said.get("assessment"))
    return Described(
        kind,
        said["title"],
        said["to"],
        tuple(said["fields"]),
        said.get("named"),
        _place(said.get("partner")),
        of_assessment[0] if of_assessment else None,
        said.get("owner_of_assessment", False),
        said.get("restricted"),
        said.get("nameless", False),
        said.get("resource"),
    )


ALL: dict[EventType, Described] = {
    EventType(name): _described(EventType(name), said) for name, said in _DATA["types"].items()
}
"""Every type, in the order of the catalogue."""
TOLD: dict[EventType, Described] = {kind: one for kind, one in ALL.items() if one.to != "nobody"}
"""Those that agencies are told of."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event as its catalogue entry reads it: about what, for whom beside the owner, what."""

    to: Audience
    named: UUID | None
    partners: tuple[UUID, ...]
    assessment: UUID | None
    data: dict[str, Any]
    described: Described


def read(event: OutboxEvent) -> Told:
    """What may be told of an event."""
    one = ALL[EventType(event.type)]
    level = event.data.get("level")
    narrow = level == "AGENCY_ONLY" or (one.restricted == "owner" and level == "RESTRICTED")
    partners = tuple(_ids(event, one.partner))
    assessment = next(iter(_ids(event, (one.assessment,) if one.assessment else ())), None)
    named = next(iter(_ids(event, (one.named,) if one.named else ())), None)
    fields = {name: event.data[name] for name in one.fields if event.data.get(name) is not None}
    values = {"subject": event.subject_id, "partner": next(iter(partners), None)} | event.data
    resource = None
    if one.resource is not None:
        places = _PLACES.findall(one.resource)
        if all(values.get(place) is not None for place in places):
            resource = one.resource.format_map(values)
    to: Audience = "owner" if narrow else _audience(one.to, event)
    return Told(to, named, partners, assessment, {"resource": resource, **fields}, one)


def _audience(to: Audience, event: OutboxEvent) -> Audience:
    # An open list is for all; one that agencies opt into is the business of those that do.
    if to == "list" and event.data.get("audience") != "opt_in":
        return "everyone"
    return to


def _ids(event: OutboxEvent, places: Iterable[str]) -> Iterable[UUID]:
    for place in places:
        value = event.subject_id if place == "subject" else event.data.get(place)
        for one in value if isinstance(value, list) else (value,):
            if one is not None:
                yield UUID(str(one))


def table() -> str:
    """The catalogue as a table of `docs/events.md`."""
    lines = [
        "| type | what happened | who is told | beside `resource` and `agency` |",
        "|---|---|---|---|",
    ]
    for one in TOLD.values():
        told = {
            "owner": "the agency it concerns",
            "related": "agencies with a relation to the partner",
            "everyone": "all agencies",
            "list": "all, or the users of an opt-in list",
        }[one.to]
        if one.named or one.owner_of_assessment:
            told += " and the other party"
        fields = [f"`{name}`" for name in one.fields]
        if one.of_partner:
            fields = ["`partner_id`", "`vendor_numbers`", *fields]
        lines.append(f"| `{one.type.value}` | {one.title} | {told} | {', '.join(fields)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":  # for docs/events.md
    sys.stdout.write(table())
