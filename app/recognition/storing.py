"""Storing clearances: request, answer and inputs sealed, codes, versions and hashes open, with what
each rests on, its event in the log and what others are told, all by one statement.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import asyncpg
import rfc8785
from pydantic_core import to_json

from app.audit import notes
from app.audit.events import Event
from app.audit.purposes import is_held
from app.auth import bound
from app.auth.caller import Caller
from app.auth.errors import NotAuthenticated
from app.core import codelists
from app.core.clock import rfc3339
from app.core.crypto import agency_scope
from app.core.ids import new_id
from app.events.catalogue import EventType
from app.recognition import queries, quota
from app.recognition.asking import Ask
from app.recognition.decide import Facts, Verdict, codes_of
from app.recognition.evidence import context
from app.recognition.moments import first_moment
from app.recognition.receipts import receipt_payload
from app.recognition.rests_on import STALE_SOURCE, TIME, RestsOn
from app.recognition.rules import DEFAULTS, METHODOLOGY_SERIES, SCALES
from app.recognition.watching import unknown
from app.sanctions.entries.cross_debarment import AGREEMENTS
from app.sanctions.lists.freshness import REQUIRED

VALID = timedelta(days=DEFAULTS.answer_valid_days)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that is about to be stored. ``hidden``: its partner is protected from the caller.

    ``inquiry`` is to be noted with it. ``tells``: with it the quota is used up.
    """

    ask: Ask
    caller: Caller
    partner_id: UUID | None
    hidden: bool
    facts: Facts
    verdict: Verdict
    answer: dict[str, Any]
    body: bytes
    now: datetime
    inquiry: quota.Inquiry | None = None
    tells: bool = False

    @property
    def id(self) -> UUID:
        """Of the clearance."""
        found: UUID = self.answer["clearance_id"]
        return found

    @property
    def codes(self) -> list[str]:
        """Of its reasons."""
        return codes_of(self.answer["reasons"])

    @property
    def location(self) -> str:
        """Where it is read."""
        return f"/v1/clearances/{self.id}"

    @property
    def held(self) -> bool:
        """Whether only the oversight of the agency may know of it."""
        return is_held(self.caller.oversight, self.ask.wanted.purpose)

    @property
    def hurried(self) -> str | None:
        """The partner for whom somebody has to sign in an emergency."""
        hurried = self.ask.wanted.context == "emergency" and not self.hidden
        return str(self.partner_id) if hurried and self.partner_id is not None else None


@dataclass(frozen=True, slots=True)
class Editions:
    """Editions of the registry's own data, and their name."""

    sha256: bytes
    text: str


@lru_cache(maxsize=2)
def editions(on: date) -> Editions:
    """What answers of this day go by beside policies, lists and assessments."""
    lists = {
        code: codelists.in_force(all_of_it, on).version
        for code, all_of_it in codelists.everything().items()
    }
    named: dict[str, Any] = {
        "code_lists": lists,
        "rating_scales": SCALES.version,
        "methodology_series": METHODOLOGY_SERIES.version,
        "default_policies": DEFAULTS.version,
        "cross_debarment": AGREEMENTS.version,
    }
    text = rfc8785.dumps(named)
    return Editions(hashlib.sha256(text).digest(), text.decode())


async def store(
    connection: asyncpg.Connection, given: Sequence[Answered], route: str | None = None
) -> None:
    """Answers to one client by one statement: in autocommit all of it is durable when this returns.

    With the ``route`` of their Idempotency-Keys each is kept for a repeated request, too. Raises as
    `bound.store`.
    """
    # In one order for all, or two that store could wait for each other.
    given = sorted(given, key=lambda one: one.ask.key.key if one.ask.key else "")
    values = await _values(connection, given)
    if route is None:
        if await connection.fetchval(queries.STORE_LINES, *values) is None:
            raise NotAuthenticated
        return
    kept = _columns([await _kept(connection, one) for one in given])
    await bound.store(connection, queries.STORE, *values, route, *kept, answers=len(given))


async def prepare(connection: asyncpg.Connection) -> None:
    """Have the statement planned: for nobody, so that nothing is stored."""
    await connection.execute(queries.STORE, "", *[None] * 39)


async def _kept(connection: asyncpg.Connection, one: Answered) -> tuple[Any, ...]:
    key, scope = one.ask.key, agency_scope(one.caller.agency_id)
    assert key is not None  # only with keys anything is kept
    body = await one.ask.keys.seal(connection, scope, key.context, one.body)
    headers = {"content-type": "application/json", "location": one.location}
    return key.key, key.fingerprint, to_json(headers).decode(), body


def _columns(rows: Sequence[tuple[Any, ...]], width: int = 0) -> list[list[Any]]:
    """Arrays of a statement; ``width`` is how many where there may be no row."""
    return list(map(list, zip(*rows, strict=True))) if rows else [[] for _ in range(width)]


