"""What a clearance leaves behind: request, answer and inputs sealed, codes, versions and hashes
open, all in the transaction of the answer; and what it says when it is computed again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import asyncpg
import rfc8785
from fastapi import Request
from pydantic import TypeAdapter
from pydantic_core import to_json

from app.audit import notes
from app.audit.events import Event
from app.audit.purposes import is_held
from app.auth import bound
from app.auth.caller import Caller, FastWriter
from app.auth.errors import NotAuthenticated
from app.core import codelists
from app.core.clock import rfc3339
from app.core.crypto import agency_scope
from app.core.ids import new_id
from app.events.catalogue import EventType
from app.recognition import queries
from app.recognition.decide import Facts, Verdict, codes_of, decide
from app.recognition.moments import first_moment
from app.recognition.reading import facts_on
from app.recognition.receipts import receipt_payload
from app.recognition.rests_on import STALE_SOURCE, TIME, RestsOn
from app.recognition.rules import DEFAULTS, METHODOLOGY_SERIES, SCALES
from app.recognition.schemas import ClearanceIn
from app.recognition.watching import unknown
from app.sanctions.entries.cross_debarment import AGREEMENTS
from app.sanctions.lists.freshness import REQUIRED

VALID = timedelta(days=DEFAULTS.answer_valid_days)
_FACTS = TypeAdapter(Facts)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that is about to be stored. ``hidden``: its partner is protected from the caller.

    ``once``: it is what an Idempotency-Key stands for. ``inquiry``: digest of what is asked, where
    it is to be noted.
    """

    wanted: ClearanceIn
    raw: bytes
    partner_id: UUID | None
    hidden: bool
    facts: Facts
    verdict: Verdict
    answer: dict[str, Any]
    body: bytes
    now: datetime
    once: bool = True
    inquiry: bytes | None = None

    @property
    def id(self) -> UUID:
        """Of the clearance."""
        found: UUID = self.answer["clearance_id"]
        return found

    @property
    def hurried(self) -> str | None:
        """The partner for whom somebody has to sign in an emergency."""
        hurried = self.wanted.context == "emergency" and not self.hidden
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
    request: Request,
    connection: asyncpg.Connection,
    writer: FastWriter,
    caller: Caller,
    given: Answered,
) -> None:
    """Everything of one answer by one statement. Raises as `bound.store`."""
    values = _values(request, caller, given, await _sealed(connection, writer, caller, given))
    if not given.once:
        if await connection.fetchval(queries.STORE_LINE, *values) is None:
            raise NotAuthenticated
        return
    scope, key = agency_scope(caller.agency_id), writer.key
    headers = {"content-type": "application/json", "location": f"/v1/clearances/{given.id}"}
    body = await writer.keys.seal(connection, scope, key.context, given.body)
    kept = (key.route, key.key, key.fingerprint, to_json(headers).decode(), body)
    await bound.store(connection, queries.STORE, *values, *kept)


def _values(request: Request, caller: Caller, given: Answered, sealed: list[bytes]) -> list[Any]:
    """In the order of STORE_LINE."""
    answer, codes = given.answer, codes_of(given.answer["reasons"])
    used, event_id = editions(given.now.date()), new_id()
    issuer: str = request.app.state.settings.issuer
    log = {"origin": notes.origin_of(issuer), "event": str(event_id)}
    payload = receipt_payload(
        issuer,
        caller.agency_code,
        answer,
        codes,
        given.raw,
        given.body,
        given.facts,
        given.now,
        {"editions_sha256": used.sha256.hex(), "log": log},
    )
    person = caller.person
    held = is_held(caller.oversight, given.wanted.purpose)
    rests_on = _rows(given, caller.agency_id)
    return [
        caller.client_id,
        given.inquiry,
        given.id,
        given.partner_id,
        given.wanted.purpose.value,
        answer["outcome"],
        codes,
        answer["list"]["version"],
        given.now,
        given.now + VALID,
        *sealed,
        payload,
        event_id,
        Event.CLEARANCE_GIVEN.value,
        person.id if person else None,
        person.office if person else None,
        person.role if person else None,
        request.scope["request_id"],
        _logged(answer, codes, given.body),
        new_id(),
        EventType.CLEARANCE_GIVEN.value,
        held,
        used.sha256,
        used.text,
        [item.kind for item in rests_on],
        [item.id for item in rests_on],
        [item.version for item in rests_on],
        _told(given, codes, held=held),
        to_json(given.verdict.recognition).decode(),
    ]


