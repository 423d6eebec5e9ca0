"""Importing a list file: check whole, stage, compare by content, swap in one transaction.

Runs as reg_worker. A crash at any point leaves the old list; the same file again changes nothing
but the time of the last successful check.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.core.db import Database
from app.events import service as events
from app.events.catalogue import EventType
from app.sanctions import sources
from app.sanctions.feed import build
from app.sanctions.feed.entries import listed_entry, listed_entry_id
from app.sanctions.feed.service import listed_streams
from app.sanctions.sources import ListedParty, ListSource, ParsedList

_BATCH = 500
Progress = Callable[[int, int], None]


class UnknownSource(Exception):
    """There is no such source; the message names those there are."""


class SourceClosed(Exception):
    """The list does not count for everybody, or is not public; nothing was applied."""


class ListOlder(Exception):
    """The file was published before the one in force; nothing was applied."""


class ListShrunk(Exception):
    """The file holds far fewer parties than the list in force; nothing was applied."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did."""

    version: int
    added: int
    changed: int
    removed: int
    parties: int
    unchanged: bool


def find_source(code: str) -> ListSource:
    """The source with this code, if its parties may go to everybody.

    A listed party goes to the public stream and counts in everybody's screenings: a list of which
    that is not true has no way in. Raises UnknownSource, SourceClosed.
    """
    try:
        source = sources.find(code)
    except KeyError:
        known = ", ".join([*sorted(sources.ALL), "csv:<name>"])
        raise UnknownSource(f"There is no list source {code}; known: {known}.") from None
    if not sources.is_for_everybody(source):
        raise SourceClosed(
            f"The list {code} does not count for every agency, or is not public; it cannot be "
            "imported yet."
        )
    return source


async def import_list(
    database: Database,
    code: str,
    path: Path,
    *,
    accept_shrink: bool = False,
    progress: Progress = lambda done, total: None,
) -> ImportResult:
    """Import a file as the list now in force.

    Raises UnknownSource, SourceClosed, SourceUnreadable, SourceEmpty, ListOlder or ListShrunk; then
    the old list stands.
    """
    source = find_source(code)
    parsed = await asyncio.to_thread(source.parse, path)
    async with database.session() as session:
        # A long list takes longer than a request may; readers see the old one meanwhile.
        await session.execute(text("SET LOCAL transaction_timeout = '30min'"))
        await session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '5min'"))
        state = await _lock_state(session, source)
        if state.digest == parsed.header.sha256:
            await _touch(session, source)
            return ImportResult(state.version, 0, 0, 0, parsed.header.count, unchanged=True)
        published = parsed.header.generated_at
        if state.published_at and published and published < state.published_at:
            raise ListOlder(
                f"The file was published {published:%Y-%m-%d %H:%M}, before the list in force; "
                "the newer one stands."
            )
        await _stage(session, source, parsed, progress)
        added, changed, removed, before = (await session.execute(_COUNTS, {"s": code})).one()
        if before and removed > before * source.shrink_limit and not accept_shrink:
            raise ListShrunk(
                f"The file lacks {removed} of the {before} parties in force; "
                "check it and import it again with --accept-shrink if it is right."
            )
        return await _swap(session, source, parsed, (added, changed, removed))


async def _lock_state(session: AsyncSession, source: ListSource) -> Any:
    await session.execute(
        text(
            "INSERT INTO list_sources (code, required, max_staleness_s) VALUES (:code, :required, "
            ":staleness) ON CONFLICT (code) DO NOTHING"
        ),
        {
            "code": source.code,
            "required": source.required,
            "staleness": int(source.max_staleness.total_seconds()),
        },
    )
    # Two imports of one source take turns.
    return (
        await session.execute(
            text(
                "SELECT version, digest, published_at FROM list_sources "
                "WHERE code = :code FOR UPDATE"
            ),
            {"code": source.code},
        )
    ).one()


async def _touch(session: AsyncSession, source: ListSource) -> None:
    await session.execute(
        text("UPDATE list_sources SET last_success = now() WHERE code = :code"),
        {"code": source.code},
    )


async def _stage(
    session: AsyncSession, source: ListSource, parsed: ParsedList, progress: Progress
) -> None:
    await session.execute(
        text(
            "CREATE TEMP TABLE staged_parties (entry_id uuid PRIMARY KEY, key text, "
            "reference text, digest text, entry jsonb, feed bytea, original jsonb) ON COMMIT DROP"
        )
    )
    batch: list[dict[str, Any]] = []
    done = 0
    for party in parsed:
        if party.delisted_on is not None:
            continue
        batch.append(_row(source, party))
        if len(batch) == _BATCH:
            await session.execute(_STAGE, batch)
            done += len(batch)
            batch = []
            progress(done, parsed.header.count)
    if batch:
        await session.execute(_STAGE, batch)
    progress(parsed.header.count, parsed.header.count)


