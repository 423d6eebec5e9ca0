"""The background process: numbers after commit, the feed, expiry, consumers, clean-up.

Every round asks the database who may act, by advisory lock or by locked rows, so any number of
workers may run; one of them does each piece of work. A database that restarts is waited for.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import asyncpg
import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app import models  # noqa: F401 - every table must be known before the first query
from app.agencies.clients.upkeep import watch_secrets
from app.assessments import consumers as assessments
from app.assessments.documents.upkeep import scan_waiting as scan_assessments
from app.assessments.findings.upkeep import tell_overdue as tell_findings
from app.assessments.life_cycle.upkeep import notify_expiring as notify_assessments
from app.assessments.life_cycle.upkeep import open_held
from app.assessments.plans.retention import RETENTION as PLANS_RETENTION
from app.assessments.plans.upkeep import remind as remind_of_plans
from app.assessments.request_upkeep import remind_of_requests
from app.assessments.retention import RETENTION as ASSESSMENTS_RETENTION
from app.assessments.sea_restrictions.retention import RETENTION as SEA_RETENTION
from app.assessments.sea_restrictions.upkeep import remind as remind_of_sea
from app.assessments.watching.watch import forget, watch_reading
from app.audit.sampling import Sampler
from app.audit.stream import AuditStream
from app.auth.keys import SigningKeys
from app.auth.scopes import DECIDING
from app.core.bell import Bell
from app.core.blobs.service import Blobs, open_blobs, sweep
from app.core.blobs.stores import StoreAway
from app.core.crypto import KeyRing
from app.core.db import Database, touched, wait_for_database
from app.core.idempotency import KEEP_DAYS
from app.core.key_provider import load_root_keys
from app.core.outbound import Outbound
from app.core.safety import check_database, check_root_key
from app.core.sequencer import LEADER_LOCK, Sequencer
from app.core.settings import Settings
from app.events import upkeep as event_upkeep
from app.events.reminders import remind
from app.events.service import STREAM, Consumer, run_consumers
from app.events.telling import CONSUMERS as TELLING
from app.events.webhooks.delivery import CALLS, Deliverer
from app.partners.bulk.retention import RETENTION as BULK_RETENTION
from app.partners.claims.retention import RETENTION as CLAIMS_RETENTION
from app.partners.corrections.retention import RETENTION as CORRECTIONS_RETENTION
from app.partners.corrections.upkeep import tell_overdue as tell_corrections
from app.partners.documents.retention import RETENTION as DOCUMENTS_RETENTION
from app.partners.documents.upkeep import scan_waiting
from app.partners.flags.retention import RETENTION as FLAGS_RETENTION
from app.partners.flags.upkeep import lapse_flags
from app.partners.identifiers.expiry import notify_expiring
from app.partners.identifiers.retention import RETENTION as IDENTIFIERS_RETENTION
from app.partners.matching.duplicates import check_waiting, recount
from app.partners.matching.retention import RETENTION as MATCHING_RETENTION
from app.partners.objections.retention import RETENTION as OBJECTIONS_RETENTION
from app.partners.objections.upkeep import tell_overdue
from app.partners.pending.retention import RETENTION as PENDING_RETENTION
from app.partners.people.retention import RETENTION as PEOPLE_RETENTION
from app.partners.people.upkeep import announce_overdue
from app.partners.retention import run as retention
from app.partners.self_service.retention import RETENTION as COMMENTS_RETENTION
from app.partners.verifications.retention import RETENTION as VERIFICATIONS_RETENTION
from app.partners.verifications.upkeep import give_notice, lapse
from app.recognition import receipts
from app.recognition.decisions.upkeep import remind as remind_of_waivers
from app.recognition.retention import RETENTION as RECOGNITION_RETENTION
from app.recognition.upkeep import forget_inquiries, forget_names
from app.recognition.watching import clock
from app.recognition.watching.affected import CONSUMERS as WATCHING
from app.recognition.watching.recheck import work_off
from app.sanctions import consumers as sanctions
from app.sanctions import sources
from app.sanctions.cases.upkeep import remind as remind_of_measures
from app.sanctions.entries.expiry import complete_own_streams, expire_entries
from app.sanctions.feed import publication
from app.sanctions.feed.checksums import Checksums
from app.sanctions.feed.publication import Target, TargetAway
from app.sanctions.feed.stream import FeedStream
from app.sanctions.lists.audience import own_stream
from app.sanctions.lists.checks import ListChecks
from app.sanctions.matches.rescreen import Rescreener
from app.sanctions.matches.upkeep import escalate
from app.sanctions.retention import RETENTION as SANCTIONS_RETENTION
from app.sanctions.screening.saved import index_files
from app.sanctions.screening.statistics import STREAM as COUNTED_STREAM
from app.sanctions.screening.statistics import Publish, keep_counted, publish_newest
from app.sanctions.transfer_restrictions.upkeep import announce

log = structlog.get_logger()
TRANSIENT = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError)
HEARTBEAT_S = 30.0
PUBLISH_S = 5.0
CHECKSUMS_S = 20.0
EXPIRY_S = 60.0
HOUSEKEEPING_S = 3_600.0
LOG_SAMPLE_S = 30.0
DUPLICATES_S = 2.0
WATCH_S = 5.0
LISTS_S = 15.0
RESCREEN_S = 1.0
RECHECK_S = 0.2
ALIVE_S = 5.0
_RETRY_S = 1.0
_GRACE_S = 0.8
_BATCH = 5_000
CONSUMERS = (*TELLING, *assessments.CONSUMERS, *sanctions.CONSUMERS, *WATCHING)
RETENTION = (
    *PEOPLE_RETENTION,
    *DOCUMENTS_RETENTION,
    *MATCHING_RETENTION,
    *IDENTIFIERS_RETENTION,
    *CLAIMS_RETENTION,
    *CORRECTIONS_RETENTION,
    *PENDING_RETENTION,
    *BULK_RETENTION,
    *VERIFICATIONS_RETENTION,
    *PLANS_RETENTION,
    *SEA_RETENTION,
    *ASSESSMENTS_RETENTION,
    *SANCTIONS_RETENTION,
    *FLAGS_RETENTION,
    *OBJECTIONS_RETENTION,
    *COMMENTS_RETENTION,
    *RECOGNITION_RETENTION,
)
"""Every rule, in the order of a run: objections and comments last, as they go with their
statements."""
FEED_STREAMS = ("public", "inter_agency", *(own_stream(code) for code in sources.ALL))

Work = Callable[[], Awaitable[object]]

# A batch at a time, so that no clean-up holds many rows or runs into a timeout.
_HOUSEKEEPING = (
    text(
        """DELETE FROM idempotency_keys WHERE ctid IN (SELECT ctid FROM idempotency_keys
        WHERE created_at < now() - make_interval(days => :days) LIMIT :batch)"""
    ).bindparams(days=KEEP_DAYS, batch=_BATCH),
    text(
        """DELETE FROM assertion_replays WHERE ctid IN (SELECT ctid FROM assertion_replays
        WHERE expires_at < now() LIMIT :batch)"""
    ).bindparams(batch=_BATCH),
)


@dataclass(frozen=True, slots=True)
class Heart:
    """A file that is touched while every task lives, for the health check of a container."""

    path: Path | None

    @classmethod
    def of(cls, settings: Settings) -> Heart:
        """REGISTRY_WORKER_HEARTBEAT_FILE, else a file in the var folder if there is one."""
        named = os.environ.get("REGISTRY_WORKER_HEARTBEAT_FILE")
        if named:
            return cls(Path(named))
        return cls(settings.var_dir / "worker.heartbeat" if settings.var_dir.is_dir() else None)

    async def beat(self) -> None:
        """Touch the file."""
        if self.path is not None:
            self.path.touch()


@dataclass(frozen=True, slots=True)
class Bells:
    """From a change to who is told of it: each part is woken by the one before."""

    sequencer: Bell = field(default_factory=Bell)
    consumers: Bell = field(default_factory=Bell)
    clearances: Bell = field(default_factory=Bell)
    webhooks: Bell = field(default_factory=Bell)


async def run_worker(settings: Settings, stop: asyncio.Event) -> None:
    """Work until ``stop`` is set. Raises UnsafeSettings when the role or the keys are not fit."""
    url = settings.require("database_worker_url")
    root = load_root_keys(settings)
    check_root_key(root, settings)
    await wait_for_database(url, settings)
    database = Database(url, settings, application="registry-worker")
    outbound = Outbound(settings.outbound_networks)
    # Slow receivers take no place of the calls that fetch lists and keys.
    calls = Outbound(settings.outbound_networks, connections=CALLS)
    try:
        await check_database(database, settings, deciding=DECIDING)
        keys = SigningKeys(database, root)
        await keys.ensure()
        lists = ListChecks(settings, outbound)
        await lists.prepare(database)
        log.info("worker_started")
        blobs = open_blobs(settings, database, outbound, KeyRing(root))
        again = Rescreener(database, KeyRing(root), files=index_files(settings, root))
        public = publication.targets(settings, outbound)
        webhooks = Deliverer(database, KeyRing(root), calls)
        tasks = _tasks(database, keys, settings, blobs, lists, again, public, webhooks, stop)
        await _run_until(stop, tasks)
        log.info("worker_stopped")
    finally:
        await calls.close()
        await outbound.close()
        await database.close()


def _tasks(
    database: Database,
    keys: SigningKeys,
    settings: Settings,
    blobs: Blobs,
    lists: ListChecks,
    again: Rescreener,
    public: Sequence[Target],
    webhooks: Deliverer,
    stop: asyncio.Event,
) -> list[asyncio.Task[None]]:
    feed = FeedStream(keys, settings.issuer)
    log_stream = AuditStream(keys, settings.issuer).as_stream()
    sequencer = Sequencer(database, [STREAM, feed.as_stream(), log_stream])
    consumers = (*CONSUMERS, receipts.signer(keys))
    bells = Bells()
    rounds: dict[str, tuple[Work, float]] = {
        **_event_rounds(database, sequencer, consumers, webhooks, bells, stop),
        "events_tidied": (lambda: _until_none(lambda: event_upkeep.tidy(database)), HOUSEKEEPING_S),
        "webhooks_measured": (lambda: event_upkeep.measure(database), EXPIRY_S),
        "feed_heartbeat": (lambda: keep_feed_fresh(database, feed), HEARTBEAT_S),
        "feed_publication": (lambda: publish_feed(database, public), PUBLISH_S),
        "reminders": (lambda: _until_none(lambda: remind(database)), EXPIRY_S),
        "identifier_expiry": (lambda: _until_none(lambda: notify_expiring(database)), EXPIRY_S),
        "verifications": (lambda: _until_none(lambda: lapse(database)), EXPIRY_S),
        "verification_notices": (
            lambda: _until_none(lambda: give_notice(database)),
            HOUSEKEEPING_S,
        ),
        "red_flags": (lambda: _until_none(lambda: lapse_flags(database)), EXPIRY_S),
        **_assessment_rounds(database),
        **_sanction_rounds(database, feed),
        "objections": (lambda: _until_none(lambda: tell_overdue(database)), EXPIRY_S),
        "corrections": (lambda: _until_none(lambda: tell_corrections(database)), EXPIRY_S),
        "housekeeping": (lambda: _until_none(lambda: tidy(database)), HOUSEKEEPING_S),
        "retention": (lambda: retention.daily(database, RETENTION), HOUSEKEEPING_S),
        "files": (lambda: keep_files(database, blobs), EXPIRY_S),
        "person_requests": (lambda: _until_none(lambda: announce_overdue(database)), EXPIRY_S),
        "client_secrets": (lambda: watch_secrets(database), HOUSEKEEPING_S),
        "lists": (lambda: lists.run(database), LISTS_S),
        **_clearance_rounds(database, again, bells, stop),
        "duplicates": (lambda: check_duplicates(database, stop), DUPLICATES_S),
        "log_sample": (partial(Sampler(keys).check, database), LOG_SAMPLE_S),
        "alive": (Heart.of(settings).beat, ALIVE_S),
    }
    return [
        asyncio.create_task(_repeat(name, work, pause, stop), name=name)
        for name, (work, pause) in rounds.items()
    ]


def _assessment_rounds(database: Database) -> dict[str, tuple[Work, float]]:
    """Deadlines and reminders of assessments, of what they found and of who reads them."""
    return {
        "held_assessments": (lambda: _until_none(lambda: open_held(database)), EXPIRY_S),
        "assessment_expiry": (lambda: _until_none(lambda: notify_assessments(database)), EXPIRY_S),
        "capacity_plans": (
            lambda: _until_none(lambda: remind_of_plans(database)),
            HOUSEKEEPING_S,
        ),
        "sea_restrictions": (lambda: _until_none(lambda: remind_of_sea(database)), HOUSEKEEPING_S),
        "access_requests": (lambda: _until_none(lambda: remind_of_requests(database)), EXPIRY_S),
        "reading_watch": (lambda: _until_none(lambda: watch_reading(database)), WATCH_S),
        "readings_forgotten": (lambda: _until_none(lambda: forget(database)), HOUSEKEEPING_S),
        "findings": (lambda: _until_none(lambda: tell_findings(database)), EXPIRY_S),
    }


def _event_rounds(
    database: Database,
    sequencer: Sequencer,
    consumers: Sequence[Consumer],
    webhooks: Deliverer,
    bells: Bells,
    stop: asyncio.Event,
) -> dict[str, tuple[Work, float]]:
    """What happened is numbered, passed on and delivered; each part wakes the next."""
    then = (bells.clearances, bells.webhooks)
    return {
        "sequencer": (lambda: sequencer.run(stop, bells.sequencer, (bells.consumers,)), 0.0),
        "consumers": (
            lambda: run_consumers(database, consumers, stop, bells.consumers, then),
            0.0,
        ),
        "webhooks": (lambda: webhooks.run(stop, bells.webhooks), 0.0),
    }


def _attach(feed: FeedStream) -> Publish:
    """How a file is named in the index of the list that all read."""

    async def publish(connection: asyncpg.Connection, name: str, content: bytes) -> object:
        return await feed.attach(connection, COUNTED_STREAM, name, content)

    return publish


def _clearance_rounds(
    database: Database, again: Rescreener, bells: Bells, stop: asyncio.Event
) -> dict[str, tuple[Work, float]]:
    """Whoever changed is compared with the lists again, and open clearances that rest on what
    changed are decided again."""
    return {
        "inquiries": (lambda: _until_none(lambda: forget_inquiries(database)), HOUSEKEEPING_S),
        "names_forgotten": (lambda: _until_none(lambda: forget_names(database)), HOUSEKEEPING_S),
        "rescreening": (lambda: again.run(stop), RESCREEN_S),
        "clearances": (lambda: _watch(database, again, bells, stop), 0.0),
        "clearance_clock": (lambda: clock.look(database), RESCREEN_S),
        "waivers": (lambda: _until_none(lambda: remind_of_waivers(database)), EXPIRY_S),
    }


def _sanction_rounds(database: Database, feed: FeedStream) -> dict[str, tuple[Work, float]]:
    """What measures and matches need: their days come and go, and people are reminded."""
    return {
        "expiry": (lambda: _until_none(lambda: expire_entries(database)), EXPIRY_S),
        "own_streams": (lambda: complete_own_streams(database), EXPIRY_S),
        "measure_reviews": (
            lambda: _until_none(lambda: remind_of_measures(database)),
            HOUSEKEEPING_S,
        ),
        "matches": (lambda: _until_none(lambda: escalate(database)), EXPIRY_S),
        "feed_checksums": (Checksums(database).note_due, CHECKSUMS_S),
        "statistics": (lambda: keep_counted(database, _attach(feed)), EXPIRY_S),
        "statistics_published": (
            lambda: publish_newest(database, _attach(feed)),
            HOUSEKEEPING_S,
        ),
        "transfer_restrictions": (lambda: _until_none(lambda: announce(database)), EXPIRY_S),
    }


async def _run_until(stop: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
    """Wait for ``stop``, or for a task that fails for a reason of its own: then all end."""
    stopped: asyncio.Task[object] = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        _, late = await asyncio.wait(tasks, timeout=_GRACE_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for task in tasks:
            if not task.cancelled():
                task.result()
    finally:
        stopped.cancel()
        for task in tasks:
            task.cancel()


async def _repeat(name: str, work: Work, pause: float, stop: asyncio.Event) -> None:
    """Do ``work`` again and again; what a database in trouble causes is logged and tried again."""
    while not stop.is_set():
        wait = pause
        try:
            await work()
        except TRANSIENT as error:
            log.warning("worker_round_failed", work=name, kind=type(error).__name__)
            wait = _RETRY_S
        if wait:
            try:
                await asyncio.wait_for(stop.wait(), wait)
            except TimeoutError:
                continue


async def _watch(database: Database, again: Rescreener, bells: Bells, stop: asyncio.Event) -> None:
    """Decide clearances again that wait for it, then pause; what they tell is numbered at once."""
    while not stop.is_set() and await work_off(database, again.keyring, again.screener):
        bells.sequencer.ring()
    await bells.clearances.pause(RECHECK_S)


async def _until_none(work: Callable[[], Awaitable[int]]) -> None:
    while await work():
        continue


async def check_duplicates(database: Database, stop: asyncio.Event) -> None:
    """Compare the profiles that wait for it; between them ``stop`` is heeded."""
    await recount(database)
    while not stop.is_set() and await check_waiting(database):
        continue


async def keep_feed_fresh(database: Database, feed: FeedStream) -> None:
    """Re-sign manifests that age and give new streams their first one, as the leader."""
    async with database.connection() as connection:
        # The sequencer's own lock: nobody numbers a stream while its head is signed anew.
        await connection.execute("SELECT pg_advisory_lock($1)", LEADER_LOCK)
        try:
            await feed.heartbeat(connection, FEED_STREAMS)
        finally:
            if not connection.is_closed():
                await connection.execute("SELECT pg_advisory_unlock($1)", LEADER_LOCK)


async def publish_feed(database: Database, public: Sequence[Target]) -> None:
    """Bring the public stream up to date where it lies for everybody."""
    for target in public:
        try:
            await publication.publish(database, target)
        except TargetAway as error:
            log.warning("feed_not_published", target=target.name, kind=str(error))


async def keep_files(database: Database, blobs: Blobs) -> None:
    """Scan files that wait for it, and sweep those that belong to nothing."""
    try:
        await scan_waiting(database, blobs)
        await scan_assessments(database, blobs)
        await _until_none(lambda: sweep(database, blobs.store))
    except StoreAway as error:
        log.warning("worker_round_failed", work="files", kind=str(error))


async def tidy(database: Database) -> int:
    """Delete what has served its time; rows gone in this round."""
    started, gone = time.monotonic(), 0
    for statement in _HOUSEKEEPING:
        async with database.session() as session:
            result = await session.execute(statement)
            gone += touched(result)
    if gone:
        log.info("tidied", rows=gone, ms=round((time.monotonic() - started) * 1000))
    return gone
