"""The background process: each piece of work once, whatever happens around it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from app import worker
from app.core.db import Database
from app.core.settings import Settings, UnsafeSettings
from app.events import service as events
from app.events.catalogue import EventType
from app.worker import FEED_STREAMS, run_worker, tidy

_KILL = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND application_name = 'registry-worker'"
)


@asynccontextmanager
async def working(settings: Settings, count: int = 1) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Workers that run, and stop when they are told to."""
    stop = asyncio.Event()
    tasks = [asyncio.create_task(run_worker(settings, stop)) for _ in range(count)]
    try:
        yield tasks
    finally:
        stop.set()
        _, running = await asyncio.wait(tasks, timeout=10)
        assert not running
    for task in tasks:
        task.result()


@asynccontextmanager
async def operator(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(settings.require("database_migration_url"))
    try:
        yield connection
    finally:
        await connection.close()


async def until(
    connection: asyncpg.Connection, sql: str, value: object, seconds: float = 15
) -> None:
    """Wait for a statement to answer ``value``."""
    deadline = time.monotonic() + seconds
    while (found := await connection.fetchval(sql)) != value:
        assert time.monotonic() < deadline, f"{sql} is {found}"
        await asyncio.sleep(0.02)


async def publish(settings: Settings, count: int) -> None:
    """Events in transactions of their own, several at once."""
    database = Database(settings.require("database_url"), settings)

    async def one(number: int) -> None:
        async with database.session() as session:
            await events.publish(session, EventType.PARTNER_CHANGED, uuid4(), None, number=number)
            await asyncio.sleep(0.001 * (number % 7))

    await asyncio.gather(*(one(number) for number in range(count)))
    await database.close()


async def test_two_workers_number_everything_exactly_once(empty_database: Settings) -> None:
    async with working(empty_database, 2), operator(empty_database) as connection:
        for _ in range(5):
            await publish(empty_database, 60)
        await until(connection, "SELECT count(*) FROM outbox WHERE seq IS NULL", 0)
        numbers = [row[0] for row in await connection.fetch("SELECT seq FROM outbox ORDER BY seq")]
        assert numbers == list(range(1, 301))
        await until(connection, "SELECT min(seq) FROM consumer_cursors", 300)


async def test_every_stream_has_a_signed_head(empty_database: Settings) -> None:
    async with working(empty_database, 2), operator(empty_database) as connection:
        await until(connection, "SELECT count(*) FROM feed_heads", len(FEED_STREAMS))
        rows = await connection.fetch("SELECT stream, version FROM feed_heads")
        versions = {row["stream"]: row["version"] for row in rows}
        # The list that all read may by now also name the statistics of names that were counted.
        assert versions.pop("inter_agency") in (1, 2)
        assert versions == dict.fromkeys(set(FEED_STREAMS) - {"inter_agency"}, 1)


async def test_lost_connections_end_nothing(empty_database: Settings) -> None:
    async with working(empty_database) as tasks, operator(empty_database) as connection:
        await until(connection, "SELECT count(*) FROM feed_heads", len(FEED_STREAMS))
        for round_ in range(1, 4):
            assert await connection.fetchval(_KILL) > 0
            await publish(empty_database, 10)
            await until(connection, "SELECT count(seq) FROM outbox", 10 * round_)
        assert not tasks[0].done()


async def test_what_has_served_its_time_goes(empty_database: Settings) -> None:
    async with operator(empty_database) as connection:
        await connection.execute(
            "INSERT INTO idempotency_keys (agency_id, client_id, route, key, fingerprint, status, "
            "headers, sealed_body, created_at) SELECT uuidv7(), 'c', '/', n::text, '', 201, '{}', "
            "'', now() - make_interval(days => n) FROM generate_series(0, 13) n"
        )
        await connection.execute(
            "INSERT INTO assertion_replays SELECT 'c', n::text, now() + make_interval(mins => n) "
            "FROM generate_series(-5, 4) n"
        )
        database = Database(empty_database.require("database_worker_url"), empty_database)
        assert await tidy(database) == 7 + 6
        assert await tidy(database) == 0
        await database.close()
        assert await connection.fetchval("SELECT count(*) FROM idempotency_keys") == 7
        assert await connection.fetchval("SELECT count(*) FROM assertion_replays") == 4


async def test_the_heart_beats_while_every_task_lives(
    empty_database: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "heartbeat"
    monkeypatch.setitem(os.environ, "REGISTRY_WORKER_HEARTBEAT_FILE", str(file))
    monkeypatch.setattr(worker, "ALIVE_S", 0.05)
    async with working(empty_database):
        while not file.exists():  # noqa: ASYNC110 - another task makes it
            await asyncio.sleep(0.02)
        first = file.stat().st_mtime_ns
        await asyncio.sleep(0.3)
        assert file.stat().st_mtime_ns > first


async def test_a_fault_of_our_own_ends_the_worker(
    empty_database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(database: Database) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(worker, "expire_entries", broken)
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(run_worker(empty_database, asyncio.Event()), 10)


async def test_an_owner_or_superuser_is_refused(empty_database: Settings) -> None:
    url = empty_database.database_migration_url
    settings = empty_database.model_copy(update={"database_worker_url": url})
    with pytest.raises(UnsafeSettings, match="passes by row level security"):
        await run_worker(settings, asyncio.Event())
