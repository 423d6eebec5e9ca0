"""Numbers are gapless, in order, and never seen out of order by a reader who only looks ahead."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from app.core import metrics
from app.core.db import Database
from app.core.sequencer import LEADER_LOCK, Sequencer
from app.core.settings import Settings
from app.events import service as events
from app.events.catalogue import EventType

WRITERS, EACH = 12, 25


@pytest.fixture
async def writer(empty_database: Settings) -> AsyncIterator[Database]:
    """The database as reg_app, for those who write."""
    database = Database(
        empty_database.require("database_url"),
        empty_database.model_copy(update={"pool_size": WRITERS}),
    )
    yield database
    await database.close()


@pytest.fixture
async def leader(empty_database: Settings) -> AsyncIterator[Database]:
    """The same as reg_worker, for those who number."""
    database = Database(
        empty_database.require("database_worker_url"), empty_database, application="numbering"
    )
    yield database
    await database.close()


async def _write(database: Database, count: int) -> None:
    for _ in range(count):
        async with database.session() as session:
            await events.publish(session, EventType.PARTNER_CREATED, uuid4())
            # The row is written early and committed late, so that commits overtake each other.
            await session.flush()
            await asyncio.sleep(random.random() * 0.02)
            if random.random() < 0.1:
                await session.rollback()


async def _follow(url: str, done: asyncio.Event) -> list[int]:
    """What a reader sees that only ever asks for numbers above its last one."""
    connection, seen = await asyncpg.connect(url), list[int]()
    last_round = False
    while True:
        rows = await connection.fetch(
            "SELECT seq FROM outbox WHERE seq > $1 ORDER BY seq", seen[-1] if seen else 0
        )
        seen += [row["seq"] for row in rows]
        if last_round:
            break
        last_round = done.is_set()
        await asyncio.sleep(0.005)
    await connection.close()
    return seen


async def test_twelve_writers_and_killed_leaders_lose_and_repeat_no_number(
    writer: Database, leader: Database, empty_database: Settings
) -> None:
    url = empty_database.require("database_migration_url")
    stop, done = asyncio.Event(), asyncio.Event()
    leaders = [asyncio.create_task(Sequencer(leader, [events.STREAM]).run(stop)) for _ in range(2)]
    reader = asyncio.create_task(_follow(url, done))
    writers = [asyncio.create_task(_write(writer, EACH)) for _ in range(WRITERS)]
    operator = await asyncpg.connect(url)
    for _ in range(5):
        await asyncio.sleep(0.06)
        await operator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'numbering' AND datname = current_database()"
        )
    await asyncio.gather(*writers)
    async with asyncio.timeout(20):
        left = "SELECT count(*) FROM outbox WHERE seq IS NULL"
        while await operator.fetchval(left):  # noqa: ASYNC110 - a database's state
            await asyncio.sleep(0.05)
    stop.set()
    await asyncio.gather(*leaders)
    done.set()
    numbers = [row[0] for row in await operator.fetch("SELECT seq FROM outbox ORDER BY seq")]
    assert len(numbers) > WRITERS * EACH / 2
    assert numbers == list(range(1, len(numbers) + 1)), "gapless"
    assert await reader == numbers, "none missed, none out of order"
    await operator.close()


async def test_only_one_process_numbers_at_a_time(
    leader: Database, writer: Database, empty_database: Settings
) -> None:
    await _write(writer, 5)
    other = await asyncpg.connect(empty_database.require("database_migration_url"))
    await other.execute("SELECT pg_advisory_lock($1)", LEADER_LOCK)
    assert await Sequencer(leader, [events.STREAM]).step() == 0
    await other.close()
    sequencer = Sequencer(leader, [events.STREAM])
    async with asyncio.timeout(5):
        while not await sequencer.step():  # noqa: ASYNC110 - a database's state
            await asyncio.sleep(0.02)
    assert await sequencer.step() == 0, "nothing is left, and the lock was given back"


async def test_a_failed_batch_takes_no_number(leader: Database, writer: Database) -> None:
    await _write(writer, 5)

    async def fail(connection: asyncpg.Connection, limit: int) -> int:
        await events.STREAM.step(connection, limit)
        raise asyncpg.PostgresError("crash after numbering")

    broken = type(events.STREAM)("events", fail, events.STREAM.oldest)
    with pytest.raises(asyncpg.PostgresError):
        await Sequencer(leader, [broken]).step()
    async with leader.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM outbox WHERE seq IS NOT NULL") == 0
        assert await connection.fetchval("SELECT coalesce(max(seq), 0) FROM streams") == 0
    assert await Sequencer(leader, [events.STREAM]).step() > 0
    async with leader.connection() as connection:
        assert await connection.fetchval("SELECT min(seq) FROM outbox") == 1


async def test_the_lag_is_measured(leader: Database, writer: Database) -> None:
    async with writer.session() as session:
        await events.publish(session, EventType.PARTNER_CREATED, uuid4())

    async def nothing(connection: asyncpg.Connection, limit: int) -> int:
        return 0

    idle = type(events.STREAM)("test_lag", nothing, events.STREAM.oldest)
    await asyncio.sleep(0.05)
    await Sequencer(leader, [idle]).step()
    value = metrics.registry.get_sample_value("sequencer_lag_seconds", {"stream": "test_lag"})
    assert value is not None
    assert value >= 0.05