async def _sealed(
    connection: asyncpg.Connection, writer: FastWriter, caller: Caller, given: Answered
) -> list[bytes]:
    agency_id, seal = caller.agency_id, writer.keys.seal
    scope = agency_scope(agency_id)
    inputs = to_json(given.facts)
    return [
        await seal(connection, scope, context(name, given.id, agency_id), plain)
        for name, plain in (("request", given.raw), ("answer", given.body), ("inputs", inputs))
    ]


def context(name: str, clearance_id: UUID, agency_id: UUID) -> str:
    """What a sealed value of a clearance is bound to."""
    return f"clearances.{name}|{clearance_id}|{agency_id}"


def _rows(given: Answered, agency_id: UUID) -> list[RestsOn]:
    """Each once. Where no profile is meant for sure, also what the partner was asked for by."""
    listed = given.answer["list"]
    sources = {*REQUIRED, *(item["code"] for item in listed["own_lists"])}
    moment = first_moment(given.facts, given.now, given.now)
    asked, match = given.wanted.partner, given.answer["match"]
    found: list[RestsOn] = [
        *given.verdict.rests_on,
        *(RestsOn("source", code, None) for code in sorted(sources)),
        *(RestsOn(STALE_SOURCE, code, None) for code in listed["stale_sources"]),
        *([RestsOn(TIME, rfc3339(moment), None)] if moment else []),
    ]
    if given.partner_id is not None:
        found.insert(0, RestsOn("partner", str(given.partner_id), match["partner_version"]))
    else:
        found += unknown.rests_on(asked.name, asked.country, asked.identifier, agency_id)
        found += [
            RestsOn("partner", str(item["partner_id"]), None) for item in given.answer["candidates"]
        ]
    return list({(item.kind, item.id): item for item in found}.values())


def _logged(answer: dict[str, Any], codes: list[str], body: bytes) -> str:
    said = {"outcome": answer["outcome"], "reasons": codes}
    return to_json(said | {"answer_sha256": hashlib.sha256(body).hexdigest()}).decode()


def _told(given: Answered, codes: list[str], *, held: bool) -> str:
    """What the event of a clearance says; ``held`` is for whoever passes events on."""
    told = {"outcome": given.answer["outcome"], "reasons": codes}
    if given.hurried is not None and "POTENTIAL_MATCH_OPEN" in codes:
        told["emergency_for"] = given.hurried
    return to_json(told | ({"held": True} if held else {})).decode()


# ------------------------------------------------------------------------------ computed again


def facts_from(inputs: bytes) -> Facts:
    """The facts that an answer was decided by."""
    return _FACTS.validate_json(inputs)


def plain_reasons(verdict: Verdict) -> Any:
    """Its reasons as they stand in an answer."""
    return json.loads(to_json(verdict.reasons))


def recomputed(inputs: bytes, answer: bytes, as_of: datetime | None = None) -> dict[str, Any]:
    """The decision made again from the stored facts, as of the answer's own moment or a later one,
    and whether it is the one that was given.
    """
    facts, given = facts_from(inputs), json.loads(answer)
    verdict = decide(facts if as_of is None else facts_on(facts, as_of.date()))
    equal = (
        verdict.outcome == given["outcome"]
        and plain_reasons(verdict) == given["reasons"]
        and json.loads(to_json(verdict.recognition)) == given["recognition"]
    )
    return {
        "clearance_id": given["clearance_id"],
        "as_of": given["evaluated_at"] if as_of is None else as_of,
        "outcome": verdict.outcome,
        "outcome_given": given["outcome"],
        "reasons": plain_reasons(verdict),
        "equal": equal,
    }
