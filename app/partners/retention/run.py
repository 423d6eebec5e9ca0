"""Running the rules: in batches, each a transaction of its own, so that nothing is half done.

A run that is broken off has erased what its batches say, and no more; the next one does the rest.
Who calls this cannot erase too early: the database asks the rule and the legal holds itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.db import Database
from app.core.ids import new_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.retention.rules import PERIODS, RetentionRule

log = structlog.get_logger()
BATCH = 100
RETENTION_LOCK = 7_021_026
_PAGE = """SELECT v.id, v.partner_id, v.owner_agency, v.since, v.kept_by,
    ARRAY(SELECT DISTINCT h.id FROM legal_holds h WHERE h.released_at IS NULL AND h.subject_id IN (
      SELECT l FROM unnest(v.records) AS r (id), partner_lineage(r.id) AS l) ORDER BY h.id) AS holds
  FROM {view} v WHERE CAST(:after AS uuid) IS NULL OR v.id > :after ORDER BY v.id LIMIT :limit"""
_START = text(
    """INSERT INTO retention_runs (id, rules_version, started_by, whole)
    VALUES (:id, :version, :by, :whole)"""
)
_FINISH = text("UPDATE retention_runs SET finished_at = now() WHERE id = :id")
_COUNT = text(
    """INSERT INTO retention_counts AS c (id, run_id, rule, owner_agency, erased, held, kept)
    VALUES (:id, :run, :rule, :owner, :erased, :held, :kept)
    ON CONFLICT (run_id, rule, owner_agency) DO UPDATE SET erased = c.erased + excluded.erased,
      held = c.held + excluded.held, kept = c.kept + excluded.kept"""
)
_DONE_TODAY = text(
    """SELECT EXISTS (SELECT FROM retention_runs WHERE whole AND finished_at IS NOT NULL
    AND started_at > now() - interval '24 hours')"""
)

Progress = Callable[[str, int, int], None]


class RetentionProblem(Exception):
    """Expected: the message is one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A record that is due and stays: for a legal hold, an open matter, or a refusal."""

    id: UUID
    since: datetime
    reason: str
    holds: tuple[UUID, ...] = ()


@dataclass(slots=True)
class Outcome:
    """What a rule found; ``erased`` is what it would erase, in a dry run."""

    rule: str
    due: int = 0
    erased: int = 0
    oldest: datetime | None = None
    kept: list[Kept] = field(default_factory=list)

    @property
    def held(self) -> int:
        """How many a legal hold keeps."""
        return sum(1 for item in self.kept if item.holds)

    def note(self, row: Any, reason: str | None) -> None:
        """One record that is due; ``reason`` says why it stays."""
        self.due += 1
        self.oldest = row.since if self.oldest is None else min(self.oldest, row.since)
        if reason is None:
            self.erased += 1
        else:
            self.kept.append(Kept(row.id, row.since, reason, tuple(row.holds)))


def chosen(rules: Sequence[RetentionRule], name: str | None) -> list[RetentionRule]:
    """All rules, or the one of this name. Raises RetentionProblem."""
    found = [rule for rule in rules if name in (None, rule.name)]
    if not found:
        names = ", ".join(rule.name for rule in rules)
        raise RetentionProblem(f"There is no rule {name}; there are: {names}.")
    return found


async def preview(
    database: Database, rules: Iterable[RetentionRule], limit: int | None, progress: Progress
) -> list[Outcome]:
    """What a run would do now. Reads in transactions that can write nothing."""
    outcomes = []
    for rule in rules:
        outcome, after = Outcome(rule.name), None
        while limit is None or outcome.erased < limit:
            size = BATCH if limit is None else min(BATCH, limit - outcome.erased)
            async with database.session() as session:
                await session.execute(text("SET TRANSACTION READ ONLY"))
                rows = await _page(session, rule, after, size)
            for row in rows:
                outcome.note(row, _reason(row))
            if len(rows) < size:
                break
            after = rows[-1].id
        progress(rule.name, 1, 1)
        outcomes.append(outcome)
    return outcomes


async def apply(
    database: Database,
    rules: Sequence[RetentionRule],
    caller: Caller | None,
    limit: int | None,
    progress: Progress,
    *,
    whole: bool,
) -> list[Outcome]:
    """Erase what is due, at most ``limit`` records of each rule; ``caller`` None is the worker.

    Raises RetentionProblem while another run works.
    """
    async with _alone(database):
        run = new_id()
        async with database.session() as session:
            by = "worker" if caller is None else "operator"
            values = {"id": run, "version": PERIODS.version, "by": by, "whole": whole}
            await session.execute(_START, values)
        outcomes = []
        for number, rule in enumerate(rules, start=1):
            outcomes.append(await _apply_rule(database, run, rule, caller, limit))
            progress("rules", number, len(rules))
        async with database.session() as session:
            await session.execute(_FINISH, {"id": run})
    return outcomes


async def daily(database: Database, rules: Sequence[RetentionRule]) -> int:
    """The worker's round: once a day a whole run; how many records it erased."""
    async with database.session() as session:
        if await session.scalar(_DONE_TODAY):
            return 0
    try:
        outcomes = await apply(database, rules, None, None, _silent, whole=True)
    except RetentionProblem:
        return 0
    erased = sum(outcome.erased for outcome in outcomes)
    log.info("retention_ran", erased=erased, kept=sum(len(item.kept) for item in outcomes))
    return erased


