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
from fastapi import Request
from pydantic_core import to_json
from sqlalchemy.exc import SQLAlchemyError

from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.auth.scopes import Scope
from app.auth.streams import Stream
from app.core.clock import utc_now
from app.core.crypto import KeyRing
from app.core.db import NotCommitted
from app.core.errors import ServiceError, Unavailable
from app.core.ids import new_id
from app.core.ndjson import Take, read_chunks
from app.events.catalogue import EventType
from app.sanctions.screening import queries
from app.sanctions.screening.answers import Answer, Found, Prepared, answered, prepare
from app.sanctions.screening.errors import NotScreened
from app.sanctions.screening.lines import Entry, entries
from app.sanctions.screening.rules import RULES
from app.sanctions.screening.schemas import BatchLine
from app.sanctions.screening.service import Screener
from app.sanctions.screening.storing import facts_of, named, store_group

log = structlog.get_logger()
GROUP = 100
"""Lines that are stored together: none of their answers leaves before all of them are."""
_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError, NotCommitted)
_Line = Entry[BatchLine]


@dataclass(slots=True)
class Batch:
    """One stream of lines of one caller."""

    request: Request
    stream: Stream
    keys: KeyRing
    screener: Screener
    id: UUID
    alone: int = 0
    """Persons so far for whom no organisation was named."""

    async def run(self, take: Take) -> None:
        """Screen every line of the body. Raises ClientDisconnect when the peer goes away; what was
        stored stays.
        """
        async for lines in read_chunks(self.request, GROUP):
            group = entries(lines, BatchLine)
            await self.stream.pace(len(group))
            take(await self._group(group))

    async def _group(self, group: Sequence[_Line]) -> list[dict[str, Any]]:
        try:
            return await self._stored(group)
        except ServiceError as error:
            refusal = error
        except _AWAY as error:
            log.warning("screening_group_failed", kind=type(error).__name__)
            refusal = Unavailable()
        # None of the group is stored: each line says so, and the next group is tried.
        for entry in group:
            if entry.error is None:
                entry.refuse(refusal)
        return [entry.wire() for entry in group]

    async def _stored(self, group: Sequence[_Line]) -> list[dict[str, Any]]:
        asked = named(entry.item for entry in group if entry.item is not None)
        sees_all = Scope.PARTNERS_PROTECTED in self.stream.caller.scopes
        who = (self.stream.caller.client_id, asked, sees_all)
        now = utc_now()
        async with self.stream.fast_chunk() as connection:
            row = await connection.fetchrow(queries.FACTS_OF_GROUP, *who)
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
            # Off the loop: other requests are answered meanwhile.
            found = await asyncio.to_thread(_find, ready)
            answers = self._answers(group, ready, found, now)
            alone = self.alone
            if answers:
                told = list(answers.values())
                scope = self.request.scope
                await store_group(connection, self.keys, scope, caller, told, self.id)
                alone = await self._tell(connection, caller, told)
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
