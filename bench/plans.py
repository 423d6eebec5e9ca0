"""Query plans at a million partners: ``python -m bench.plans [--partners 1000000]``.

Fills a database of its own by SQL, then prints time and buffers of each hot statement, first and
second run, and one line where a plan reads a whole table. Matching has a bench of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import Any
from uuid import UUID

import asyncpg

from app.partners import queries as partners
from app.partners.identifiers.schemas import IdentifierRef
from app.partners.search import queries as search
from app.partners.search.conditions import conditions
from app.partners.search.queries import Order
from app.partners.search.schemas import SearchQuery
from app.recognition.snapshot import FACTS, Question
from app.sanctions.screening import queries as screening
from bench.stand import ROOT, Stand, build

_FILL = """
INSERT INTO partners (id, legal_name, aliases, partner_type, country, created_by)
SELECT uuidv7(), 'Partner ' || md5(n::text) || ' ' || n, ARRAY['Alias ' || md5((n * 7)::text)],
  (ARRAY['NGO_NATIONAL', 'NGO_LOCAL', 'CBO', 'NGO_INTL'])[1 + n % 4],
  (ARRAY['KEN', 'UGA', 'TCD', 'NER', 'BGD', 'NPL', 'COL', 'LBN', 'JOR', 'SSD'])[1 + n % 10],
  (SELECT id FROM agencies LIMIT 1)
FROM generate_series(1, $1::int) n
"""
_IDENTIFIERS = """
INSERT INTO partner_identifiers (id, partner_id, scheme, value, created_by)
SELECT uuidv7(), id, 'ORG_ID', 'XX-PLAN-' || number, created_by FROM partners
ON CONFLICT DO NOTHING
"""


_STEADY = ("clearances by id", "clearances by identifier", "screenings")


async def _explain(connection: asyncpg.Connection, sql: str, *args: Any) -> dict[str, Any]:
    text = await connection.fetchval(
        f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", *args, timeout=120
    )
    plan: dict[str, Any] = json.loads(text)[0]
    return plan


def _clearances(*asked: Question) -> tuple[Any, ...]:
    return (
        FACTS,
        "WFP",
        "/v1/clearances",
        *map(list, zip(*(one.values for one in asked), strict=True)),
    )


def _whole_tables(node: dict[str, Any]) -> list[str]:
    found = []
    if node["Node Type"] == "Seq Scan" and node["Actual Rows"] > 1_000:
        found.append(str(node["Relation Name"]))
    for child in node.get("Plans", []):
        found += _whole_tables(child)
    return found


async def _measure(stand: Stand, count: int) -> None:
    owner = await asyncpg.connect(stand.settings.require("database_migration_url"))
    fill: tuple[tuple[str, tuple[int, ...]], ...] = ((_FILL, (count,)), (_IDENTIFIERS, ()))
    for sql, args in fill:
        await owner.execute(sql, *args, timeout=900)
    await owner.execute("VACUUM ANALYZE", timeout=900)
    middle = await owner.fetchrow("SELECT id FROM partners OFFSET $1 LIMIT 1", count // 2)
    some = [row["id"] for row in await owner.fetch("SELECT id FROM partners LIMIT 32")]
    agency = await owner.fetchval("SELECT id FROM agencies WHERE code = 'WFP'")
    await owner.close()
    app = await asyncpg.connect(stand.settings.require("database_url"))
    await app.execute("SELECT set_config('app.agency_id', $1, false)", str(agency))
    newest = Order("newest", backward=False)
    pages: list[tuple[Any, ...]] = []
    for after in (None, [UUID(str(middle["id"]))]):
        made = conditions(SearchQuery(country=["KEN"]), "WFP", frozenset())
        pages.append((search.walk(made, newest, after, 51)[0], *made.values))
    statements: dict[str, tuple[Any, ...]] = {
        "GET /v1/partners/{id}": (partners.FAST_GET, "WFP", middle["id"], False),
        "GET /v1/partners?country= page 1": pages[0],
        "GET /v1/partners?country= from the middle": pages[1],
        "POST /v1/clearances by id": _clearances(Question(middle["id"])),
        "POST /v1/clearances by identifier": _clearances(
            Question(None, IdentifierRef(scheme="ORG_ID", value=f"XX-PLAN-{count // 2}"))
        ),
        "32 of POST /v1/clearances by id": _clearances(*map(Question, some)),
        "POST /v1/screenings": (screening.FACTS, "WFP", [], False, "/v1/screenings", ["k" * 32]),
    }
    print(
        "| statement | first ms | again ms | buffers | whole tables read |\n|---|---|---|---|---|"
    )
    for label, (sql, *args) in statements.items():
        # As `Database.fast_steady` has it.
        steady = "force_generic_plan" if label.endswith(_STEADY) else "auto"
        await app.execute(f"SET plan_cache_mode = {steady}")
        first, again = await _explain(app, sql, *args), await _explain(app, sql, *args)
        plan = again["Plan"]
        buffers = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        whole = ", ".join(sorted(set(_whole_tables(plan)))) or "none"
        print(
            f"| {label} | {first['Execution Time']:.2f} | {again['Execution Time']:.2f} "
            f"| {buffers} | {whole} |"
        )
    await app.close()


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partners", type=int, default=1_000_000)
    options = parser.parse_args()
    folder = ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    stand = build(folder, 1)
    try:
        asyncio.run(_measure(stand, options.partners))
    finally:
        stand.server.stop()


if __name__ == "__main__":
    main()
