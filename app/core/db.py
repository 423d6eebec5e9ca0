"""The database: engine, transactions, row-security binding, and the fast path beside the ORM.

One request is one transaction. It commits when the handler returned and before the response is
sent; it rolls back on any exception. Nothing outside this module commits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import Depends, Request
from sqlalchemy import MetaData, event
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi
from sqlalchemy.engine import Connection, CursorResult, Result, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase, SessionTransaction
from sqlalchemy.orm import Session as SyncSession
from sqlalchemy.util import greenlet_spawn

from app.core.settings import Settings

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
NO_AGENCY = UUID(int=0)
"""Agency of a caller that belongs to none: it owns nothing and nothing is shared with it."""
BINDING = "binding"
_BIND = (
    "SELECT set_config('app.agency_id', $1, true), set_config('app.partner_id', $2, true), "
    "set_config('app.oversight', $3, true)"
)


@dataclass(frozen=True, slots=True)
class Binding:
    """For whom row security lets a transaction see rows: one agency or one partner.

    ``oversight`` says that an oversight role of the agency asks.
    """

    agency_id: UUID | None = None
    partner_id: UUID | None = None
    oversight: bool = False

    @property
    def values(self) -> tuple[str, str, str]:
        """Values of app.agency_id, app.partner_id and app.oversight."""
        agency = "" if self.agency_id in (None, NO_AGENCY) else str(UUID(str(self.agency_id)))
        partner = "" if self.partner_id is None else str(UUID(str(self.partner_id)))
        return agency, partner, "on" if self.oversight else ""


class Base(DeclarativeBase):
    """Declarative base of every table; constraint names follow one convention."""

    metadata = MetaData(naming_convention=NAMING)


class RegistrySession(SyncSession):
    """Binds each transaction to one agency, or to none: then row security shows nothing."""


@event.listens_for(RegistrySession, "after_begin")
def _bind_agency(
    session: SyncSession, transaction: SessionTransaction, connection: Connection
) -> None:
    # set_config(..., true) is local to the transaction: it cannot leak to the next pool user.
    # A savepoint needs no binding of its own, and a released one would keep it.
    if transaction.nested:
        return
    binding: Binding | None = session.info.get(BINDING)
    if binding is not None:
        connection.exec_driver_sql(_BIND, binding.values)


def bind(session: AsyncSession, to: Binding | UUID) -> None:
    """Name the agency or partner whose rows the coming transaction of ``session`` may see."""
    session.info[BINDING] = to if isinstance(to, Binding) else Binding(to)


async def bind_now(session: AsyncSession, to: Binding | UUID) -> None:
    """As `bind`, and for the transaction that is already open."""
    bind(session, to)
    await (await session.connection()).exec_driver_sql(_BIND, session.info[BINDING].values)


def engine_url(url: str) -> str:
    """The SQLAlchemy URL (asyncpg driver) of a plain ``postgresql://`` address."""
    return make_url(url).set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


STEADY = 4
"""Connections of `Database.fast_steady`, beside those of the pool, where that has as many."""


