"""Which streams of the feed a source's parties are in, and what leaves them by date.

Works as reg_worker, in the caller's transaction, under the lock of the source's row.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import Database
from app.sanctions import sources
from app.sanctions.feed import build
from app.sanctions.lists.audience import UnknownSource, audience_of, find_source, known, streams_of
from app.sanctions.sources import ListHeader, ListSource

_BATCH = 1_000
_NAMES = ("title", "publisher", "licence")


@dataclass(frozen=True, slots=True)
class Terms:
    """What the operator says of sources beside what they say of themselves."""

    required: frozenset[str] | None = None
    stale_days: Mapping[str, int] = field(default_factory=dict)


async def ensure(
    session: AsyncSession, source: ListSource, header: ListHeader | None = None
) -> None:
    """The row of the source. A mapped list is named by its header."""
    await session.execute(
        _ENSURE,
        {
            "code": source.code,
            "audience": audience_of(source),
            "required": source.required,
            "staleness": int(source.max_staleness.total_seconds()),
            "streams": streams_of(source),
        },
    )
    named: dict[str, str] = {name: getattr(header, name, "") for name in _NAMES}
    if named["title"]:
        await session.execute(_NAMED, {"code": source.code, **named})


async def ensure_all(database: Database, terms: Terms) -> None:
    """A row for each source, by the operator's terms. Raises UnknownSource for one they misname.

    A list that counts for some agencies only is never required: it would tell of its use.
    """
    for code in (*(terms.required or ()), *terms.stale_days):
        find_source(code)
    async with database.session() as session:
        for source in sources.ALL.values():
            await ensure(session, source)
        rows = (await session.execute(text("SELECT code, audience FROM list_sources"))).all()
        # Rows of sources that this release does not know stay as they are.
        held = {row.code: found for row in rows if (found := known(row.code)) is not None}
        for row in rows:
            if row.code not in held:
                continue
            source = held[row.code]
            required = source.required if terms.required is None else row.code in terms.required
            if required and row.audience == "opt_in":
                raise UnknownSource(
                    f"The list {row.code} counts only for agencies that switched it on; "
                    "it cannot be required of all."
                )
            days = terms.stale_days.get(row.code)
            seconds = days * 86_400 if days else int(source.max_staleness.total_seconds())
            await session.execute(
                _TERMS, {"code": row.code, "required": required, "staleness": seconds}
            )
    for source in held.values():
        async with database.session() as session:
            await align(session, source)


async def streams_now(session: AsyncSession, code: str) -> list[str]:
    """Streams that the source's parties are in."""
    found: list[str] = await session.scalar(
        text("SELECT streams FROM list_sources WHERE code = :s FOR UPDATE"), {"s": code}
    )
    return found


async def align(session: AsyncSession, source: ListSource) -> None:
    """Put the source's parties into the streams they belong in now, and out of the others."""
    now_in = await streams_now(session, source.code)
    enabled = bool(await session.scalar(_ENABLED, {"s": source.code}))
    wanted = streams_of(source, enabled=enabled)
    if sorted(now_in) == sorted(wanted):
        return
    gained = [name for name in wanted if name not in now_in]
    lost = [name for name in now_in if name not in wanted]
    if lost:
        await session.execute(_LEAVE, {"s": source.code, "streams": lost})
    if gained:
        await _join(session, source.code, gained)
    await session.execute(
        text("UPDATE list_sources SET streams = :streams WHERE code = :s"),
        {"s": source.code, "streams": wanted},
    )


async def _join(session: AsyncSession, code: str, gained: list[str]) -> None:
    entries = (await session.scalars(_LIVE, {"s": code})).all()
    for start in range(0, len(entries), _BATCH):
        rows = await asyncio.to_thread(_puts, entries[start : start + _BATCH], gained)
        await session.execute(_PUT, rows)


def _puts(entries: Iterable[dict[str, Any]], gained: list[str]) -> list[dict[str, Any]]:
    return [
        {"id": entry["entry_id"], "entry": build.canonical(entry), "streams": gained}
        for entry in entries
    ]


async def expire(session: AsyncSession, code: str, today: date) -> int:
    """Take parties whose listing has ended by date out of the feed; how many."""
    now_in = await streams_now(session, code)
    gone: int = await session.scalar(_EXPIRE, {"s": code, "today": today, "streams": now_in})
    return gone


_ENSURE = text(
    """INSERT INTO list_sources (code, audience, required, max_staleness_s, streams)
    VALUES (:code, :audience, :required, :staleness, :streams) ON CONFLICT (code) DO NOTHING"""
)
_NAMED = text(
    "UPDATE list_sources SET title = :title, publisher = :publisher, licence = :licence "
    "WHERE code = :code"
)
_TERMS = text(
    "UPDATE list_sources SET required = :required, max_staleness_s = :staleness WHERE code = :code "
    "AND (required, max_staleness_s) IS DISTINCT FROM (:required, :staleness)"
)
_ENABLED = text(
    "SELECT EXISTS (SELECT FROM list_uses WHERE source = :s AND audience = 'joint' "
    "AND state = 'active')"
)
_LIVE = text(
    "SELECT entry FROM listed_parties WHERE source = :s AND to_version IS NULL "
    "AND expired_at IS NULL ORDER BY entry_id"
)
_LEAVE = text(
    """INSERT INTO feed_pending (entry_id, op, reason, streams)
    SELECT entry_id::text, 'remove', 'level_changed', CAST(:streams AS text[])
    FROM listed_parties WHERE source = :s AND to_version IS NULL AND expired_at IS NULL
    ORDER BY entry_id"""
)
_PUT = text(
    "INSERT INTO feed_pending (entry_id, op, entry, streams) VALUES (:id, 'put', :entry, :streams)"
)
_EXPIRE = text(
    """WITH gone AS (
        UPDATE listed_parties SET expired_at = now()
        WHERE source = :s AND to_version IS NULL AND expired_at IS NULL AND ends_on < :today
        RETURNING entry_id),
      told AS (INSERT INTO feed_pending (entry_id, op, reason, streams)
        SELECT entry_id::text, 'remove', 'expired', CAST(:streams AS text[])
        FROM gone ORDER BY entry_id)
    SELECT count(*) FROM gone"""
)
