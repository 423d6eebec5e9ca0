"""Reading the facts and storing screenings, on asyncpg: before an answer leaves, it is stored."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from fastapi import Request
from pydantic_core import to_json

from app.audit.events import Event
from app.audit.purposes import is_held
from app.auth import bound
from app.auth.caller import Caller, FastWriter
from app.auth.errors import NotAuthenticated
from app.auth.scopes import Scope
from app.core.crypto import KeyRing, agency_scope
from app.core.ids import new_id
from app.sanctions.screening import queries
from app.sanctions.screening.answers import Answer, Facts
from app.sanctions.screening.lists import Lists
from app.sanctions.screening.schemas import Asked

_FACTS_OF_HIT = ("entry_id", "source", "reference", "score", "cleared")
_REQUEST = ("subject", "acting_for", "lists", "limit", "purpose", "partner_id")


def context(screening_id: Any, agency_id: Any) -> str:
    """Encryption context of what is sealed: moved to another row or agency, it stays shut."""
    return f"screenings|{screening_id}|{agency_id}"


def named(wanted: Iterable[Asked]) -> list[UUID]:
    """Profiles that these requests name."""
    return sorted({one for item in wanted for one in item.partners})


def facts_of(row: Any, agency: str, now: datetime) -> Facts:
    """Of a row of FACTS or FACTS_OF_GROUP."""
    lists = Lists.read(json.loads(row["sources"]), json.loads(row["own_lists"]), now)
    partners = {UUID(one["asked"]): one for one in json.loads(row["partners"])}
    return Facts(agency, row["seq_to"], lists, partners)


@dataclass(frozen=True, slots=True)
class _Told:
    """An event for the log."""

    event: Event
    subject_id: UUID
    detail: dict[str, Any]
    purpose: str | None
    scope: Mapping[str, Any]

    def columns(self, caller: Caller) -> tuple[Any, ...]:
        """Of its row, but for what all rows have alike."""
        return (
            new_id(),
            self.event.value,
            self.subject_id,
            to_json(self.detail).decode(),
            self.purpose,
            is_held(caller.oversight, self.purpose),
            self.scope.get("request_id"),
            self.scope.get("claimed_user"),
        )


@dataclass(frozen=True, slots=True)
class Ask:
    """One request for a screening, with its token and Idempotency-Key."""

    request: Request
    wanted: Asked
    writer: FastWriter

    @property
    def client_id(self) -> str:
        """Whose token it is."""
        return self.writer.token.client_id

    @property
    def sees_all(self) -> bool:
        """Whether the token holds `partners:protected`."""
        return Scope.PARTNERS_PROTECTED.value in self.writer.token.scopes


@dataclass(frozen=True, slots=True)
class Given:
    """The answer to a request, and its caller as the statement found it."""

    ask: Ask
    caller: Caller
    answer: Answer


async def store_each(connection: asyncpg.Connection, given: Sequence[Given]) -> None:
    """Screenings of one client with the answers for their replays, by one statement. Raises as
    `bound.store`.
    """
    writer, caller = given[0].ask.writer, given[0].caller
    # In one order for all, or two that store could wait for each other.
    given = sorted(given, key=lambda one: one.ask.writer.key.key)
    kept = [
        (
            one.ask.writer.key.key,
            one.ask.writer.key.fingerprint,
            to_json(_headers(one.answer)).decode(),
            await writer.keys.seal(
                connection,
                agency_scope(caller.agency_id),
                one.ask.writer.key.context,
                one.answer.json,
            ),
        )
        for one in given
    ]
    values = await _values(
        connection, writer.keys, caller, [one.answer for one in given], map(_event_of, given)
    )
    columns = map(list, zip(*kept, strict=True))
    await bound.store(
        connection, queries.STORE, *values, writer.key.route, *columns, answers=len(given)
    )


def _event_of(one: Given) -> _Told:
    answer = one.answer
    detail = {name: answer.body[name] for name in ("outcome", "list_version", "role")}
    purpose = answer.prepared.wanted.purpose
    return _Told(
        Event.SCREENED, answer.body["screening_id"], detail, purpose, one.ask.request.scope
    )


def _headers(answer: Answer) -> dict[str, str]:
    return {"content-type": "application/json", "location": location(answer)}


def location(answer: Answer) -> str:
    """Where the screening is read."""
    return f"/v1/screenings/{answer.body['screening_id']}"


async def store_group(
    connection: asyncpg.Connection,
    keys: KeyRing,
    request: Mapping[str, Any],
    caller: Caller,
    answers: Sequence[Answer],
    subject_id: UUID,
) -> None:
    """Many screenings by one statement; the log has one event for all that have one purpose.

    Raises NotAuthenticated when the client was stopped meanwhile.
    """
    by_purpose: dict[str | None, list[Answer]] = {}
    for answer in answers:
        by_purpose.setdefault(answer.prepared.wanted.purpose, []).append(answer)
    events = [
        _Told(Event.SCREENED_MANY, subject_id, _together(group), purpose, request)
        for purpose, group in by_purpose.items()
    ]
    values = await _values(connection, keys, caller, answers, events)
    if await connection.fetchval(queries.STORE_GROUP, *values) is None:
        raise NotAuthenticated


def _together(answers: Sequence[Answer]) -> dict[str, Any]:
    outcomes: dict[str, int] = {}
    for answer in answers:
        outcomes[answer.body["outcome"]] = outcomes.get(answer.body["outcome"], 0) + 1
    return {
        "screenings": [str(answer.body["screening_id"]) for answer in answers],
        "outcomes": outcomes,
        "list_version": answers[0].body["list_version"],
    }


async def _values(
    connection: asyncpg.Connection,
    keys: KeyRing,
    caller: Caller,
    answers: Sequence[Answer],
    events: Iterable[_Told],
) -> list[Any]:
    """Parameters $1 to $31 of the storing statements."""
    person, first = caller.person, answers[0]
    rows = [await _row(connection, keys, caller, answer) for answer in answers]
    told = [event.columns(caller) for event in events]
    return [
        caller.client_id,
        datetime.fromisoformat(first.body["at"]),
        first.body["algorithm"],
        first.body["statistics_version"],
        first.body["list_version"],
        first.prepared.batch_id,
        first.prepared.rerun_of,
        *map(list, zip(*rows, strict=True)),
        person.id if person else None,
        person.office if person else None,
        person.role if person else None,
        *map(list, zip(*told, strict=True)),
    ]


async def _row(
    connection: asyncpg.Connection, keys: KeyRing, caller: Caller, answer: Answer
) -> tuple[Any, ...]:
    body, wanted = answer.body, answer.prepared.wanted
    screening_id = body["screening_id"]
    sealed = await keys.seal(
        connection,
        agency_scope(caller.agency_id),
        context(screening_id, caller.agency_id),
        to_json(
            {
                "request": wanted.model_dump(mode="json", include=set(_REQUEST)),
                "answer": body,
                "decisions": answer.decisions,
                "left_out": answer.prepared.left_out,
            }
        ),
    )
    return (
        screening_id,
        body["role"],
        wanted.subject.kind,
        body["partner_id"],
        body["threshold"],
        body["outcome"],
        to_json([{name: one[name] for name in ("code", "version")} for one in body["own_lists"]])
        .decode(),
        to_json(body["lists"]).decode(),
        to_json(body["stale_sources"]).decode(),
        to_json([fact_of(hit) for hit in body["hits"]]).decode(),
        body["more"],
        is_held(caller.oversight, wanted.purpose),
        sealed,
    )  # fmt: skip


def fact_of(hit: Mapping[str, Any]) -> dict[str, Any]:
    """What stays of a hit when the subject is erased: ids, codes and numbers, no name."""
    decision = hit["decision"]
    kept = None if decision is None else {k: v for k, v in decision.items() if k != "reason"}
    return {name: hit[name] for name in _FACTS_OF_HIT} | {"decision": kept}
