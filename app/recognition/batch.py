"""Many clearances, a line each, in order: a group of lines is stored by one transaction.

A line's answer leaves only when its group is stored. Lines that are sent again are answered again:
an answer of last week repeated would be an answer about last week's facts.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import structlog
from fastapi import Request
from pydantic_core import to_json
from sqlalchemy.exc import SQLAlchemyError

from app.auth.caller import FastWriter
from app.auth.streams import Stream
from app.core.clock import utc_now
from app.core.crypto import KeyRing
from app.core.db import NotCommitted
from app.core.errors import ServiceError, Unavailable
from app.core.idempotency import FastKey
from app.core.ndjson import Take, read_chunks
from app.partners.errors import PartnerNotFound
from app.recognition.clearing import give_clearance
from app.recognition.schemas import ClearanceIn, ClearanceLine
from app.sanctions.screening.lines import Entry, entries
from app.sanctions.screening.service import Screener

log = structlog.get_logger()
GROUP = 20
"""Lines that are stored together: none of their answers leaves before all of them are."""
_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError, NotCommitted)
_Line = Entry[ClearanceLine]


@dataclass(frozen=True, slots=True)
class Batch:
    """One stream of lines of one caller."""

    request: Request
    stream: Stream
    keys: KeyRing
    screener: Screener

    async def run(self, take: Take) -> None:
        """Answer every line of the body. Raises ClientDisconnect when the peer goes away; what was
        stored stays.
        """
        async for lines in read_chunks(self.request, GROUP):
            group = entries(lines, ClearanceLine)
            await self.stream.pace(len(group))
            take(await self._group(group))

    async def _group(self, group: Sequence[_Line]) -> list[dict[str, Any]]:
        try:
            return await self._stored(group)
        except ServiceError as error:
            refusal = error
        except _AWAY as error:
            log.warning("clearance_group_failed", kind=type(error).__name__)
            refusal = Unavailable()
        # None of the group is stored: each line says so, and the next group is tried.
        for entry in group:
            if entry.error is None:
                entry.refuse(refusal)
        return [entry.wire() for entry in group]

    async def _stored(self, group: Sequence[_Line]) -> list[dict[str, Any]]:
        answers: dict[int, Any] = {}
        async with self.stream.fast_chunk() as connection:
            for entry in group:
                if entry.item is None:
                    continue
                try:
                    answers[entry.number] = await self._answer(connection, entry.item)
                except PartnerNotFound as error:
                    entry.refuse(error)
        return [
            entry.wire(clearance=answers[entry.number]) if entry.number in answers else entry.wire()
            for entry in group
        ]

    async def _answer(self, connection: asyncpg.Connection, line: ClearanceLine) -> Any:
        raw = to_json(line.model_dump(exclude={"id"}, exclude_unset=True, by_alias=True))
        caller = self.stream.caller
        # A key of its own: nothing is kept for a repeated line.
        key = FastKey(
            caller.agency_id, caller.client_id, "clearances/batch", secrets.token_hex(16), b""
        )
        writer = FastWriter(self.stream.token, key, self.keys)
        wanted = ClearanceIn.model_validate_json(raw)
        given = await give_clearance(
            self.request, connection, self.screener, writer, wanted, raw, utc_now(), once=False
        )
        return json.loads(given.body)
