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
from pydantic_core import to_json

from app.auth.caller import FastWriter
from app.core.clock import utc_now
from app.core.crypto import KeyRing
from app.core.idempotency import FastKey
from app.partners.errors import PartnerNotFound
from app.recognition.clearing import give_clearance
from app.recognition.errors import InquiryQuota
from app.recognition.schemas import ClearanceIn, ClearanceLine
from app.sanctions.screening.groups import LineBatch
from app.sanctions.screening.lines import Entry
from app.sanctions.screening.service import Screener

log = structlog.get_logger()
GROUP = 20
"""Lines that are stored together: none of their answers leaves before all of them are."""
_Line = Entry[ClearanceLine]


@dataclass(slots=True)
class Batch(LineBatch[ClearanceLine, bool]):
    """One stream of questions of one caller."""

    keys: KeyRing
    screener: Screener

    what = "clearances"
    model = ClearanceLine

    @property
    def size(self) -> int:
        return GROUP

    async def ready(self, group: Sequence[_Line]) -> bool:
        """Nothing: facts are read in the transaction that stores."""
        return True

    async def stored(self, group: Sequence[_Line], made: bool) -> list[dict[str, Any]]:
        """Answer and store, line by line, in one transaction."""
        answers: dict[int, Any] = {}
        async with self.stream.fast_chunk() as connection:
            for entry in group:
                if entry.item is None:
                    continue
                try:
                    answers[entry.number] = await self._answer(connection, entry.item)
                except (PartnerNotFound, InquiryQuota) as error:
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
