"""The parties of an issue, staged beside those in force: compared, put in force, or held back.

Every statement works on the temporary table ``staged_parties`` of the running transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import date
from itertools import islice
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.sanctions.feed import build
from app.sanctions.feed.entries import ends_on, listed_entry, listed_entry_id
from app.sanctions.lists.audience import level_of
from app.sanctions.sources import ListedParty, ListSource, ParsedList

_BATCH = 500
_SEARCH_CHARS = 4_000
Progress = Callable[[int, int], None]

_KEPT = tuple(item.name for item in fields(ListedParty) if item.name != "original")
COLUMNS = "entry_id, key, reference, kind, digest, search, ends_on, entry, feed, party, original"


@dataclass(frozen=True, slots=True)
class Delta:
    """How an issue differs from the list in force; ``before`` counts the parties of that."""

    added: int
    changed: int
    removed: int
    before: int


async def make_table(session: AsyncSession) -> None:
    """The temporary table, gone with the transaction."""
    await session.execute(
        text(
            "CREATE TEMP TABLE staged_parties (entry_id uuid PRIMARY KEY, key text, "
            "reference text, kind text, digest text, search text, ends_on date, entry jsonb, "
            "feed bytea, party jsonb, original jsonb) ON COMMIT DROP"
        )
    )


async def stage(
    session: AsyncSession, source: ListSource, parsed: ParsedList, progress: Progress
) -> None:
    """Fill the table from the file, some hundred parties in memory at a time."""
    await make_table(session)
    rows = (_row(source, party) for party in parsed if party.delisted_on is None)
    done = 0
    # Reading is work for the processor: the loop has other tasks in the worker.
    while batch := await asyncio.to_thread(_next, rows):
        await session.execute(_STAGE, batch)
        done += len(batch)
        progress(done, parsed.header.count)
    if done < parsed.header.count:
        progress(parsed.header.count, parsed.header.count)
    await session.execute(text("ANALYZE staged_parties"))


def _next(rows: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    return list(islice(rows, _BATCH))


def _row(source: ListSource, party: ListedParty) -> dict[str, Any]:
    entry = listed_entry(source.code, party, level_of(source))
    kept = {name: getattr(party, name) for name in _KEPT}
    return {
        "entry_id": listed_entry_id(source.code, party.key),
        "key": party.key,
        "reference": party.reference,
        "kind": party.kind,
        "digest": party.digest,
        "search": _search(party),
        "ends_on": ends_on(party),
        "entry": to_json(entry).decode(),
        "feed": build.canonical(entry),
        "party": to_json(kept).decode(),
        "original": to_json(party.original).decode(),
    }


def _search(party: ListedParty) -> str:
    words = [party.reference, *(name.name for name in party.names)]
    return "\n".join(words).casefold()[:_SEARCH_CHARS]


async def compare(session: AsyncSession, code: str) -> Delta:
    """How what is staged differs from what is in force, by content."""
    return Delta(*(await session.execute(_COUNTS, {"s": code})).one())


async def preview(session: AsyncSession, code: str, limit: int) -> list[dict[str, Any]]:
    """The first changes by kind of change and reference, as the diff shows them."""
    rows = await session.execute(_DIFF, {"s": code, "limit": limit})
    return [dict(row._mapping) for row in rows]


async def put_in_force(
    session: AsyncSession,
    code: str,
    version: int,
    streams: list[str],
    today: date,
    *,
    correcting: bool,
) -> None:
    """Changes for the feed first, then the rows: all in the caller's transaction.

    ``correcting``: parties that this issue has not were in force by mistake.
    """
    reason = "error" if correcting else "delisted"
    values = {"s": code, "v": version, "streams": streams, "today": today, "reason": reason}
    for statement in (_FEED_REMOVED, _FEED_EXPIRED, _FEED_PUT, _CLOSE, _OPEN):
        wanted = {key: value for key, value in values.items() if f":{key}" in statement.text}
        await session.execute(statement, wanted)


async def hold(session: AsyncSession, candidate: UUID) -> None:
    """Keep what is staged with this candidate."""
    await session.execute(_HOLD, {"c": candidate})


async def take(session: AsyncSession, candidate: UUID) -> None:
    """Stage what was kept with this candidate."""
    await make_table(session)
    await session.execute(_TAKE, {"c": candidate})


_STAGE = text(
    f"INSERT INTO staged_parties ({COLUMNS}) VALUES "  # noqa: S608 - names of columns of ours
    "(:entry_id, :key, :reference, :kind, :digest, :search, :ends_on, CAST(:entry AS jsonb), "
    ":feed, CAST(:party AS jsonb), CAST(:original AS jsonb))"
)
# S608: the texts are built of constants of this module.
_CURRENT = """SELECT entry_id, reference, digest, entry, party, expired_at FROM listed_parties
    WHERE source = :s AND to_version IS NULL"""
# The publisher's record is what counts as a change; how we read it may have changed, too.
_DIFFERS = "(c.digest <> n.digest OR c.party <> n.party OR c.entry <> n.entry)"
_COUNTS = text(
    f"""SELECT count(*) FILTER (WHERE c.entry_id IS NULL) AS added,
        count(*) FILTER (WHERE {_DIFFERS}) AS changed,
        count(*) FILTER (WHERE n.entry_id IS NULL) AS removed,
        count(c.entry_id) AS before
    FROM ({_CURRENT}) c FULL JOIN staged_parties n ON n.entry_id = c.entry_id"""  # noqa: S608 - texts of ours; values are bound
)
_DIFF = text(
    f"""SELECT CASE WHEN c.entry_id IS NULL THEN 'added' WHEN n.entry_id IS NULL THEN 'removed'
        ELSE 'changed' END AS change, coalesce(n.reference, c.reference) AS reference,
        coalesce(n.entry, c.entry)->'names'->0->>'name' AS name,
        coalesce(n.entry_id, c.entry_id) AS entry_id
    FROM ({_CURRENT}) c FULL JOIN staged_parties n ON n.entry_id = c.entry_id
    WHERE c.entry_id IS NULL OR n.entry_id IS NULL OR {_DIFFERS}
    ORDER BY 1, 2, 4 LIMIT :limit"""  # noqa: S608 - texts of ours; values are bound
)
_FEED_REMOVED = text(
    f"""INSERT INTO feed_pending (entry_id, op, reason, streams)
    SELECT c.entry_id::text, 'remove', CAST(:reason AS text), CAST(:streams AS text[])
    FROM ({_CURRENT}) c WHERE (c.expired_at IS NULL OR CAST(:reason AS text) = 'error')
      AND NOT EXISTS (SELECT FROM staged_parties n WHERE n.entry_id = c.entry_id)
    ORDER BY c.entry_id"""  # noqa: S608 - texts of ours; values are bound
)
_FEED_EXPIRED = text(
    f"""INSERT INTO feed_pending (entry_id, op, reason, streams)
    SELECT c.entry_id::text, 'remove', 'expired', CAST(:streams AS text[])
    FROM ({_CURRENT}) c JOIN staged_parties n ON n.entry_id = c.entry_id
    WHERE c.expired_at IS NULL AND n.ends_on < :today ORDER BY c.entry_id"""  # noqa: S608 - texts of ours; values are bound
)
_FEED_PUT = text(
    f"""INSERT INTO feed_pending (entry_id, op, entry, streams)
    SELECT n.entry_id::text, 'put', n.feed, CAST(:streams AS text[])
    FROM staged_parties n LEFT JOIN ({_CURRENT}) c ON c.entry_id = n.entry_id
    WHERE (n.ends_on < :today) IS NOT TRUE
      AND (c.entry_id IS NULL OR c.expired_at IS NOT NULL OR c.entry <> n.entry)
    ORDER BY n.entry_id"""  # noqa: S608 - texts of ours; values are bound
)
_CLOSE = text(
    f"""UPDATE listed_parties c SET to_version = :v
    WHERE c.source = :s AND c.to_version IS NULL AND NOT EXISTS (
        SELECT FROM staged_parties n WHERE n.entry_id = c.entry_id AND NOT {_DIFFERS})"""  # noqa: S608 - texts of ours; values are bound
)
_OPEN = text(
    """INSERT INTO listed_parties (entry_id, from_version, source, key, reference, kind, digest,
        search, ends_on, expired_at, entry, party, original)
    SELECT n.entry_id, :v, :s, n.key, n.reference, n.kind, n.digest, n.search, n.ends_on,
        CASE WHEN n.ends_on < :today THEN now() END, n.entry, n.party, n.original
    FROM staged_parties n WHERE NOT EXISTS (
        SELECT FROM listed_parties p WHERE p.entry_id = n.entry_id AND p.to_version IS NULL)"""
)
_HOLD = text(
    f"""INSERT INTO list_candidate_parties (candidate_id, {COLUMNS})
    SELECT :c, {COLUMNS} FROM staged_parties"""  # noqa: S608 - names of columns of ours
)
_TAKE = text(
    f"""INSERT INTO staged_parties ({COLUMNS})
    SELECT {COLUMNS} FROM list_candidate_parties WHERE candidate_id = :c"""  # noqa: S608 - names of columns of ours
)
