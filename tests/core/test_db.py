"""Transactions, the binding to an agency, and a pool that survives what happens to servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID, uuid4

import asyncpg
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import Database, DatabaseAway, bind, bind_now, wait_for_database
from app.core.settings import Settings
from app.main import create_app
from tests.support import build_world, plain_client, token_for

BOUND = "SELECT coalesce(current_setting('app.agency_id', true), '')"
KILL = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname = $1 AND usename = 'reg_app'"
)


@pytest.fixture
async def narrow(settings: Settings) -> AsyncIterator[Database]:
    """A pool of one connection: whatever leaks is met by the next user."""
    database = Database(
        settings.require("database_url"),
        settings.model_copy(update={"pool_size": 1, "pool_timeout_s": 1.0}),
    )
    yield database
    await database.close()


async def _bound(session: AsyncSession) -> str:
    value: str = (await session.execute(text(BOUND))).scalar_one()
    return value


async def _cancelled_in(database: Database, agency: UUID) -> None:
    """A request of the agency that is cancelled while the database works for it."""

    async def slow() -> None:
        async with database.session(agency) as session:
            await session.execute(text("SELECT pg_sleep(30)"))

    task = asyncio.create_task(slow())
    await asyncio.sleep(0.02)
    task.cancel()
    with suppress(asyncio.CancelledError, DBAPIError):
        await task


async def test_the_binding_of_one_agency_never_reaches_the_next(narrow: Database) -> None:
    agencies = (uuid4(), uuid4())
    for turn in range(1_000):
        agency = agencies[turn % 2]
        with suppress(DBAPIError, RuntimeError):
            async with narrow.session(agency) as session:
                assert await _bound(session) == str(agency)
                if turn % 5 == 1:
                    raise RuntimeError
                if turn % 5 == 2:
                    await session.execute(text("SELECT 1 / 0"))
                if turn % 5 == 3:
                    async with session.begin_nested():
                        assert await _bound(session) == str(agency)
        if turn % 50 == 7:
            await _cancelled_in(narrow, agency)
        async with narrow.fast_read() as connection:
            assert await connection.fetchval(BOUND) == "", turn
        with suppress(RuntimeError, asyncpg.DivisionByZeroError):
            async with narrow.fast_write(agency) as connection:
                assert await connection.fetchval(BOUND) == str(agency)
                if turn % 5 == 4:
                    await connection.execute("SELECT 1 / 0")
                if turn % 5 == 0:
                    raise RuntimeError
        async with narrow.session() as session:
            assert await _bound(session) == "", turn


async def test_a_session_can_be_bound_before_and_during_its_transaction(narrow: Database) -> None:
    first, second = uuid4(), uuid4()
    async with narrow.sessions(info={}) as session, session.begin():
        bind(session, first)
        assert await _bound(session) == str(first)
        await bind_now(session, second)
        assert await _bound(session) == str(second)
    async with narrow.session() as session:
        assert await _bound(session) == ""


async def test_a_binding_must_be_an_id(narrow: Database) -> None:
    with pytest.raises(ValueError, match="UUID"):
        async with narrow.fast_write("'; DROP TABLE partners; --"):  # type: ignore[arg-type]  # the point is that it is refused
            raise AssertionError
    async with narrow.fast_write(None) as connection:
        assert await connection.fetchval(BOUND) == ""


async def test_a_cancelled_request_leaks_no_connection(narrow: Database) -> None:
    async def by_session() -> None:
        async with narrow.session(uuid4()) as session:
            await session.execute(text("SELECT pg_sleep(30)"))

    async def by_connection() -> None:
        async with narrow.connection() as connection:
            await connection.execute("SELECT pg_sleep(30)")

    async def by_write() -> None:
        async with narrow.fast_write(uuid4()) as connection:
            await connection.execute("SELECT pg_sleep(30)")

    for work in (by_session, by_connection, by_write) * 3:
        task = asyncio.create_task(work())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with narrow.fast_read() as connection:
            assert await connection.fetchval(BOUND) == ""
    async with narrow.session() as session:
        assert await _bound(session) == ""


async def test_a_write_is_kept_or_lost_as_a_whole(
    narrow: Database, operator_database: Database
) -> None:
    async def insert(connection: asyncpg.Connection, event: UUID) -> None:
        await connection.execute(
            "INSERT INTO outbox (id, type, subject_id) VALUES ($1, 'test', $1)", event
        )

    async def kept(event: UUID) -> bool:
        async with operator_database.connection() as connection:
            return bool(await connection.fetchval("SELECT 1 FROM outbox WHERE id = $1", event))

    good, lost, cancelled = uuid4(), uuid4(), uuid4()
    async with narrow.fast_write(None) as connection:
        await insert(connection, good)
    with suppress(RuntimeError):
        async with narrow.fast_write(None) as connection:
            await insert(connection, lost)
            raise RuntimeError
    with suppress(asyncio.CancelledError):
        async with narrow.fast_write(None) as connection:
            await insert(connection, cancelled)
            raise asyncio.CancelledError
    assert [await kept(event) for event in (good, lost, cancelled)] == [True, False, False]


async def test_a_full_pool_is_a_503_not_a_hang(settings: Settings, narrow: Database) -> None:
    async with narrow.connection():
        with pytest.raises(Exception, match="QueuePool limit"):
            async with narrow.connection():
                raise AssertionError


async def test_a_server_that_gives_no_connection_is_one_kind_of_error(
    settings: Settings,
) -> None:
    url = settings.require("database_url").rsplit("/", 1)[0] + "/no_such_database"
    database = Database(url, settings)
    with pytest.raises(DatabaseAway):
        async with database.connection():
            raise AssertionError
    await database.close()


async def test_waiting_for_a_database_ends(settings: Settings) -> None:
    await wait_for_database(settings.require("database_url"), settings)
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await wait_for_database("postgresql://u:p@127.0.0.1:1/x", settings, seconds=0.3)


@pytest.fixture
async def served(empty_database: Settings) -> AsyncIterator[tuple[FastAPI, dict[str, str]]]:
    """An application on a database of its own, and the headers of a caller."""
    world = await build_world(empty_database)
    app = create_app(empty_database)
    async with app.router.lifespan_context(app):
        token = await token_for(app, "UNICEF", world.secrets["UNICEF"])
        yield app, {"Authorization": f"Bearer {token}"}


async def test_the_service_survives_the_loss_of_every_connection(
    served: tuple[FastAPI, dict[str, str]], empty_database: Settings
) -> None:
    app, headers = served
    url = empty_database.require("database_migration_url")
    operator = await asyncpg.connect(url)
    async with plain_client(app) as client:
        for path in ("/v1/partners", "/v1/agencies"):
            warm = [client.get(path, headers=headers) for _ in range(8)]
            assert {answer.status_code for answer in await asyncio.gather(*warm)} == {200}
            assert await operator.fetchval(KILL, url.rsplit("/", 1)[1]) >= 1
            answers = [await client.get(path, headers=headers) for _ in range(12)]
            statuses = [answer.status_code for answer in answers]
            assert set(statuses) <= {200, 503}, statuses
            assert statuses.count(503) <= 1, statuses
            assert statuses[-1] == 200
    await operator.close()


async def test_connections_lost_under_load_are_answered_503_and_no_other_way(
    served: tuple[FastAPI, dict[str, str]], empty_database: Settings
) -> None:
    app, headers = served
    url = empty_database.require("database_migration_url")
    operator = await asyncpg.connect(url)
    statuses: list[int] = []

    async def call() -> None:
        async with plain_client(app) as client:
            for _ in range(15):
                answer = await client.get("/v1/agencies", headers=headers)
                statuses.append(answer.status_code)

    callers = [asyncio.create_task(call()) for _ in range(6)]
    for _ in range(4):
        await asyncio.sleep(0.05)
        await operator.fetchval(KILL, url.rsplit("/", 1)[1])
    await asyncio.gather(*callers)
    assert set(statuses) <= {200, 503}
    assert statuses[-1] == 200
    await operator.close()
