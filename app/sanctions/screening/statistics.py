"""Word statistics that scores rest on: counted in the list of all, stored by version, read by all.

They are taken of the stream that every agency reads, so that nothing else moves a score. The
worker counts anew when the list changed, at most once a day or when it grew or shrank much; a
version stays as long as a stored screening names it.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable, Iterable

import asyncpg
import structlog

from app.core.db import Database
from app.sanctions.screening.scorer import Statistics, party_of
from partner_registry_matcher import Kind, count, load

log = structlog.get_logger()
STREAM = "inter_agency"
ATTACHMENT = "matcher-statistics"
"""Name of the statistics among the files that belong to the list."""
_DAY = 24 * 3600
_MUCH = 0.1
_NEWEST = """SELECT version, content FROM screening_statistics
    ORDER BY counted_at DESC, version LIMIT 1"""
NEWEST_VERSION = """SELECT version FROM screening_statistics
    ORDER BY counted_at DESC, version LIMIT 1"""
_ONE = "SELECT content FROM screening_statistics WHERE version = $1"
_ENTRIES = "SELECT entry FROM feed_entries WHERE stream = $1"
_HEAD = "SELECT seq_to, count FROM feed_heads WHERE stream = $1"
_STORE = """INSERT INTO screening_statistics (version, entries, seq, content)
    VALUES ($1, $2, $3, $4) ON CONFLICT (version) DO NOTHING"""
# What was counted before may be what is counted now: then it is the newest again.
_AGAIN = """UPDATE screening_statistics SET counted_at = clock_timestamp(), entries = $2, seq = $3
    WHERE version = $1"""
_STATE = """SELECT entries, seq, extract(epoch FROM clock_timestamp() - counted_at)::float8 AS age
    FROM screening_statistics ORDER BY counted_at DESC, version LIMIT 1"""
_SUPERSEDED = """DELETE FROM screening_statistics s
    WHERE s.counted_at < clock_timestamp() - interval '2 days'
      AND s.counted_at < (SELECT max(n.counted_at) FROM screening_statistics n)
      AND NOT EXISTS (SELECT FROM screenings t WHERE t.statistics_version = s.version)"""
_LOCK = 7_021_056

Publish = Callable[[asyncpg.Connection, str, bytes], Awaitable[object]]


def packed(statistics: Statistics) -> bytes:
    """As they are stored and published: the same bytes for the same figures."""
    return gzip.compress(statistics.dump(), 9, mtime=0)


def unpacked(content: bytes) -> Statistics:
    """Statistics from their packed form. Raises ValueError for anything else."""
    return load(gzip.decompress(content))


def counted(entries: Iterable[bytes]) -> Statistics:
    """The statistics of these entries of the feed. Slow: may run in a thread."""

    def names() -> Iterable[tuple[str, Kind]]:
        for entry in entries:
            party = party_of(json.loads(entry))
            for kind in party.kinds:
                for name in dict.fromkeys(party.names):
                    yield name, kind

    return count(names())


async def newest(connection: asyncpg.Connection) -> Statistics | None:
    """Those that count now; None before any were stored."""
    row = await connection.fetchrow(_NEWEST)
    return None if row is None else await asyncio.to_thread(unpacked, row["content"])


async def of_version(connection: asyncpg.Connection, version: str) -> Statistics | None:
    """Those of a former day; None where they are not kept any more."""
    content = await connection.fetchval(_ONE, version)
    return None if content is None else await asyncio.to_thread(unpacked, content)


async def count_now(connection: asyncpg.Connection) -> Statistics:
    """Count the list as it is, and store what comes of it in the caller's transaction."""
    head = await connection.fetchrow(_HEAD, STREAM)
    seq, entries = (head["seq_to"], head["count"]) if head else (0, 0)
    rows = await connection.fetch(_ENTRIES, STREAM)
    statistics = await asyncio.to_thread(counted, [row["entry"] for row in rows])
    content = await asyncio.to_thread(packed, statistics)
    await connection.execute(_STORE, statistics.version, entries, seq, content)
    return statistics


async def keep_counted(database: Database, publish: Publish | None = None) -> bool:
    """Count anew when it is time to, and forget what is needed no more; whether it was counted.

    As the worker, one process at a time. ``publish`` is given the statistics' bytes, to be named
    in the index of the feed: ``FeedStream.attach`` fits it.
    """
    async with database.connection() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        if not await _due(connection):
            return False
        statistics = await count_now(connection)
        head = await connection.fetchrow(_HEAD, STREAM)
        about = (head["count"], head["seq_to"]) if head else (0, 0)
        await connection.execute(_AGAIN, statistics.version, *about)
        await connection.execute(_SUPERSEDED)
    if publish is not None and head is not None:
        async with database.connection() as connection:
            await publish(connection, ATTACHMENT, statistics.dump())
    log.info("statistics_counted", version=statistics.version, entries=about[0])
    return True


async def publish_newest(database: Database, publish: Publish) -> None:
    """Name those that count now in the index of the feed, where a count was cut off before it."""
    async with database.connection() as connection:
        statistics = await newest(connection)
        if statistics is not None and await connection.fetchrow(_HEAD, STREAM):
            await publish(connection, ATTACHMENT, statistics.dump())


async def _due(connection: asyncpg.Connection) -> bool:
    state = await connection.fetchrow(_STATE)
    if state is None:
        return True
    head = await connection.fetchrow(_HEAD, STREAM)
    if head is None or head["seq_to"] == state["seq"]:
        return False
    moved = abs(head["count"] - state["entries"])
    return bool(state["age"] >= _DAY or moved > _MUCH * max(state["entries"], 1))
