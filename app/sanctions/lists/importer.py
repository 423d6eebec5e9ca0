"""Importing a list: plan, check whole, stage, compare by content, swap in one transaction.

Runs as reg_worker. A crash at any point leaves the old list; the same files again change nothing
but the time of the last successful check. An issue that lost too many parties is held back for a
person (`quarantine`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.core.clock import utc_now
from app.core.db import Database
from app.events import service as events
from app.events.catalogue import EventType
from app.sanctions.feed.entries import listed_entry_id
from app.sanctions.lists import quarantine, staging, streams
from app.sanctions.lists.audience import UnknownSource, audience_of, find_source
from app.sanctions.lists.staging import Delta, Progress
from app.sanctions.sources import ListHeader, ListSource

__all__ = [
    "ImportResult",
    "ListHeld",
    "ListOlder",
    "ListRefused",
    "Plan",
    "UnknownSource",
    "diff_list",
    "find_source",
    "import_list",
    "long_work",
    "plan_list",
    "swap",
    "touch",
]

_FUTURE = timedelta(days=2)
"""How far ahead of our clock an issue may say it was published, before it is not believed."""


class ListOlder(Exception):
    """The file was published before the one in force; nothing was applied."""


class ListRefused(Exception):
    """A person has refused these very files before; nothing was applied."""


class ListHeld(Exception):
    """The files hold far fewer parties than the list in force: a person decides about them."""

    def __init__(self, words: str, candidate: UUID) -> None:
        super().__init__(words)
        self.candidate = candidate


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did, or, of a dry run, would have done.

    ``held``: of a dry run, that the issue would be held back for a person.
    """

    version: int
    added: int
    changed: int
    removed: int
    parties: int
    unchanged: bool
    held: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import of these files would be, known without reading them a second time."""

    kind: Literal["no_change", "delta", "full", "older"]
    digest: str
    parties: int
    layout: str
    published_at: datetime | None
    in_force: int | None


def _none(done: int, total: int) -> None:
    return None


async def import_list(
    database: Database,
    code: str,
    *paths: Path,
    accept_older: bool = False,
    again: bool = False,
    correcting: bool = False,
    dry_run: bool = False,
    progress: Progress = _none,
) -> ImportResult:
    """Import the files of one issue as the list now in force.

    ``again`` reads the very files in force once more: a new release may see more in them.
    ``correcting``: the issue in force was a mistake; an older one may take its place, and who
    followed the feed is told to erase the parties that this one has not. Raises
    UnknownSource, SourceUnreadable, SourceEmpty, ListOlder, ListRefused, or ListHeld after the
    issue was kept for a person; then the old list stands.
    """
    source = find_source(code)
    parsed = await asyncio.to_thread(source.parse, *paths)
    held: UUID | None = None
    async with database.session() as session:
        state = await _begin(session, source, parsed.header)
        if state.digest == parsed.header.sha256 and not again:
            if not dry_run:
                await touch(session, code)
            return ImportResult(state.version, 0, 0, 0, parsed.header.count, unchanged=True)
        _check_time(state, parsed.header, accept_older=accept_older or correcting)
        if await quarantine.was_refused(session, code, parsed.header.sha256):
            raise ListRefused(
                f"These files were refused before as the list {code}; "
                "the one in force stands. A newer issue is taken."
            )
        await staging.stage(session, source, parsed, progress)
        delta = await staging.compare(session, code)
        shrunk = bool(delta.before) and delta.removed > delta.before * source.shrink_limit
        if dry_run:
            await session.rollback()
            would = _result(state.version or 0, delta, parsed.header.count)
            return replace(would, held=shrunk)
        if not shrunk:
            return await swap(session, source, parsed.header, delta, correcting=correcting)
        held = await quarantine.hold(session, source, parsed.header, delta, state.version)
    raise ListHeld(
        f"The file lacks {delta.removed} of the {delta.before} parties in force: it is held back, "
        f"and the list in force stands. Look at it with `registry lists diff {code} --held`. "
        f"Put it in force with `registry lists approve {code} --reason '...'`, or drop it with "
        f"`registry lists approve {code} --refuse --reason '...'`.",
        held,
    )


async def plan_list(database: Database, code: str, *paths: Path) -> Plan:
    """What an import of these files would be. Raises as `import_list`, but for ListOlder."""
    source = find_source(code)
    header = (await asyncio.to_thread(source.parse, *paths)).header
    async with database.session() as session:
        state = await _state(session, code)
    kind: Literal["no_change", "delta", "full", "older"] = "full"
    if state is not None and state.digest == header.sha256:
        kind = "no_change"
    elif state is not None and _is_older(state, header):
        kind = "older"
    elif state is not None and state.version is not None:
        kind = "delta"
    in_force = sum(state.counts.values()) if state is not None and state.version else None
    return Plan(kind, header.sha256, header.count, header.layout, header.generated_at, in_force)


async def diff_list(
    database: Database, code: str, *paths: Path, limit: int = 200, progress: Progress = _none
) -> tuple[Delta, list[dict[str, Any]]]:
    """How these files differ from the list in force: the counts, and the first changes."""
    source = find_source(code)
    parsed = await asyncio.to_thread(source.parse, *paths)
    async with database.session() as session:
        await long_work(session)
        await staging.stage(session, source, parsed, progress)
        delta = await staging.compare(session, code)
        changes = await staging.preview(session, code, limit)
        await session.rollback()
    return delta, changes


async def long_work(session: AsyncSession) -> None:
    """A long list takes longer than a request may; readers see the old one meanwhile."""
    await session.execute(text("SET LOCAL transaction_timeout = '30min'"))
    await session.execute(text("SET LOCAL statement_timeout = '5min'"))
    await session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '5min'"))


async def _state(session: AsyncSession, code: str) -> Any:
    return (
        await session.execute(
            text(
                "SELECT version, digest, published_at, counts FROM list_sources WHERE code = :code"
            ),
            {"code": code},
        )
    ).one_or_none()


async def _begin(session: AsyncSession, source: ListSource, header: ListHeader) -> Any:
    """The locked state of the source: two imports of one source take turns."""
    await long_work(session)
    await streams.ensure(session, source, header)
    await session.execute(
        text("SELECT FROM list_sources WHERE code = :code FOR UPDATE"), {"code": source.code}
    )
    await streams.align(session, source)
    return await _state(session, source.code)


def _is_older(state: Any, header: ListHeader) -> bool:
    published = header.generated_at
    return bool(state.published_at and published and published < state.published_at)


def _check_time(state: Any, header: ListHeader, *, accept_older: bool) -> None:
    published = header.generated_at
    if published is not None and published > utc_now() + _FUTURE:
        raise ListOlder(
            f"The file says it was published {published:%Y-%m-%d %H:%M}, which is yet to come; "
            "every later issue would be older than it, so it is not taken."
        )
    if _is_older(state, header) and not accept_older:
        raise ListOlder(
            f"The file was published {published:%Y-%m-%d %H:%M}, before the list in force; "
            "the newer one stands. With --accept-older it is taken all the same."
        )


async def touch(session: AsyncSession, code: str) -> None:
    """The source was checked with success, and has not changed."""
    await session.execute(
        text("UPDATE list_sources SET last_success = now() WHERE code = :code"), {"code": code}
    )


async def swap(
    session: AsyncSession,
    source: ListSource,
    header: ListHeader,
    delta: Delta,
    *,
    correcting: bool = False,
) -> ImportResult:
    """Put what is staged in force: version, feed, rows, state and events, in this transaction."""
    today = utc_now().date()
    await streams.expire(session, source.code, today)
    version: int = await session.scalar(
        _VERSION,
        {
            "source": source.code,
            "digest": header.sha256,
            "layout": header.layout,
            "published": header.generated_at,
            "added": delta.added,
            "changed": delta.changed,
            "removed": delta.removed,
            "parties": header.count,
        },
    )
    now_in = await streams.streams_now(session, source.code)
    await staging.put_in_force(session, source.code, version, now_in, today, correcting=correcting)
    counts = {"persons": header.persons, "organisations": header.organisations}
    if header.others:
        counts["others"] = header.others
    await session.execute(
        _IN_FORCE,
        {
            "v": version,
            "digest": header.sha256,
            "published": header.generated_at,
            "counts": to_json(counts).decode(),
            "s": source.code,
        },
    )
    await quarantine.outdate(session, source.code)
    await _announce(session, source, version, delta)
    return _result(version, delta, header.count)


def _result(version: int, delta: Delta, parties: int) -> ImportResult:
    return ImportResult(
        version, delta.added, delta.changed, delta.removed, parties, unchanged=False
    )


async def _announce(session: AsyncSession, source: ListSource, version: int, delta: Delta) -> None:
    facts: dict[str, Any] = {
        "source": source.code,
        "version": version,
        "added": delta.added,
        "changed": delta.changed,
        "removed": delta.removed,
    }
    subject = listed_entry_id(source.code, f"version:{version}")
    await audit.record(session, None, Event.LIST_IMPORTED, audit.Subject(subject), **facts)
    # Whoever passes events on tells of an opt-in list those that use it.
    facts["audience"] = audience_of(source)
    await events.publish(session, EventType.LIST_CHANGED, subject, None, **facts)


_VERSION = text(
    "INSERT INTO list_versions (source, digest, layout, published_at, added, changed, removed, "
    "parties) VALUES (:source, :digest, :layout, :published, :added, :changed, :removed, "
    ":parties) RETURNING version"
)
_IN_FORCE = text(
    "UPDATE list_sources SET version = :v, digest = :digest, published_at = :published, "
    "counts = CAST(:counts AS jsonb), last_success = now() WHERE code = :s"
)
