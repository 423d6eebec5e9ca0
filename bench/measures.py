"""Plans of measures: ``python -m bench.measures [--partners 1000000] [--entries 100000]``.

Fills a database of its own by SQL, runs each reading once as reg_app (the worker's as reg_worker),
and prints time, buffers and whole tables read of the statements that it made.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Any

import asyncpg
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import Database
from app.sanctions.entries import expiry, queries
from app.sanctions.entries.queries import Times
from app.sanctions.feed import stream
from bench.plans import _FILL, _explain, _whole_tables
from bench.stand import ROOT, Stand, build

_ENTRIES = """
INSERT INTO sanction_entries (id, partner_id, imposing_agency, measure, blocking, new_agreements,
  renewals, practices, procedure, decided_on, effective_from, effective_to, announced, level)
SELECT gen_random_uuid(), p.id, a.id, 'DEBARMENT_FIXED', true, 'stop', 'stop', '{FRAUDULENT}',
  'full', current_date - p.n % 3000, current_date - p.n % 3000,
  current_date - p.n % 3000 + 1000,
  CASE WHEN p.n % 3000 > 1000 THEN 'ENDED' ELSE 'ACTIVE' END,
  CASE WHEN p.n % 50 = 0 THEN 'RESTRICTED' ELSE 'INTER_AGENCY' END
FROM (SELECT id, (row_number() OVER ())::int AS n FROM partners LIMIT $1::int) p,
  (SELECT id FROM agencies WHERE code = 'UNDP') a
"""
_FORMER = """
INSERT INTO sanction_entry_history (id, partner_id, imposing_agency, measure, blocking,
  new_agreements, renewals, practices, procedure, decided_on, effective_from, effective_to, level,
  valid, recorded_from, recorded_to)
SELECT id, partner_id, imposing_agency, measure, blocking, new_agreements, renewals, practices,
  procedure, decided_on, effective_from, effective_to, level, valid,
  recorded_from - interval '9 days', recorded_from FROM sanction_entries
"""


async def _fill(stand: Stand, partners: int, entries: int) -> Any:
    owner = await asyncpg.connect(stand.settings.require("database_migration_url"))
    await owner.execute("SET session_replication_role = replica")
    for sql, args in ((_FILL, (partners,)), (_ENTRIES, (entries,)), (_FORMER, ())):
        await owner.execute(sql, *args, timeout=900)
    await owner.execute("VACUUM ANALYZE", timeout=900)
    row = await owner.fetchrow(
        "SELECT id, partner_id, (SELECT id FROM agencies WHERE code = 'WFP') AS agency "
        "FROM sanction_entries WHERE level <> 'RESTRICTED' AND announced = 'ACTIVE' "
        "ORDER BY id OFFSET $1 LIMIT 1",
        entries // 5,
    )
    await owner.close()
    return row


async def _measure(stand: Stand, partners: int, entries: int) -> None:
    row = await _fill(stand, partners, entries)
    today, then = Times(date.today()), Times(date.today(), datetime.now(UTC))  # noqa: DTZ011 - as the database has it
    none = dict.fromkeys(("partner_id", "status", "regime", "on", "after"))
    of_partner = none | {"partner_id": row["partner_id"]}
    middle = none | {"after": row["id"]}
    readings: dict[str, Callable[[AsyncSession], Awaitable[Any]]] = {
        "one measure": lambda s: queries.find_entry(s, row["id"], today),
        "one measure `as_of`": lambda s: queries.find_entry(s, row["id"], then),
        "measures of a partner": lambda s: queries.list_entries(s, of_partner, today, 51),
        "the same `as_of`": lambda s: queries.list_entries(s, of_partner, then, 51),
        "list, page 1": lambda s: queries.list_entries(s, none, today, 51),
        "list, from the middle": lambda s: queries.list_entries(s, middle, today, 51),
        "list `as_of`, from the middle": lambda s: queries.list_entries(s, middle, then, 51),
        "list `on` a day": lambda s: queries.list_entries(s, middle | {"on": today.day}, today, 51),
        "list of one status": lambda s: queries.list_entries(
            s, middle | {"status": "ACTIVE"}, today, 51
        ),
        "history": lambda s: queries.history(s, row["id"], None, 51),
        "conditions of a page": lambda s: queries.conditions_of(s, [row["id"]] * 50),
        "recognitions of a page": lambda s: queries.recognitions_of(s, [row["id"]] * 50, None),
        "suspensions elsewhere, in a clearance": lambda s: s.execute(
            text(
                "SELECT agency, counted "
                "FROM suspended_elsewhere(ARRAY[CAST(:p AS uuid)], 'consult', :d)"
            ),
            {"p": row["partner_id"], "d": today.day},
        ),
    }
    print("| statement | first ms | again ms | buffers | whole tables read |")
    print("|---|---|---|---|---|")
    for url, bound, wanted in (
        ("database_url", str(row["agency"]), readings),
        ("database_worker_url", "", {"what has ended": _ended, "what begins": _begun,
                                     "`next_transition_at`": _next}),
    ):  # fmt: skip
        database = Database(stand.settings.require(url), stand.settings)
        raw = await asyncpg.connect(stand.settings.require(url))
        await raw.execute("SELECT set_config('app.agency_id', $1, false)", bound)
        for label, reading in wanted.items():
            sql, values = await _statement(database, reading)
            await _print(raw, label, sql, values)
        await raw.close()
        await database.close()


def _ended(session: AsyncSession) -> Awaitable[Any]:
    return session.execute(expiry._ENDED)


def _begun(session: AsyncSession) -> Awaitable[Any]:
    return session.execute(expiry._BEGUN)


async def _next(session: AsyncSession) -> Any:
    sql = stream._NEXT_TRANSITION.replace("$1", ":levels")
    return await session.execute(text(sql), {"levels": ["INTER_AGENCY", "PUBLIC"]})


async def _statement(
    database: Database, reading: Callable[[AsyncSession], Awaitable[Any]]
) -> tuple[str, tuple[Any, ...]]:
    """The statement that a reading makes, and its values."""
    seen: list[tuple[str, tuple[Any, ...]]] = []

    def note(connection: Any, cursor: Any, sql: str, values: Any, *rest: Any) -> None:
        seen.append((sql, values))

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    async with database.sessions() as session:
        await reading(session)
        await session.rollback()
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    return seen[-1]


async def _print(raw: asyncpg.Connection, label: str, sql: str, values: tuple[Any, ...]) -> None:
    times = []
    for _ in range(2):
        async with raw.transaction():
            times.append(await _explain(raw, sql, *values))
    plan = times[1]["Plan"]
    buffers = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    whole = ", ".join(sorted(set(_whole_tables(plan)))) or "none"
    first, again = (one["Execution Time"] for one in times)
    print(f"| {label} | {first:.2f} | {again:.2f} | {buffers} | {whole} |")


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partners", type=int, default=1_000_000)
    parser.add_argument("--entries", type=int, default=100_000)
    options = parser.parse_args()
    folder = ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    stand = build(folder, 1)
    try:
        asyncio.run(_measure(stand, options.partners, options.entries))
    finally:
        stand.server.stop()


if __name__ == "__main__":
    main()
