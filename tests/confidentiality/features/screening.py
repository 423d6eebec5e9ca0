"""Screenings in the matrix: the own agency's alone, and of those some its oversight's alone."""

from __future__ import annotations

import json
from typing import Any

from tests.confidentiality.model import Facts, Row, Table, Who, own
from tests.confidentiality.rules import EVERYONE, OWNER_ONLY, Call, Rule
from tests.confidentiality.rules import plain as plain_call
from tests.confidentiality.scene import Scene, screening_body

_SUBJECT = {"kind": "organisation", "names": ["Lake shore relief"]}
_LINES = {"Content-Type": "application/x-ndjson"}


async def prepare(scene: Scene) -> None:
    """A screening of a partner, and what the owner's oversight screened for an investigation."""
    officer = await scene.officer()
    body = screening_body() | {"purpose": "INVESTIGATION"}
    scene.ids["screening_held"] = (await officer.made("/v1/screenings", body))["screening_id"]
    owner = await scene.owner()
    about = screening_body() | {"partner_id": scene.ids["partner"]}
    scene.ids["screening_partner"] = (await owner.made("/v1/screenings", about))["screening_id"]


async def _batch(scene: Scene, relation: str) -> Call:
    line = json.dumps({"id": "1", "subject": _SUBJECT}).encode()
    return Call(content=line, headers=_LINES)


async def _pair(scene: Scene, relation: str) -> Call:
    return Call(json={"a": _SUBJECT, "b": _SUBJECT})


async def _again(scene: Scene, relation: str) -> Call:
    return Call({"screening_id": scene.ids["screening"]}, {"against": "then"})


async def _match(scene: Scene, relation: str) -> Call:
    query = {"schema": "Organization", "properties": {"name": _SUBJECT["names"]}}
    # What nobody imported is stale here: a query that must not be answered is refused as such.
    return Call({"dataset": "default"}, {"queries": {"q": query}})


_ANSWERED = {name: frozenset({200, 503}) for name in EVERYONE}

RULES: dict[str, Rule] = {
    "listScreenings": Rule(
        plain_call(),
        EVERYONE,
        shows={
            "screening": frozenset({"owner"}),
            "screening_partner": frozenset({"owner"}),
            "screening_held": frozenset(),
        },
    ),
    "getScreening": Rule(
        plain_call(screening_id="screening"), OWNER_ONLY, hides="screening_id", logged=True
    ),
    "rerunScreening": Rule(_again, OWNER_ONLY, hides="screening_id"),
    "listScreeningAlgorithms": Rule(plain_call(), EVERYONE),
    "screenMany": Rule(_batch, EVERYONE),
    "compareSubjects": Rule(_pair, EVERYONE, logged=False),
    "matchEntities": Rule(_match, _ANSWERED),
    "listMatchDatasets": Rule(plain_call(), EVERYONE),
    "listMatchAlgorithms": Rule(plain_call(), EVERYONE),
}


def _seen(row: Row, who: Who, facts: Facts) -> bool:
    return _OWN(row, who, facts) and (not row["held"] or who.oversight)


_OWN: Any = own("agency_id")
TABLES: dict[str, Table] = {"screenings": Table(("id",), select=_seen, insert=_OWN)}