def _row(source: ListSource, party: ListedParty) -> dict[str, Any]:
    entry = listed_entry(source.code, party)
    return {
        "entry_id": listed_entry_id(source.code, party.key),
        "key": party.key,
        "reference": party.reference,
        "digest": party.digest,
        "entry": to_json(entry).decode(),
        "feed": build.canonical(entry),
        "original": to_json(party.original).decode(),
    }


async def _swap(
    session: AsyncSession, source: ListSource, parsed: ParsedList, counts: tuple[int, int, int]
) -> ImportResult:
    header = parsed.header
    added, changed, removed = counts
    version: int = await session.scalar(
        text(
            "INSERT INTO list_versions (source, digest, published_at, added, changed, removed, "
            "parties) VALUES (:source, :digest, :published, :added, :changed, :removed, :parties) "
            "RETURNING version"
        ),
        {
            "source": source.code,
            "digest": header.sha256,
            "published": header.generated_at,
            "added": added,
            "changed": changed,
            "removed": removed,
            "parties": header.count,
        },
    )
    values = {"s": source.code, "v": version, "streams": list(listed_streams(source.code))}
    for statement in (_FEED_REMOVED, _FEED_PUT, _CLOSE, _OPEN):
        wanted = {key: value for key, value in values.items() if f":{key}" in statement.text}
        await session.execute(statement, wanted)
    await session.execute(
        text(
            "UPDATE list_sources SET version = :v, digest = :digest, published_at = :published, "
            "counts = CAST(:counts AS jsonb), last_success = now() WHERE code = :s"
        ),
        {
            "v": version,
            "digest": header.sha256,
            "published": header.generated_at,
            "counts": to_json(
                {"persons": header.persons, "organisations": header.organisations}
            ).decode(),
            "s": source.code,
        },
    )
    subject = listed_entry_id(source.code, f"version:{version}")
    await _announce(session, source, subject, version, counts)
    return ImportResult(version, added, changed, removed, header.count, unchanged=False)


async def _announce(
    session: AsyncSession,
    source: ListSource,
    subject: UUID,
    version: int,
    counts: tuple[int, int, int],
) -> None:
    added, changed, removed = counts
    facts: dict[str, Any] = {
        "source": source.code,
        "version": version,
        "added": added,
        "changed": changed,
        "removed": removed,
    }
    await audit.record(session, None, Event.LIST_IMPORTED, audit.Subject(subject), **facts)
    await events.publish(session, EventType.LIST_CHANGED, subject, None, **facts)


_STAGE = text(
    "INSERT INTO staged_parties (entry_id, key, reference, digest, entry, feed, original) VALUES "
    "(:entry_id, :key, :reference, :digest, CAST(:entry AS jsonb), :feed, CAST(:original AS jsonb))"
)
_CURRENT = "SELECT entry_id, digest FROM listed_parties WHERE source = :s AND to_version IS NULL"
# S608: the texts are built of constants of this module.
_COUNTS = text(
    f"""SELECT count(*) FILTER (WHERE c.entry_id IS NULL) AS added,
        count(*) FILTER (WHERE c.digest <> n.digest) AS changed,
        count(*) FILTER (WHERE n.entry_id IS NULL) AS removed,
        count(c.entry_id) AS before
    FROM ({_CURRENT}) c FULL JOIN staged_parties n ON n.entry_id = c.entry_id"""  # noqa: S608 - texts of ours; values are bound
)
_FEED_REMOVED = text(
    f"""INSERT INTO feed_pending (entry_id, op, reason, streams)
    SELECT c.entry_id::text, 'remove', 'delisted', CAST(:streams AS text[])
    FROM ({_CURRENT}) c
    WHERE NOT EXISTS (SELECT FROM staged_parties n WHERE n.entry_id = c.entry_id)
    ORDER BY c.entry_id"""  # noqa: S608 - texts of ours; values are bound
)
_FEED_PUT = text(
    f"""INSERT INTO feed_pending (entry_id, op, entry, streams)
    SELECT n.entry_id::text, 'put', n.feed, CAST(:streams AS text[])
    FROM staged_parties n LEFT JOIN ({_CURRENT}) c ON c.entry_id = n.entry_id
    WHERE c.digest IS DISTINCT FROM n.digest ORDER BY n.entry_id"""  # noqa: S608 - texts of ours; values are bound
)
_CLOSE = text(
    """UPDATE listed_parties p SET to_version = :v
    WHERE p.source = :s AND p.to_version IS NULL AND NOT EXISTS (
        SELECT FROM staged_parties n WHERE n.entry_id = p.entry_id AND n.digest = p.digest)"""
)
_OPEN = text(
    """INSERT INTO listed_parties
        (entry_id, from_version, source, key, reference, digest, entry, original)
    SELECT n.entry_id, :v, :s, n.key, n.reference, n.digest, n.entry, n.original
    FROM staged_parties n WHERE NOT EXISTS (
        SELECT FROM listed_parties p WHERE p.entry_id = n.entry_id AND p.to_version IS NULL)"""
)
