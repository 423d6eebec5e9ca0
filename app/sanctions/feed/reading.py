"""What every operation of the feed begins with: who asks, and the head of the stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from fastapi import Request

from app.audit import service as audit
from app.audit.events import Event
from app.audit.purposes import OWN_RECORD
from app.auth import policy
from app.auth.caller import Caller, VerifiedToken, caller_from
from app.auth.scopes import Scope
from app.core.db import Database, database_of
from app.core.settings import Settings
from app.sanctions.feed import build, queries
from app.sanctions.feed.errors import StreamNotFound
from app.sanctions.feed.heads import Heads
from app.sanctions.feed.pages import Pages
from app.sanctions.feed.waiting import Waiting


class Feed:
    """What one process keeps of the feed: its pages, heads that are being read, and who waits."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.pages = Pages()
        self.heads = Heads(database)
        self.waiting = Waiting(database, settings.feed_waiters)

    def stop(self) -> None:
        """Answer who waits."""
        self.waiting.stop()

    async def close(self) -> None:
        """As `stop`, and look no more."""
        await self.waiting.close()


def feed_of(request: Request) -> Feed:
    """The application's."""
    feed: Feed = request.app.state.feed
    return feed


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a stream by its stored name; ``own`` is the agency whose own it is."""

    caller: Caller
    stream: str
    manifest: str
    seq_to: int
    own: UUID | None = None


async def find_head(request: Request, token: VerifiedToken, stream: str) -> Head:
    """The head of a stream the caller may read. Raises StreamNotFound, and as `caller_from`."""
    if stream != build.OWN:
        row = await feed_of(request).heads.get(stream, token.client_id)
        return head_from(request, token, stream, row)
    caller = await find_caller(request, token)
    if not reads_own(caller):
        raise StreamNotFound
    own = build.own_stream(caller.agency_id)
    async with shown(database_of(request), caller.agency_id) as connection:
        row = await connection.fetchrow(queries.HEAD_OF, own)
    if row is None:
        raise StreamNotFound
    return Head(caller, own, row["manifest"], row["seq_to"], caller.agency_id)


def head_from(request: Request, token: VerifiedToken, stream: str, row: Any | None) -> Head:
    """The head in a row of `queries.HEADS`. Raises as `find_head`."""
    caller = caller_from(request, token, row, Scope.FEED_READ)
    if row is None or row["manifest"] is None:
        raise StreamNotFound
    return Head(caller, stream, row["manifest"], row["seq_to"])


async def find_caller(request: Request, token: VerifiedToken) -> Caller:
    """Who asks. Raises as `caller_from`."""
    async with database_of(request).fast_read() as connection:
        row = await connection.fetchrow(queries.STATUS, token.client_id)
    return caller_from(request, token, row, Scope.FEED_READ)


def reads_own(caller: Caller) -> bool:
    """Whether the caller may read all that its agency alone is told: RESTRICTED measures, whole."""
    return (
        caller.subject == "agency"
        and not caller.countries
        and policy.reaches(caller, "RESTRICTED")
        and policy.has_right(caller, "read", "DEBAR_ENTRY")
    )


@asynccontextmanager
async def shown(database: Database, own: UUID | None) -> AsyncIterator[asyncpg.Connection]:
    """A connection that sees the streams of all, and with an agency that one's own, too."""
    # The writing path, because it alone is bound to an agency for longer than one statement.
    async with database.fast_read() if own is None else database.fast_write(own) as connection:
        yield connection


async def note_reading(request: Request, caller: Caller, **what: Any) -> None:
    """Log that RESTRICTED contents of the agency's own stream were handed out."""
    subject = audit.Subject(None, caller.agency_id)
    async with database_of(request).fast_read() as connection:
        await audit.record_fast(
            connection,
            request.scope,
            caller,
            Event.FEED_OWN_READ,
            subject,
            purpose=OWN_RECORD,
            basis="owner",
            **what,
        )
