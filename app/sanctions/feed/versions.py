"""Versions of a stream by which followers of its FollowTheMoney files count. Works as reg_worker.

Each set of changes that is numbered is a version, noted in the transaction that numbers it. What
changed from one to the next is read from the changes themselves (`operations.py`), so nothing is
kept twice, and what is purged there is purged here. Old versions are joined with the one after.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg

from app.sanctions.feed import ftm

TICK = timedelta(microseconds=22)
"""The least time that makes another version text."""
ALL_H, HOURLY_D = 3, 7
"""Every version is listed for so many hours, one an hour for so many days, then one a day."""
_NEWEST = "SELECT seq_to, at FROM feed_versions WHERE stream = $1 ORDER BY seq_to DESC LIMIT 1"
_NOTE = """INSERT INTO feed_versions (stream, seq_to, version, at, index_sha256)
    VALUES ($1, $2, $3, $4, $5)"""
# The oldest stays as the one that others count from; the last of an hour or a day stands for it.
_JOIN = """DELETE FROM feed_versions v WHERE stream = $1
    AND at < now() - make_interval(hours => $2)
    AND EXISTS (SELECT FROM feed_versions o WHERE o.stream = $1 AND o.seq_to < v.seq_to)
    AND EXISTS (SELECT FROM feed_versions n WHERE n.stream = $1 AND n.seq_to > v.seq_to
      AND n.at < now() - make_interval(hours => $2)
      AND date_trunc(CASE WHEN v.at < now() - make_interval(days => $3) THEN 'day'
        ELSE 'hour' END, n.at, 'UTC') = date_trunc(CASE
        WHEN v.at < now() - make_interval(days => $3) THEN 'day' ELSE 'hour' END, v.at, 'UTC'))"""
_FORGET = """DELETE FROM feed_versions v WHERE stream = $1 AND seq_to < $2
    AND EXISTS (SELECT FROM feed_versions n WHERE n.stream = $1 AND n.seq_to > v.seq_to)"""


async def note(connection: asyncpg.Connection, stream: str, seq_to: int, index_sha256: str) -> None:
    """There is a version up to this number; the same number again is the same version."""
    newest = await connection.fetchrow(_NEWEST, stream)
    if newest is not None and newest["seq_to"] == seq_to:
        return
    at = datetime.now(UTC)
    if newest is not None:
        at = max(at, newest["at"] + TICK)
    await connection.execute(_NOTE, stream, seq_to, ftm.version(at), at, index_sha256)


async def thin(connection: asyncpg.Connection, stream: str, first: int) -> None:
    """Join old versions, and forget those before the first change that is kept."""
    await connection.execute(_FORGET, stream, first - 1)
    await connection.execute(_JOIN, stream, ALL_H, HOURLY_D)
