"""Callers of streams of lines: looked up at the start, and again with each chunk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import asyncpg
from fastapi import Depends, Request, Security
from fastapi.security import SecurityScopes
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.caller import STATUS_COLUMNS, Caller, VerifiedToken, caller_from, verified_token
from app.auth.scopes import Scope
from app.core.db import bind_now, database_of
from app.core.limits import limits_of, release
from app.core.ndjson import chunk_session

_STATUS = text(f"SELECT {STATUS_COLUMNS} FROM client_status s WHERE s.client_id = :client_id")  # noqa: S608 - constant
_SHARE_WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Stream:
    """The caller of a stream. It holds no transaction and no share of the pool between chunks."""

    caller: Caller
    _request: Request
    _token: VerifiedToken
    _scopes: tuple[Scope, ...]

    @property
    def token(self) -> VerifiedToken:
        """What the caller presented."""
        return self._token

    @asynccontextmanager
    async def chunk(self) -> AsyncIterator[tuple[AsyncSession, Caller]]:
        """The transaction of one chunk, and the caller as it is now.

        Raises NotAuthenticated or ScopeMissing when the client has been stopped meanwhile,
        AgencyBusy when its agency's share of the pool does not get free in time.
        """
        async with self._share(), chunk_session(self._request, None) as session:
            row = (
                await session.execute(_STATUS, {"client_id": self._token.client_id})
            ).one_or_none()
            caller = caller_from(self._request, self._token, row, *self._scopes)
            await bind_now(session, caller.binding)
            yield session, caller

    @asynccontextmanager
    async def fast_chunk(self) -> AsyncIterator[asyncpg.Connection]:
        """As `chunk` without the ORM, bound to the agency: its first statement reads the client's
        status for `caller_of`. Raises AgencyBusy.
        """
        database = database_of(self._request)
        async with self._share(), database.fast_write(self.caller.agency_id) as connection:
            yield connection

    @asynccontextmanager
    async def fast_look(self) -> AsyncIterator[asyncpg.Connection]:
        """As `fast_chunk` without a transaction, for statements that bind themselves
        (`app.auth.bound`). Raises AgencyBusy.
        """
        async with self._share(), database_of(self._request).fast_read() as connection:
            yield connection

    def _share(self) -> AbstractAsyncContextManager[None]:
        """A part of the pool, out of the agency's."""
        share = self._token.agency or self._token.client_id
        return limits_of(self._request).bulkhead.slot(share, _SHARE_WAIT_S)

    def caller_of(self, row: Any | None) -> Caller:
        """The caller as it is now, by a ``client_status`` row. Raises as `caller_from`."""
        return caller_from(self._request, self._token, row, *self._scopes)

    async def pace(self, lines: int) -> None:
        """Wait until so many lines are within the client's rate."""
        await limits_of(self._request).pace(self._token.client_id, lines)


async def get_stream(
    request: Request,
    needed: SecurityScopes,
    token: Annotated[VerifiedToken, Depends(verified_token)],
) -> Stream:
    """Dependency: the caller of a stream, known before its first line is read."""
    scopes = tuple(map(Scope, needed.scopes))
    async with chunk_session(request, None) as session:
        row = (await session.execute(_STATUS, {"client_id": token.client_id})).one_or_none()
        caller = caller_from(request, token, row, *scopes)
    release(request.scope)
    return Stream(caller, request, token, scopes)


def requires_stream(*any_of: Scope) -> Any:
    """As `requires`, for a route that takes a stream of lines: ``Annotated[Stream, …]``."""
    return Security(get_stream, scopes=[scope.value for scope in any_of])
