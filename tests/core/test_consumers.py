"""A consumer's effect and its cursor commit together: nothing twice, nothing left out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import Database
from app.core.sequencer import Sequencer
from app.core.settings import Settings
from app.events import service as events
from app.events.catalogue import EventType
from app.events.models import OutboxEvent
from app.events.service import Consumer

TYPES = frozenset({EventType.PARTNER_CREATED})
COUNT = 30


async def _note(session: AsyncSession, event: OutboxEvent) -> None:
    await session.execute(text("INSERT INTO noted (seq) VALUES (:seq)"), {"seq": event.seq})


@pytest.fixture
async def worker(empty_database: Settings) -> AsyncIterator[Database]:
    """reg_worker on a database with a table for effects and thirty numbered events, half of them
    of a type that nobody asked for."""
    operator = await asyncpg.connect(empty_database.require("database_migration_url"))
    await operator.execute("CREATE TABLE noted (seq bigint); GRANT ALL ON noted TO reg_worker")
    await operator.close()
    database = Database(
        empty_database.require("database_worker_url"), empty_database, application="consuming"
    )
    async with database.session() as session:
        for number in range(COUNT):
            kind = EventType.PARTNER_CREATED if number % 2 else EventType.LIST_CHANGED
            await events.publish(session, kind, uuid4())
    assert await Sequencer(database, [events.STREAM]).step() == COUNT
    yield database
    await database.close()


async def _noted(database: Database) -> list[int]:
    async with database.connection() as connection:
        return [row[0] for row in await connection.fetch("SELECT seq FROM noted ORDER BY ctid")]


async def _wanted(database: Database) -> list[int]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT seq FROM outbox WHERE type = $1 ORDER BY seq", EventType.PARTNER_CREATED.value
        )
    return [row[0] for row in rows]


async def test_every_wanted_event_is_applied_once_in_order(worker: Database) -> None:
    consumer = Consumer("test", TYPES, _note, batch=7)
    passed = 0
    while count := await events.consume(worker, consumer):
        passed += count
    assert passed == COUNT
    assert await _noted(worker) == await _wanted(worker)
    assert await events.consume(worker, consumer) == 0


async def test_two_consumers_have_cursors_of_their_own(worker: Database) -> None:
    for name in ("first", "second"):
        assert await events.consume(worker, Consumer(name, TYPES, _note, batch=COUNT)) == COUNT
    assert sorted(await _noted(worker)) == sorted(2 * await _wanted(worker))


async def test_a_failure_in_the_middle_of_a_batch_undoes_all_of_it(worker: Database) -> None:
    seen = 0

    async def fail_late(session: AsyncSession, event: OutboxEvent) -> None:
        nonlocal seen
        await _note(session, event)
        seen += 1
        if seen == 4:
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError):
        await events.consume(worker, Consumer("test", TYPES, fail_late))
    assert seen == 4
    assert await _noted(worker) == []
    await events.consume(worker, Consumer("test", TYPES, _note))
    assert await _noted(worker) == await _wanted(worker)


async def test_a_crash_between_effect_and_commit_applies_nothing_twice(
    worker: Database, empty_database: Settings
) -> None:
    operator = await asyncpg.connect(empty_database.require("database_migration_url"))
    crashes = 3

    async def killed(session: AsyncSession, event: OutboxEvent) -> None:
        nonlocal crashes
        await _note(session, event)
        if crashes and event.seq in (await _last(operator),):
            crashes -= 1
            pid = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            await operator.execute("SELECT pg_terminate_backend($1)", pid)
            await asyncio.sleep(0.05)

    consumer = Consumer("test", TYPES, killed, batch=COUNT)
    for _ in range(3):
        with pytest.raises((DBAPIError, OSError, asyncpg.InterfaceError)):
            await events.consume(worker, consumer)
        assert await _noted(worker) == []
    assert await events.consume(worker, consumer) == COUNT
    assert await _noted(worker) == await _wanted(worker)
    await operator.close()


async def _last(connection: asyncpg.Connection) -> int:
    number: int = await connection.fetchval(
        "SELECT max(seq) FROM outbox WHERE type = $1", EventType.PARTNER_CREATED.value
    )
    return number


async def test_many_workers_take_turns(worker: Database) -> None:
    consumer = Consumer("test", TYPES, _note, batch=3)

    async def work() -> None:
        while await events.consume(worker, consumer):
            pass

    await asyncio.gather(*(work() for _ in range(5)))
    assert await _noted(worker) == await _wanted(worker)


async def test_a_running_worker_goes_on_after_a_database_error(worker: Database) -> None:
    stop, failures = asyncio.Event(), 2

    async def flaky(session: AsyncSession, event: OutboxEvent) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            await session.execute(text("SELECT 1 / 0"))
        await _note(session, event)

    running = asyncio.create_task(
        events.run_consumers(worker, [Consumer("test", TYPES, flaky, batch=COUNT)], stop)
    )
    async with asyncio.timeout(10):
        while await _noted(worker) != await _wanted(worker):  # noqa: ASYNC110 - a database's state
            await asyncio.sleep(0.02)
    stop.set()
    await running
    assert failures == 0


async def test_who_has_nothing_to_do_is_moved_on(worker: Database) -> None:
    mine = Consumer("test", TYPES, _note)
    other = Consumer("other", frozenset({EventType.CLEARANCE_GIVEN}), _note, batch=1)
    for one in (mine, other):
        assert await events.due(worker, [one]) == [one], "who never looked has to"
    assert await events.consume(worker, other) == 1
    assert await events.due(worker, [mine, other]) == [mine]
    async with worker.connection() as connection:
        left = await connection.fetchval(
            "SELECT max(o.seq) - min(c.seq) FROM outbox o, consumer_cursors c "
            "WHERE c.name = 'other'"
        )
    assert left == 0
    await events.consume(worker, mine)
    assert await events.due(worker, [mine, other]) == []
    assert await _noted(worker) == await _wanted(worker)