def _silent(step: str, done: int, total: int) -> None:
    return


@asynccontextmanager
async def _alone(database: Database) -> AsyncIterator[None]:
    async with database.connection() as connection:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", RETENTION_LOCK):
            raise RetentionProblem("Another retention run works just now: try again later.")
        try:
            yield
        finally:
            if not connection.is_closed():
                await connection.execute("SELECT pg_advisory_unlock($1)", RETENTION_LOCK)


def _reason(row: Any) -> str | None:
    return "LEGAL_HOLD" if row.holds else row.kept_by


async def _page(
    session: AsyncSession, rule: RetentionRule, after: UUID | None, limit: int
) -> Sequence[Any]:
    await session.execute(text("SET LOCAL statement_timeout = '50s'"))
    page = text(_PAGE.format(view=rule.view))
    return (await session.execute(page, {"after": after, "limit": limit})).all()


async def _apply_rule(
    database: Database, run: UUID, rule: RetentionRule, caller: Caller | None, limit: int | None
) -> Outcome:
    outcome, after = Outcome(rule.name), None
    while limit is None or outcome.erased < limit:
        size = BATCH if limit is None else min(BATCH, limit - outcome.erased)
        async with database.session() as session:
            rows = await _page(session, rule, after, size)
            free = [row.id for row in rows if _reason(row) is None]
            refused = await _erase(session, rule, free)
            reasons = {row.id: "REFUSED" if row.id in refused else _reason(row) for row in rows}
            await _report(session, run, rule, caller, rows, reasons)
        # Only what is committed counts.
        for row in rows:
            outcome.note(row, reasons[row.id])
        if len(rows) < size:
            break
        after = rows[-1].id
    return outcome


async def _erase(session: AsyncSession, rule: RetentionRule, ids: list[UUID]) -> set[UUID]:
    """Erase these; those that the database refused, one by one, are named and stay.

    It refuses what a hold or a change reached since the page was read, and what something that no
    rule knows of still refers to.
    """
    if not ids:
        return set()
    try:
        await _run(session, rule, ids)
    except DBAPIError as error:
        _expected(error)
        if len(ids) == 1:
            log.warning("retention_refused", rule=rule.name, record=str(ids[0]))
            return set(ids)
        refused: set[UUID] = set()
        for one in ids:
            refused |= await _erase(session, rule, [one])
        return refused
    return set()


def _expected(error: DBAPIError) -> None:
    if error.connection_invalidated or getattr(error.orig, "sqlstate", None) is None:
        raise error


async def _run(session: AsyncSession, rule: RetentionRule, ids: list[UUID]) -> None:
    async with session.begin_nested():
        for statement in rule.statements:
            await session.execute(statement, {"ids": ids})


async def _report(
    session: AsyncSession,
    run: UUID,
    rule: RetentionRule,
    caller: Caller | None,
    rows: Sequence[Any],
    reasons: dict[UUID, str | None],
) -> None:
    """Counts, one event in the log and one in the outbox for each owner of the batch."""
    owners: dict[UUID | None, list[Any]] = defaultdict(list)
    for row in rows:
        owners[row.owner_agency].append(row)
    for owner, own in owners.items():
        erased = [str(row.id) for row in own if reasons[row.id] is None]
        held = sum(1 for row in own if reasons[row.id] == "LEGAL_HOLD")
        values = {"id": new_id(), "run": run, "rule": rule.name, "owner": owner}
        values |= {"erased": len(erased), "held": held, "kept": len(own) - len(erased) - held}
        await session.execute(_COUNT, values)
        if erased:
            subject = audit.Subject(run, owner)
            what: dict[str, Any] = {"rule": rule.name, "version": PERIODS.version, "ids": erased}
            await audit.record(
                session, caller, Event.RETENTION_ERASED, subject, basis="retention", **what
            )
            await events.publish(session, EventType.RECORDS_ERASED, run, owner, **what)
