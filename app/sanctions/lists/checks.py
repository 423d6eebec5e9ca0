"""The worker's checks of lists: a folder of files, and what publishers serve.

Off unless the settings name a folder or addresses. A check that fails leaves the old list; it is
tried again later and later, and the log, the metrics and `registry lists status` tell of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog
from pydantic_core import to_json
from sqlalchemy import text

from app.core import metrics
from app.core.clock import utc_now
from app.core.db import Database
from app.core.outbound import Outbound, OutboundFailed, OutboundRefused
from app.core.settings import Settings, UnsafeSettings, parse_by_list
from app.sanctions import sources
from app.sanctions.lists import files, streams
from app.sanctions.lists.audience import UnknownSource, find_source
from app.sanctions.lists.importer import (
    ListHeld,
    ListOlder,
    ListRefused,
    import_list,
    touch,
)
from app.sanctions.sources import SourceEmpty, SourceUnreadable

log = structlog.get_logger()
LIMIT_BYTES = 256 * 2**20
FETCH_S = 900.0
_LEASE = timedelta(minutes=30)
_FIRST_RETRY = timedelta(minutes=5)
_NAME = re.compile(r"[^A-Za-z0-9._-]")
_PLAIN = (ListOlder, ListRefused, ListHeld, SourceUnreadable, SourceEmpty)


class FetchFailed(Exception):
    """The publisher did not give the list; the message is a code."""


@dataclass(slots=True)
class _Fetched:
    paths: list[Path]
    tags: dict[str, dict[str, str]]


class ListChecks:
    """What the worker repeats; one object for the life of the process."""

    def __init__(self, settings: Settings, outbound: Outbound) -> None:
        required = settings.lists_required
        self.terms = streams.Terms(
            frozenset(required.split()) if required is not None else None,
            {code: int(days) for code, days in parse_by_list(settings.lists_stale_days)},
        )
        self.addresses: dict[str, list[str]] = {}
        for code, url in parse_by_list(settings.lists_fetch):
            self.addresses.setdefault(code, []).append(url)
        self._folder = settings.lists_dir
        self._interval = timedelta(hours=settings.lists_fetch_hours)
        self._outbound = outbound
        self._seen: tuple[object, ...] | None = None

    async def prepare(self, database: Database) -> None:
        """A row for each source. Raises UnsafeSettings for what the settings misname."""
        try:
            for code, urls in self.addresses.items():
                find_source(code)
                for url in urls:
                    self._outbound.check(url)
            await streams.ensure_all(database, self.terms)
        except UnknownSource as error:
            raise UnsafeSettings(str(error)) from None
        except OutboundRefused:
            raise UnsafeSettings("REGISTRY_LISTS_FETCH names an address not called.") from None

    async def run(self, database: Database) -> None:
        """One round: what has ended by date, the folder if it changed, whichever address is due."""
        while await expire_listed(database):
            continue
        await self._check_folder(database)
        for code, urls in self.addresses.items():
            await self._check_address(database, code, urls)
        await measure(database)

    # ------------------------------------------------------------------ the folder

    async def _check_folder(self, database: Database) -> None:
        if self._folder is None:
            return
        try:
            found = await asyncio.to_thread(files.in_folder, self._folder)
            seen = tuple((path.name, *_stamp(path)) for path in found)
        except (OSError, files.NoIssue) as error:
            log.warning("lists_folder_failed", kind=type(error).__name__)
            return
        if seen == self._seen:
            return
        self._seen = seen
        for source in sources.ALL.values():
            try:
                issue = await asyncio.to_thread(files.newest, source, found)
            except files.NoIssue:
                continue
            await self._import(database, source.code, issue.paths)
        for code, paths in files.mapped(found).items():
            await self._import(database, code, paths)

    async def _import(self, database: Database, code: str, paths: Sequence[Path]) -> str | None:
        """Import; None when it went well, else a code of what stands against it."""
        try:
            result = await import_list(database, code, *paths)
        except _PLAIN as error:
            failure = _code(error)
            log.warning("list_not_imported", source=code, reason=failure)
            return failure
        if not result.unchanged:
            log.info(
                "list_imported",
                source=code,
                version=result.version,
                added=result.added,
                changed=result.changed,
                removed=result.removed,
            )
        return None

    # ------------------------------------------------------------------ addresses

    async def _check_address(self, database: Database, code: str, urls: Sequence[str]) -> None:
        claimed = await self._claim(database, code)
        if claimed is None:
            return
        tags, failures = claimed
        try:
            failure, tags = await self._fetch(database, code, urls, tags)
        except (OutboundFailed, OutboundRefused, FetchFailed) as error:
            failure = str(error)
            log.warning("list_fetch_failed", source=code, reason=failure)
        failures = failures + 1 if failure else 0
        wait = min(self._interval, _FIRST_RETRY * 2 ** min(max(failures - 1, 0), 10))
        async with database.session() as session:
            await session.execute(
                _DONE,
                {
                    "s": code,
                    "tags": to_json(tags).decode(),
                    "next": utc_now() + (wait if failure else self._interval),
                    "failures": failures,
                    "failure": failure,
                },
            )

    async def _claim(self, database: Database, code: str) -> tuple[dict[str, Any], int] | None:
        """Take the check if it is due; another worker then leaves it alone."""
        async with database.session() as session:
            await session.execute(_ROW, {"s": code})
            row = (
                await session.execute(_CLAIM, {"s": code, "until": utc_now() + _LEASE})
            ).one_or_none()
        return None if row is None else (row.tags, row.failures)

    async def _fetch(
        self, database: Database, code: str, urls: Sequence[str], tags: dict[str, Any]
    ) -> tuple[str | None, dict[str, Any]]:
        """What stands against it, and the publisher's tags to ask with next time.

        "Not modified" is believed only of what is in force: tags are kept once it is.
        """
        async with database.session() as session:
            in_force = await session.scalar(_DIGEST, {"s": code})
        known = tags.get("urls", {}) if in_force and tags.get("digest") == in_force else {}
        with tempfile.TemporaryDirectory(prefix="registry-list-") as name:
            fetched = await self._download(urls, known, Path(name))
            if fetched is None:
                async with database.session() as session:
                    await touch(session, code)
                return None, tags
            failure = await self._import(database, code, fetched.paths)
        if failure is not None:
            return failure, tags
        async with database.session() as session:
            digest = await session.scalar(_DIGEST, {"s": code})
        return None, {"digest": digest, "urls": fetched.tags}

    async def _download(
        self, urls: Sequence[str], known: Mapping[str, Mapping[str, str]], folder: Path
    ) -> _Fetched | None:
        """All files of the issue; None when the publisher has not changed any.

        Raises FetchFailed, OutboundFailed, OutboundRefused.
        """
        if known and all(url in known for url in urls):
            first = await self._download_all(urls, known, folder)
            if first is None:
                return None
            if len(first.paths) == len(urls):
                return first
        # One of a set has changed: the set is taken whole.
        return await self._download_all(urls, {}, folder)

    async def _download_all(
        self, urls: Sequence[str], known: Mapping[str, Mapping[str, str]], folder: Path
    ) -> _Fetched | None:
        fetched = _Fetched([], {})
        for number, url in enumerate(urls):
            path = folder / f"{number:02d}_{_file_name(url)}"
            with path.open("wb") as file:
                answer = await self._outbound.save(
                    url, file, headers=_asked(known.get(url)), seconds=FETCH_S, limit=LIMIT_BYTES
                )
            if answer.status == 304 and url in known:
                continue
            if answer.status != 200:
                raise FetchFailed(f"status_{answer.status}")
            fetched.paths.append(path)
            kept = {"etag": answer.headers.get("etag", "")}
            kept["modified"] = answer.headers.get("last-modified", "")
            fetched.tags[url] = {name: value[:200] for name, value in kept.items() if value}
        return fetched if fetched.paths else None


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _asked(tags: Mapping[str, str] | None) -> dict[str, str]:
    names = {"etag": "If-None-Match", "modified": "If-Modified-Since"}
    return {names[name]: value for name, value in (tags or {}).items() if value.isascii()}


def _file_name(url: str) -> str:
    name = _NAME.sub("_", urlsplit(url).path.rsplit("/", 1)[-1])[-80:].lstrip(".")
    return name or hashlib.sha256(url.encode()).hexdigest()[:12]


def _code(error: Exception) -> str:
    names = {
        ListOlder: "older",
        ListRefused: "refused_before",
        ListHeld: "held",
        SourceUnreadable: "unreadable",
        SourceEmpty: "empty",
    }
    return next(name for kind, name in names.items() if isinstance(error, kind))


async def measure(database: Database) -> None:
    """How old each list is and how its checks fare, for Prometheus."""
    async with database.session() as session:
        rows = (await session.execute(_MEASURE)).all()
    for row in rows:
        if row.age is not None:
            metrics.list_age_seconds.labels(row.code).set(float(row.age))
        metrics.list_check_failures.labels(row.code).set(row.failures)
        metrics.list_held.labels(row.code).set(row.held)


async def expire_listed(database: Database) -> int:
    """Take parties out of the feed whose listing ended by date, a source at a time; how many."""
    today = utc_now().date()
    async with database.session() as session:
        code = await session.scalar(_DUE, {"today": today})
        if code is None:
            return 0
        return await streams.expire(session, code, today)


_ROW = text("INSERT INTO list_fetches (source) VALUES (:s) ON CONFLICT (source) DO NOTHING")
_CLAIM = text(
    "UPDATE list_fetches SET next_at = :until WHERE source = :s AND next_at <= now() "
    "RETURNING tags, failures"
)
_DIGEST = text("SELECT digest FROM list_sources WHERE code = :s")
_DONE = text(
    "UPDATE list_fetches SET tags = CAST(:tags AS jsonb), next_at = :next, checked_at = now(), "
    "failures = :failures, failure = :failure WHERE source = :s"
)
_MEASURE = text(
    """SELECT s.code, extract(epoch FROM now() - s.last_success) AS age,
    coalesce(f.failures, 0) AS failures,
    (SELECT count(*) FROM list_candidates c WHERE c.source = s.code AND c.state = 'waiting') AS held
    FROM list_sources s LEFT JOIN list_fetches f ON f.source = s.code"""
)
_DUE = text(
    "SELECT source FROM listed_parties WHERE to_version IS NULL AND expired_at IS NULL "
    "AND ends_on < :today LIMIT 1"
)