async def _values(connection: asyncpg.Connection, given: Sequence[Answered]) -> list[Any]:
    """In the order of STORE_LINES."""
    first, used = given[0], editions(given[0].now.date())
    person = first.caller.person
    noted = sorted((one.inquiry for one in given if one.inquiry), key=lambda one: one.place)
    # As text: of what is neither text nor bytes the driver asks for each whether it is an array.
    rests_on = [
        (str(one.id), item.kind, item.id, None if item.version is None else str(item.version))
        for one in given
        for item in _rests_on(one)
    ]
    return [
        first.caller.client_id,
        first.answer["list"]["version"],
        first.now,
        first.now + VALID,
        used.sha256,
        used.text,
        Event.CLEARANCE_GIVEN.value,
        person.id if person else None,
        person.office if person else None,
        person.role if person else None,
        *_columns([await _row(connection, one, used) for one in given]),
        *_columns(rests_on, 4),
        *_columns([told for one in given for told in _told(one)]),
        [one.partner_id for one in noted],
        [one.digest for one in noted],
    ]


async def _row(connection: asyncpg.Connection, one: Answered, used: Editions) -> tuple[Any, ...]:
    """Of the clearance, its event in the log and what it recognised."""
    answer, codes, event_id = one.answer, one.codes, new_id()
    issuer: str = one.ask.request.app.state.settings.issuer
    log = {"origin": notes.origin_of(issuer), "event": str(event_id)}
    payload = receipt_payload(
        issuer,
        one.caller.agency_code,
        answer,
        codes,
        one.ask.raw,
        one.body,
        one.facts,
        one.now,
        {"editions_sha256": used.sha256.hex(), "log": log},
    )
    return (
        one.id,
        one.partner_id,
        one.ask.wanted.purpose.value,
        answer["outcome"],
        f"{{{','.join(codes)}}}",
        *await _sealed(connection, one),
        payload,
        event_id,
        one.ask.request.scope["request_id"],
        _logged(answer, codes, one.body),
        one.held,
        to_json(one.verdict.recognition).decode(),
    )


async def _sealed(connection: asyncpg.Connection, one: Answered) -> list[bytes]:
    agency_id, seal = one.caller.agency_id, one.ask.keys.seal
    scope = agency_scope(agency_id)
    inputs = to_json(one.facts)
    return [
        await seal(connection, scope, context(name, one.id, agency_id), plain)
        for name, plain in (("request", one.ask.raw), ("answer", one.body), ("inputs", inputs))
    ]


def _rests_on(one: Answered) -> list[RestsOn]:
    """Each once. Where no profile is meant for sure, also what the partner was asked for by."""
    listed = one.answer["list"]
    sources = {*REQUIRED, *(item["code"] for item in listed["own_lists"])}
    moment = first_moment(one.facts, one.now, one.now)
    asked, match = one.ask.wanted.partner, one.answer["match"]
    found: list[RestsOn] = [
        *one.verdict.rests_on,
        *(RestsOn("source", code, None) for code in sorted(sources)),
        *(RestsOn(STALE_SOURCE, code, None) for code in listed["stale_sources"]),
        *([RestsOn(TIME, rfc3339(moment), None)] if moment else []),
    ]
    if one.partner_id is not None:
        found.insert(0, RestsOn("partner", str(one.partner_id), match["partner_version"]))
    else:
        found += unknown.rests_on(asked.name, asked.country, asked.identifier, one.caller.agency_id)
        found += [
            RestsOn("partner", str(item["partner_id"]), None) for item in one.answer["candidates"]
        ]
    return list({(item.kind, item.id): item for item in found}.values())


def _logged(answer: dict[str, Any], codes: list[str], body: bytes) -> str:
    said = {"outcome": answer["outcome"], "reasons": codes}
    return to_json(said | {"answer_sha256": hashlib.sha256(body).hexdigest()}).decode()


def _told(one: Answered) -> Iterator[tuple[UUID, str, str, UUID | None, str]]:
    """Events of a clearance: id, type, whose, about whom, what. ``held`` is for whoever passes
    events on. With the last variation that the quota allows the owners are told.
    """
    told: dict[str, Any] = {"outcome": one.answer["outcome"], "reasons": one.codes}
    if one.hurried is not None and "POTENTIAL_MATCH_OPEN" in one.codes:
        told["emergency_for"] = one.hurried
    told |= {"held": True} if one.held else {}
    agency = one.caller.agency_code
    yield new_id(), EventType.CLEARANCE_GIVEN.value, agency, one.id, to_json(told).decode()
    if one.tells:
        asked_by = to_json({"asked_by": agency}).decode()
        for owner in quota.owners(agency, one.facts):
            kind = EventType.CLEARANCE_QUOTA_REACHED.value
            yield new_id(), kind, owner, one.partner_id, asked_by
