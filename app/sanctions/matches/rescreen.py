"""Comparing again whoever changed, as the worker: one process at a time, in small transactions.

One at a time, because the side of a subject and the side of a listed party each say the whole
truth about their own: two that looked at once could each undo what the other found. While the
feed has rows without a number, nothing is compared: then the index in memory and the statements
here would see different lists.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import structlog
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import metrics
from app.core.clock import utc_now
from app.core.crypto import KeyRing
from app.core.db import Database
from app.partners.people import blind, marks
from app.sanctions.matches import candidates, finding, items, sweeping
from app.sanctions.matches.found import Found, SubjectRef
from app.sanctions.matches.queue import RESCREEN_LOCK
from app.sanctions.matches.subjects import Compared
from app.sanctions.screening.saved import IndexFiles
from app.sanctions.screening.service import Screener
from partner_registry_matcher import ALGORITHM

log = structlog.get_logger()
_SWEEP_S = 60.0
_TURN = {"partner": 10, "person": 20, "entry": 10}
"""Tasks of one transaction; kinds take turns, so that a long list holds up no new profile."""

_LEAD = text("SELECT pg_try_advisory_xact_lock(:lock)")
_UNNUMBERED = "SELECT EXISTS (SELECT FROM feed_pending)"
_TAKE = text(
    """SELECT kind, subject_id, failures FROM rescreen_tasks
    WHERE kind = :kind AND due_at <= clock_timestamp()
    ORDER BY due_at, subject_id LIMIT :most FOR UPDATE"""
)
_DONE = "DELETE FROM rescreen_tasks WHERE kind = $1 AND subject_id = $2"
_FAILED = """UPDATE rescreen_tasks SET failures = failures + 1, failure = $3,
  due_at = clock_timestamp()
    + least(interval '1 day', interval '1 minute' * 2 ^ least(failures, 12))
  WHERE kind = $1 AND subject_id = $2"""
_WAITING = text(
    """SELECT kind, count(*) AS waiting, count(*) FILTER (WHERE failures > 0) AS failing,
      extract(epoch FROM clock_timestamp() - min(queued_at)) AS oldest
    FROM rescreen_tasks GROUP BY kind"""
)
_PERSON = """SELECT p.id, p.partner_id, p.version, p.role, p.authorised, p.board_member, p.sealed,
    p.sealed_version, p.valid_to FROM partner_people p WHERE p.id = $1 FOR NO KEY UPDATE"""
_TOKENS = """SELECT EXISTS (SELECT FROM partner_person_tokens t JOIN blind_keys k ON k.id = t.key_id
  WHERE t.person_id = $1 AND t.sealed_version = $2 AND t.made_by = $3 AND k.state = 'current')"""
_KNOWN = "SELECT entries FROM screened_subjects WHERE subject_id = $1"
_KNOWN_OF_ENTRY = """SELECT kind, subject_id FROM screened_subjects
  WHERE entries <> '{}' AND entries @> ARRAY[$1::uuid]"""
_SAVE = """INSERT INTO screened_subjects (subject_id, partner_id, kind, version, algorithm, entries)
  VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (subject_id) DO UPDATE SET version = excluded.version,
    algorithm = excluded.algorithm, entries = excluded.entries"""
_MET = """INSERT INTO screened_subjects AS s (subject_id, partner_id, kind, version, algorithm,
    entries) VALUES ($1, $2, $3, 0, '', ARRAY[$4::uuid])
  ON CONFLICT (subject_id) DO UPDATE SET entries = s.entries || $4::uuid
  WHERE NOT s.entries @> ARRAY[$4::uuid]"""
_PARTED = """UPDATE screened_subjects SET entries = array_remove(entries, $1::uuid)
  WHERE entries <> '{}' AND entries @> ARRAY[$1::uuid] AND NOT subject_id = ANY ($2::uuid[])"""
_GONE = "DELETE FROM screened_subjects WHERE subject_id = $1"
_SAVE_ENTRY = """INSERT INTO screened_entries (entry_id, digest, holders) VALUES ($1, $2, $3)
  ON CONFLICT (entry_id) DO UPDATE SET digest = excluded.digest, holders = excluded.holders"""
_ENTRY_GONE = "DELETE FROM screened_entries WHERE entry_id = $1"

ToSubject = Callable[[AsyncSession, KeyRing, SubjectRef, Sequence[Found]], Awaitable[object]]
ToEntry = Callable[[AsyncSession, KeyRing, UUID, Sequence[Found]], Awaitable[object]]


class Rescreener:
    """Works off the tasks. Holds the indexes of the lists, as every process that screens does."""

    def __init__(
        self,
        database: Database,
        keyring: KeyRing,
        *,
        to_subject: ToSubject = items.found_for_subject,
        to_entry: ToEntry = items.found_for_entry,
        files: IndexFiles | None = None,
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._screener = Screener(files)
        self._to_subject = to_subject
        self._to_entry = to_entry
        self._swept_at = -_SWEEP_S

    @property
    def screener(self) -> Screener:
        """The indexes of this process: one memory for all its work."""
        return self._screener

    @property
    def keyring(self) -> KeyRing:
        """The keys of this process."""
        return self._keyring

    async def run(self, stop: asyncio.Event) -> None:
        """Work until nothing is due, or ``stop`` is set; see now and then what was missed."""
        if time.monotonic() - self._swept_at >= _SWEEP_S:
            await self._screener.renew(self._database)
            while not stop.is_set() and await sweeping.sweep(self._database):
                continue
            self._swept_at = time.monotonic()
        while not stop.is_set() and await self.round():
            continue
        async with self._database.session() as session:
            await measure(session)

    async def round(self) -> int:
        """Some tasks of each kind; how many were done or put off."""
        return sum([await self._some(kind, most) for kind, most in _TURN.items()])

    async def _some(self, kind: str, most: int) -> int:
        async with self._database.session() as session:
            if not await session.scalar(_LEAD, {"lock": RESCREEN_LOCK}):
                return 0
            tasks = (await session.execute(_TAKE, {"kind": kind, "most": most})).all()
            connection = await raw(session)
            if not tasks or await connection.fetchval(_UNNUMBERED):
                return 0
            holders = await finding.all_holders(connection)
            lists = await finding.lists_now(connection, self._screener, holders)
            for task in tasks:
                await self._try(session, connection, task, lists)
        metrics.rescreened_total.labels(kind).inc(len(tasks))
        return len(tasks)

    async def _try(
        self,
        session: AsyncSession,
        connection: asyncpg.Connection,
        task: Row[Any],
        lists: finding.Lists,
    ) -> None:
        """One task. What fails is tried again later, by itself: it holds up no other."""
        work = {"partner": self._partner, "person": self._person, "entry": self._entry}[task.kind]
        try:
            async with session.begin_nested():
                await work(session, connection, task.subject_id, lists)
        except Exception as error:  # noqa: BLE001 - one pair's trouble ends no round
            name = type(error).__name__
            log.warning("rescreen_failed", kind=task.kind, subject=str(task.subject_id), error=name)
            await connection.execute(_FAILED, task.kind, task.subject_id, name)
        else:
            await connection.execute(_DONE, task.kind, task.subject_id)

    async def _partner(
        self,
        session: AsyncSession,
        connection: asyncpg.Connection,
        partner_id: UUID,
        lists: finding.Lists,
    ) -> None:
        _, key = await blind.current_key(connection, self._keyring, "subjects")
        for compared in await candidates.read_partners(connection, [partner_id], key):
            await self._subject(session, connection, compared, lists)

    async def _person(
        self,
        session: AsyncSession,
        connection: asyncpg.Connection,
        person_id: UUID,
        lists: finding.Lists,
    ) -> None:
        """Make the tokens where they are missing or old, and compare; or forget somebody."""
        today = utc_now().date()
        row = await connection.fetchrow(_PERSON, person_id)
        if row is None:
            await connection.execute(_GONE, person_id)
            return
        if row["sealed"] is None or not blind.is_compared(row, today):
            await blind.forget_tokens(connection, person_id)
            ref = SubjectRef(UUID(str(row["partner_id"])), person_id)
            await self._to_subject(session, self._keyring, ref, ())
            await connection.execute(_GONE, person_id)
            return
        version = row["sealed_version"]
        if not await connection.fetchval(_TOKENS, person_id, version, marks.MADE_BY):
            body = await candidates.open_body(connection, self._keyring, row)
            await blind.write_tokens(connection, self._keyring, row, body, today)
        _, key = await blind.current_key(connection, self._keyring, "subjects")
        for compared in await candidates.open_people(connection, self._keyring, [row], key, today):
            await self._subject(session, connection, compared, lists)

    async def _subject(
        self,
        session: AsyncSession,
        connection: asyncpg.Connection,
        compared: Compared,
        lists: finding.Lists,
    ) -> None:
        known = [UUID(str(one)) for one in await connection.fetchval(_KNOWN, compared.id) or ()]
        found = await finding.find_for_subject(connection, compared, lists, known)
        await self._to_subject(session, self._keyring, compared.ref, found)
        entries = sorted({one.entry_id for one in found})
        about = (compared.id, compared.ref.partner_id, compared.kind, compared.version)
        await connection.execute(_SAVE, *about, ALGORITHM, entries)

    async def _entry(
        self,
        session: AsyncSession,
        connection: asyncpg.Connection,
        entry_id: UUID,
        lists: finding.Lists,
    ) -> None:
        """A listed party, or one that counts for nobody any more: then nothing is found."""
        rows = await connection.fetch(_KNOWN_OF_ENTRY, entry_id)
        known = [(row["kind"], UUID(str(row["subject_id"]))) for row in rows]
        listed = await finding.listed_of(connection, [entry_id], lists.holders)
        found: list[Found] = []
        for one in listed:
            found += await finding.find_for_entry(
                connection, self._keyring, one, lists.layers.pairs, known
            )
        await self._to_entry(session, self._keyring, entry_id, found)
        met = {one.subject for one in found}
        for ref in met:
            which = (
                ("partner", ref.partner_id) if ref.person_id is None else ("person", ref.person_id)
            )
            await connection.execute(_MET, which[1], ref.partner_id, which[0], entry_id)
        kept = [ref.person_id or ref.partner_id for ref in met]
        await connection.execute(_PARTED, entry_id, kept)
        await connection.execute(_ENTRY_GONE, entry_id)
        for one in listed:
            holders = sorted(holder for holder in one.holders if holder is not None)
            await connection.execute(_SAVE_ENTRY, entry_id, one.digest, holders)


async def raw(session: AsyncSession) -> asyncpg.Connection:
    """The driver's connection under a session whose transaction has begun."""
    fairy = await (await session.connection()).get_raw_connection()
    connection: asyncpg.Connection = fairy.driver_connection
    return connection


async def waiting(session: AsyncSession) -> dict[str, Any]:
    """What waits, by kind: how many, how many of them failed, and since how many seconds."""
    return {row.kind: row for row in await session.execute(_WAITING)}


async def measure(session: AsyncSession) -> None:
    """Tell the metrics what waits."""
    rows = await waiting(session)
    for kind in _TURN:
        row = rows.get(kind)
        metrics.rescreen_waiting.labels(kind).set(row.waiting if row else 0)
        metrics.rescreen_failing.labels(kind).set(row.failing if row else 0)
        metrics.rescreen_oldest_seconds.labels(kind).set(float(row.oldest) if row else 0)
