"""The log: ``python -m bench.audit [--seconds 10] [--rate 200] [--backlog 50000]``.

Events written per second, events numbered per second from a backlog, the walk of `audit verify`,
and the time from an event's commit to the checkpoint that holds it, seen by a reader who polls,
with the worker as a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import sys
import time
from uuid import UUID, uuid4

import asyncpg

from app import models  # noqa: F401 - every table must be known before the first query
from app.audit.stream import AuditStream
from app.audit.verify import verify
from app.auth.keys import SigningKeys
from app.core.crypto import RootKey
from app.core.db import Database
from app.core.ids import new_id
from app.core.sequencer import Sequencer
from bench.stand import ROOT, Stand, build

WRITERS = 8
_INSERT = (
    "INSERT INTO audit_events (id, event, agency_id, client_id, office, role, subject_id, purpose, "
    "reference, request_id, detail) VALUES ($1, 'assessment:detail:read', $2, 'WFP', 'Nairobi', "
    "'officer', $3, 'MONITORING', 'BENCH-1', 'req-bench', '{\"version\": 3}')"
)
_BACKLOG = """INSERT INTO audit_events (id, event, agency_id, client_id, subject_id, detail)
    SELECT uuidv7(), 'assessment:detail:read', $1, 'WFP', gen_random_uuid(),
    jsonb_build_object('version', n) FROM generate_series(1, $2::int) n"""

Written = list[tuple[UUID, float]]


async def _write(database: Database, agency: UUID, until: float, pause: float) -> Written:
    """Events in transactions of their own; id and the moment its commit was answered."""
    done: Written = []
    due = time.monotonic()
    while time.monotonic() < until:
        event = new_id()
        async with database.fast_write(agency) as connection:
            await connection.execute(_INSERT, event, agency, uuid4())
        done.append((event, time.monotonic()))
        due += pause
        await asyncio.sleep(max(0.0, due - time.monotonic()) if pause else 0)
    return done


async def _writers(database: Database, agency: UUID, seconds: float, rate: float) -> Written:
    until, pause = time.monotonic() + seconds, WRITERS / rate if rate else 0.0
    parts = await asyncio.gather(*(_write(database, agency, until, pause) for _ in range(WRITERS)))
    return [item for part in parts for item in part]


async def _poll(url: str, stop: asyncio.Event) -> list[tuple[int, float]]:
    """Size of the newest checkpoint as a reader sees it, and when it saw it first."""
    connection, seen = await asyncpg.connect(url), list[tuple[int, float]]()
    while not stop.is_set():
        size = await connection.fetchval("SELECT max(size) FROM log_checkpoints") or 0
        if not seen or size > seen[-1][0]:
            seen.append((size, time.monotonic()))
        await asyncio.sleep(0.01)
    await connection.close()
    return seen


def _quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def _lag(
    stand: Stand, app: Database, agency: UUID, seconds: float, rate: float
) -> tuple[list[float], float]:
    url, stop = stand.settings.require("database_migration_url"), asyncio.Event()
    poller = asyncio.create_task(_poll(url, stop))
    started = time.monotonic()
    written = await _writers(app, agency, seconds, rate)
    took = time.monotonic() - started
    connection = await asyncpg.connect(url)
    async with asyncio.timeout(60):
        while await connection.fetchval("SELECT count(*) FROM audit_pending"):  # noqa: ASYNC110 - another process empties it
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.2)
    stop.set()
    seen = await poller
    rows = await connection.fetch(
        "SELECT event_id, seq FROM log_leaves WHERE event_id = ANY($1::uuid[])",
        [event for event, _ in written],
    )
    await connection.close()
    numbers = {UUID(str(row["event_id"])): row["seq"] for row in rows}
    lags, point = [], 0
    for event, at in sorted(written, key=lambda item: numbers[item[0]]):
        while seen[point][0] < numbers[event]:
            point += 1
        lags.append(max(0.0, seen[point][1] - at))
    return lags, len(written) / took


async def _worker(stand: Stand, app: Database, agency: UUID) -> asyncio.subprocess.Process:
    """The worker as a process, once it has numbered an event."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.cli", "worker"),
        env=stand.environment(),
        cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with app.fast_write(agency) as connection:
        await connection.execute(_INSERT, new_id(), agency, uuid4())
    operator = await asyncpg.connect(stand.settings.require("database_migration_url"))
    async with asyncio.timeout(60):
        while await operator.fetchval("SELECT count(*) FROM audit_pending"):  # noqa: ASYNC110 - another process empties it
            await asyncio.sleep(0.05)
    await operator.close()
    return child


async def _measure(stand: Stand, seconds: float, rate: float, backlog: int) -> None:
    settings = stand.settings
    app = Database(settings.require("database_url"), settings)
    worker = Database(settings.require("database_worker_url"), settings)
    operator = Database(settings.require("database_migration_url"), settings)
    keys = SigningKeys(worker, RootKey.load(ROOT / "var" / "bench" / "root.key"))
    await keys.ensure()
    async with operator.connection() as connection:
        agency = UUID(str(await connection.fetchval("SELECT id FROM agencies WHERE code = 'WFP'")))
    written = await _writers(app, agency, seconds, 0)
    print(
        f"| written, {WRITERS} connections, a transaction each | {len(written) / seconds:,.0f}/s |"
    )
    async with operator.connection() as connection:
        await connection.execute(_BACKLOG, agency, backlog, timeout=120)
        await connection.execute("ANALYZE audit_events")
    sequencer = Sequencer(worker, [AuditStream(keys, settings.issuer).as_stream()])
    started, total = time.monotonic(), 0
    while taken := await sequencer.step():
        total += taken
    took = time.monotonic() - started
    print(f"| numbered, hashed and signed from a backlog of {total:,} | {total / took:,.0f}/s |")
    started = time.monotonic()
    result = await verify(worker, lambda *_: None)
    took = time.monotonic() - started
    faults = len(result.faults)
    print(f"| `audit verify` of {result.records:,} records, {faults} faults | {took:.1f} s |")
    for wanted in (rate, 0):
        child = await _worker(stand, app, agency)
        try:
            lags, speed = await _lag(stand, app, agency, seconds, wanted)
        finally:
            child.terminate()
            await child.wait()
        label = f"{speed:,.0f} events/s" + ("" if wanted else ", as fast as they go")
        print(
            f"| event to published checkpoint at {label} | p50 {statistics.median(lags):.3f} s, "
            f"p99 {_quantile(lags, 0.99):.3f} s, most {max(lags):.3f} s |"
        )
    for database in (app, worker, operator):
        await database.close()


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--backlog", type=int, default=50_000)
    options = parser.parse_args()
    folder = ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("| what | figure |\n|---|---|")
    stand = build(folder, 1)
    try:
        asyncio.run(_measure(stand, options.seconds, options.rate, options.backlog))
    finally:
        stand.server.stop()


if __name__ == "__main__":
    main()
