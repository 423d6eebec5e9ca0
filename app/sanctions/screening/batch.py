"""Many subjects, a line each: group after group is scored together and stored by one statement.

A line's answer leaves only when its screening is stored. Sending the lines again screens them
again: an answer of last week repeated would be an answer about last week's list.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from pydantic_core import to_json

from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.auth.scopes import Scope
from app.core.clock import utc_now
from app.core.crypto import KeyRing
from app.core.errors import ServiceError
from app.core.ids import new_id
from app.events.catalogue import EventType
from app.sanctions.screening import queries
from app.sanctions.screening.answers import Answer, Found, Prepared, answered, prepare
from app.sanctions.screening.errors import NotScreened
from app.sanctions.screening.groups import LineBatch
from app.sanctions.screening.lines import Entry
from app.sanctions.screening.rules import RULES
from app.sanctions.screening.schemas import BatchLine
from app.sanctions.screening.service import Screener
from app.sanctions.screening.storing import facts_of, named, store_group

log = structlog.get_logger()
GROUP = 100
"""Lines that are stored together: none of their answers leaves before all of them are."""
_Line = Entry[BatchLine]


@dataclass(slots=True)
class _Scored:
    """A group with its hits, and the caller it was scored for."""

    caller: Caller
    answers: dict[int, Answer]


@dataclass(slots=True)
class Batch(LineBatch[BatchLine, _Scored]):
    """One stream of subjects of one caller."""

    keys: KeyRing
    screener: Screener
    id: UUID
    alone: int = 0
    """Persons so far for whom no organisation was named."""

    what = "screenings"
    model = BatchLine

    @property
    def size(self) -> int:
        return GROUP

    async def ready(self, group: Sequence[_Line]) -> _Scored:
        """Read the facts and score."""
        asked = named(entry.item for entry in group if entry.item is not None)
        sees_all = Scope.PARTNERS_PROTECTED in self.stream.caller.scopes
        now = utc_now()
        async with self.stream.fast_look() as connection:
            row = await connection.fetchrow(
                queries.FACTS_OF_GROUP, self.stream.caller.client_id, asked, sees_all
            )
            caller = self.stream.caller_of(row)
            facts = facts_of(row, caller.agency_code, now)
            layers = await self.screener.layers(connection, facts.seq, facts.lists.own)
        ready: dict[int, Prepared] = {}
        for entry in group:
            if entry.item is None:
                continue
            try:
                ready[entry.number] = prepare(entry.item, facts, layers, batch_id=self.id)
            except ServiceError as error:
                entry.refuse(error)
        # Off the loop: other requests are answered meanwhile, and the group ahead is stored.
        found = await asyncio.to_thread(_find, ready)
        return _Scored(caller, self._answers(group, ready, found, now))

    async def stored(self, group: Sequence[_Line], made: _Scored) -> list[dict[str, Any]]:
        """Store the group; who was stopped since it was scored is refused by the statement."""
        answers = made.answers
        if answers:
            told = list(answers.values())
            async with self.stream.fast_chunk() as connection:
                scope = self.request.scope
                await store_group(connection, self.keys, scope, made.caller, told, self.id)
                alone = await self._tell(connection, made.caller, told)
            self.alone = alone  # only what is committed counts
        return [
            entry.wire(screening=answers[entry.number].body)
            if entry.number in answers
            else entry.wire()
            for entry in group
        ]

    def _answers(
        self,
        group: Sequence[_Line],
        ready: dict[int, Prepared],
        found: dict[int, Found | None],
        now: Any,
    ) -> dict[int, Answer]:
        answers = {}
        for entry in group:
            if entry.number not in ready:
                continue
            hits = found[entry.number]
            if hits is None:
                entry.refuse(NotScreened())
            else:
                answers[entry.number] = answered(ready[entry.number], hits, now)
        return answers

    async def _tell(
        self, connection: asyncpg.Connection, caller: Caller, told: Sequence[Answer]
    ) -> int:
        """Count persons without an organisation; the focal point of data protection is told once a
        batch, in the transaction of the group that makes them so many. How many they are now.
        """
        before, limit = self.alone, RULES.persons_without_organisation
        now = before + sum(answer.prepared.wanted.alone for answer in told)
        if before < limit <= now:
            about: dict[str, Any] = {"persons": now, "rules": RULES.version}
            about |= {"focal_point": "data_protection", "level": "AGENCY_ONLY"}
            scope = self.request.scope
            subject = audit.Subject(self.id, caller.agency_id)
            await audit.record_fast(
                connection, scope, caller, Event.PERSONS_SCREENED_ALONE, subject, **about
            )
            kind = EventType.PERSONS_SCREENED_ALONE.value
            told_to = (caller.agency_id, self.id, to_json(about).decode())
            await connection.execute(queries.TELL, new_id(), kind, *told_to)
        return now


def _find(ready: dict[int, Prepared]) -> dict[int, Found | None]:
    """Hits of each; None where comparing failed, which concerns that line alone."""
    found: dict[int, Found | None] = {}
    for number, prepared in ready.items():
        try:
            found[number] = prepared.find()
        except Exception as error:  # noqa: BLE001 - one line's trouble ends no stream
            log.error("screening_line_failed", kind=type(error).__name__)
            found[number] = None
    return found