def _engine(url: str, settings: Settings, size: int, more: dict[str, str]) -> AsyncEngine:
    engine = create_async_engine(
        engine_url(url),
        pool_size=size,
        max_overflow=0,
        pool_timeout=settings.pool_timeout_s,
        pool_use_lifo=True,
        # Values of statements are contents; a traceback in a log must not hold them.
        hide_parameters=True,
        connect_args={
            "timeout": 5,
            # A statement too long for the driver's memory would be planned for each use.
            "max_cacheable_statement_size": 0,
            "server_settings": {
                "statement_timeout": str(settings.statement_timeout_ms),
                "idle_in_transaction_session_timeout": "15000",
                "transaction_timeout": "60000",
                "jit": "off",
                **more,
            },
        },
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


class DatabaseAway(OSError):
    """The server gave no connection, or ended one: it is starting, stopping, full, or refuses."""


class NotCommitted(Exception):
    """A transaction that should have been stored was rolled back."""


class Database:
    """One pool of connections, used by the ORM and by the fast path alike."""

    def __init__(self, url: str, settings: Settings, *, application: str = "registry-api") -> None:
        self.engine = _engine(url, settings, settings.pool_size, {"application_name": application})
        self.steady = _engine(
            url,
            settings,
            min(STEADY, settings.pool_size),
            {"application_name": f"{application}-steady", "plan_cache_mode": "force_generic_plan"},
        )
        self.sessions = async_sessionmaker(
            self.engine, sync_session_class=RegistrySession, expire_on_commit=False
        )

    async def close(self) -> None:
        await self.engine.dispose()
        await self.steady.dispose()

    @asynccontextmanager
    async def session(self, to: Binding | UUID | None = None) -> AsyncIterator[AsyncSession]:
        """One transaction outside a request: commit on return, roll back on any exception."""
        binding = Binding(to) if isinstance(to, UUID) else to
        try:
            async with self.sessions(info={BINDING: binding}) as session, session.begin():
                yield session
        except asyncpg.InternalClientError as error:
            raise DatabaseAway from error

    @asynccontextmanager
    async def connection(
        self, engine: AsyncEngine | None = None
    ) -> AsyncIterator[asyncpg.Connection]:
        """A raw connection of the pool. A cancelled or broken one is thrown away, never reused."""
        try:
            fairy = await greenlet_spawn((engine or self.engine).sync_engine.pool.connect)
        except AsyncAdapt_asyncpg_dbapi.Error as error:
            # Below the engine the driver's refusals come in a wrapper that nobody else knows.
            raise DatabaseAway from error
        raw: asyncpg.Connection = fairy.driver_connection
        try:
            yield raw
        except BaseException as error:  # a cancelled one too: nobody may get it again
            confused = isinstance(error, asyncpg.InternalClientError)
            broken = confused or raw.is_closed() or raw.is_in_transaction()
            if broken or not isinstance(error, Exception):
                raw.terminate()
                await greenlet_spawn(fairy.invalidate)
            if confused:
                # What the driver says when the server ends a connection at the wrong moment.
                raise DatabaseAway from error
            raise
        finally:
            if fairy.is_valid:
                fairy.close()

    @asynccontextmanager
    async def fast_read(self) -> AsyncIterator[asyncpg.Connection]:
        """Hot read without ORM: autocommit, bound to no agency, so RLS tables show no row.

        Made for one statement that also returns the caller's status; it may bind itself.
        """
        async with self.connection() as raw:
            yield raw

    @asynccontextmanager
    async def fast_steady(self) -> AsyncIterator[asyncpg.Connection]:
        """As `fast_read`, of a few connections where each statement is planned once and for all
        values: for the long ones of rounds, which find all they read by key. Elsewhere the first
        five uses on each connection are planned anew, at ten times the cost of the statement.
        """
        async with self.connection(self.steady) as raw:
            yield raw

    @asynccontextmanager
    async def fast_write(self, agency_id: UUID | None) -> AsyncIterator[asyncpg.Connection]:
        """Hot write without ORM: one transaction bound to the agency, committed on return."""
        async with self.connection() as raw:
            # The UUID type makes the literal safe; one message opens and binds the transaction.
            bound = Binding(agency_id).values[0]
            await raw.execute(f"BEGIN; SELECT set_config('app.agency_id', '{bound}', true)")
            try:
                yield raw
            except Exception:  # any: nothing of it is kept; of a cancelled one see `connection`
                if not raw.is_closed():
                    await raw.execute("ROLLBACK")
                raise
            # A transaction that failed unnoticed answers COMMIT with ROLLBACK, not with an error.
            if await raw.execute("COMMIT") != "COMMIT":
                raise NotCommitted


def _refuse_closed(dbapi_connection: Any, record: Any, proxy: Any) -> None:
    # The event loop has already seen the server close a socket; asking costs no round trip.
    # The pool then opens a new connection, so a PostgreSQL restart needs no restart of ours.
    if dbapi_connection.driver_connection.is_closed():
        raise DisconnectionError("the server closed this connection")


def database_of(request: Request) -> Database:
    """The application's Database."""
    database: Database = request.app.state.database
    return database


async def get_session(request: Request) -> AsyncIterator[AsyncSession]:
    """The request's transaction: commit when the handler returned, roll back on any exception."""
    scope = request.scope
    info = {"request_id": scope.get("request_id"), "claimed_user": scope.get("claimed_user")}
    async with database_of(request).sessions(info=info) as session, session.begin():
        yield session


# scope="function": the commit happens before the response is sent. With the default scope a
# failed commit would already have been answered 201.
Session = Annotated[AsyncSession, Depends(get_session, scope="function")]


# A dependency that is not a coroutine would run in a thread pool, at many times its own cost.
async def _database(request: Request) -> Database:
    return database_of(request)


DatabaseDep = Annotated[Database, Depends(_database)]


async def wait_for_database(url: str, settings: Settings, seconds: float = 10) -> None:
    """Return when the database answers. Raises OSError or PostgresError after ``seconds``."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        try:
            connection = await asyncpg.connect(url, timeout=5)
        except (OSError, asyncpg.CannotConnectNowError):
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.2)
        else:
            await connection.close()
            return


def touched(result: Result[Any]) -> int:
    """Rows that an INSERT, UPDATE or DELETE of a session touched."""
    assert isinstance(result, CursorResult)
    return max(0, result.rowcount)


class Fields:
    """Attribute access to an asyncpg record, so that one function serves ORM rows and records."""

    __slots__ = ("_record",)

    def __init__(self, record: asyncpg.Record) -> None:
        self._record = record

    def __getattr__(self, name: str) -> Any:
        return self._record[name]
