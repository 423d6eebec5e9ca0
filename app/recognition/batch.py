"""Many clearances, a line each, in order: a group of lines is stored by one transaction.

A line's answer leaves only when its group is stored. Lines that are sent again are answered again:
an answer of last week repeated would be an answer about last week's facts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json

from app.core.clock import utc_now
from app.core.crypto import KeyRing
from app.core.errors import ServiceError
from app.recognition.asking import Ask, search
from app.recognition.clearing import answers_to
from app.recognition.errors import NotCleared
from app.recognition.schemas import ClearanceIn, ClearanceLine
from app.recognition.storing import Answered, store
from app.sanctions.screening.groups import LineBatch
from app.sanctions.screening.lines import Entry
from app.sanctions.screening.service import Screener

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
        """Nothing: what the group ahead stores counts into the quota of this one."""
        return True

    async def stored(self, group: Sequence[_Line], made: bool) -> list[dict[str, Any]]:
        """Answer the group from one snapshot and store it, in one transaction."""
        lines = [(entry, self._ask(entry.item)) for entry in group if entry.item is not None]
        answers = await self._answers([ask for _, ask in lines]) if lines else []
        bodies: dict[int, Any] = {}
        for (entry, _), told in zip(lines, answers, strict=True):
            if isinstance(told, Answered):
                bodies[entry.number] = json.loads(told.body)
            else:
                entry.refuse(told if isinstance(told, ServiceError) else NotCleared())
        return [
            entry.wire(clearance=bodies[entry.number]) if entry.number in bodies else entry.wire()
            for entry in group
        ]

    async def _answers(self, asks: Sequence[Ask]) -> list[Answered | Exception]:
        agency_id = self.stream.caller.agency_id
        async with self.stream.fast_chunk() as connection:
            meant = [
                ask.meaning(await search(connection, agency_id, ask.wanted, ask.sees_all))
                if ask.wanted.partner.name is not None
                else ask
                for ask in asks
            ]
            given, told = await answers_to(connection, self.screener, "", meant, utc_now())
            if given:
                await store(connection, given)
        return told

    def _ask(self, line: ClearanceLine) -> Ask:
        """Without a key: nothing is kept for a repeated line."""
        raw = to_json(line.model_dump(exclude={"id"}, exclude_unset=True, by_alias=True))
        wanted = ClearanceIn.model_validate_json(raw)
        return Ask(self.request, wanted, raw, self.stream.token, self.keys)
