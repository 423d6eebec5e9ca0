"""Streams of lines that are answered group by group: what screenings and clearances share."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import asyncpg
import structlog
from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError

from app.auth.streams import Stream
from app.core.db import NotCommitted
from app.core.errors import ServiceError, Unavailable
from app.core.ndjson import Take, read_chunks
from app.sanctions.screening.lines import Entry, Model, entries

log = structlog.get_logger()
_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError, NotCommitted)
Made = TypeVar("Made")
Result = TypeVar("Result")


@dataclass(slots=True)
class LineBatch(ABC, Generic[Model, Made]):
    """One stream of lines of one caller, answered in order, group after group.

    None of a group's answers leaves before all of them are stored. While a group is being stored
    the next one is made ready.
    """

    request: Request
    stream: Stream

    async def run(self, take: Take) -> None:
        """Answer every line of the body. Raises ClientDisconnect when the peer goes away; what was
        stored stays.
        """
        storing: asyncio.Task[None] | None = None
        try:
            async for lines in read_chunks(self.request, self.size):
                group = entries(lines, self.model)
                await self.stream.pace(len(group))
                made = await self._or_refuse(group, self.ready(group))
                if storing is not None:
                    await storing
                storing = asyncio.create_task(self._finish(group, made, take))
            if storing is not None:
                await storing
        finally:
            if storing is not None:
                storing.cancel()
                await asyncio.gather(storing, return_exceptions=True)

    async def _finish(self, group: Sequence[Entry[Model]], made: Made | None, take: Take) -> None:
        """Store the group and give its answers: the peer may be waiting for them with the rest."""
        results = None
        if made is not None:
            results = await self._or_refuse(group, self.stored(group, made))
        take(results if results is not None else [entry.wire() for entry in group])

    async def _or_refuse(
        self, group: Sequence[Entry[Model]], step: Awaitable[Result]
    ) -> Result | None:
        """What the step gives. None where it failed: nothing of the group is stored then, each of
        its lines says so, and the next group is tried.
        """
        try:
            return await step
        except ServiceError as error:
            refusal = error
        except _AWAY as error:
            log.warning("group_of_lines_failed", of=self.what, kind=type(error).__name__)
            refusal = Unavailable()
        for entry in group:
            if entry.error is None:
                entry.refuse(refusal)
        return None

    @property
    @abstractmethod
    def what(self) -> str:
        """What the lines ask for; for the log."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Most lines of a group."""

    @property
    @abstractmethod
    def model(self) -> type[Model]:
        """What a line is."""

    @abstractmethod
    async def ready(self, group: Sequence[Entry[Model]]) -> Made:
        """All that can be done before the group ahead is stored; lines may be refused."""

    @abstractmethod
    async def stored(self, group: Sequence[Entry[Model]], made: Made) -> list[dict[str, Any]]:
        """Store the group; its answers, a line each."""
