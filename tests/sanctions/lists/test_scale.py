"""Statements about lists go by indexes, however many lists and parties there are."""

from __future__ import annotations

import json
import time
from datetime import date
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from app.core.db import Database
from app.core.ids import new_id
from app.core.settings import Settings
from app.sanctions.feed import stream
from app.sanctions.lists import checks, queries
from app.sanctions.lists.freshness import FRESHNESS_SQL

_FILL = """
WITH one AS (
  INSERT INTO list_sources (code, audience, required, max_staleness_s, streams)
  SELECT 'zz_' || n, 'opt_in', false, 1000000, ARRAY['source.zz_' || n]
  FROM generate_series(1, $1) n RETURNING code),
v AS (
  INSERT INTO list_versions (source, digest, added, changed, removed, parties)
  SELECT code, 'd', $2, 0, 0, $2 FROM one RETURNING source, version)
INSERT INTO listed_parties (entry_id, from_version, source, key, reference, digest, search,
  ends_on, entry, original)
SELECT gen_random_uuid(), v.version, v.source, m::text, 'R-' || m, 'd', 'party ' || m,
  CASE WHEN m % 50 = 0 THEN current_date + m % 900 END,
  jsonb_build_object('names', jsonb_build_array(jsonb_build_object('name', 'Party ' || m))), '{}'
FROM v CROSS JOIN generate_series(1, $2) m
"""


async def _plan(database: Database, statement: str, **values: Any) -> tuple[str, float]:
    async with database.session() as session:
        began = time.perf_counter()
        await session.execute(text(statement), values)
        took = time.perf_counter() - began
        plan = await session.scalar(text(f"EXPLAIN (FORMAT JSON) {statement}"), values)
    return json.dumps(plan), took


async def _read_by_index(settings: Settings, sources: int, parties: int) -> None:
    connection = await asyncpg.connect(settings.require("database_migration_url"))
    try:
        await connection.execute(_FILL, sources, parties, timeout=300)
        await connection.execute("ANALYZE")
        version = await connection.fetchval("SELECT min(version) FROM list_versions")
        code = await connection.fetchval("SELECT source FROM list_versions ORDER BY 1 LIMIT 1")
    finally:
        await connection.close()
    database = Database(settings.require("database_worker_url"), settings)
    page = {"s": code, "v": version, "after": new_id(), "limit": 51}
    slow = {}
    for name, statement, values in (
        ("page", queries._PARTIES.text, page | {"q": None}),
        ("search", queries._PARTIES.text, page | {"q": "no such party"}),
        ("party", queries._PARTY.text, {"s": code, "v": version, "id": new_id()}),
        ("versions", queries._VERSIONS.text, {"s": code, "after": None, "limit": 51}),
        ("due", checks._DUE.text, {"today": None}),
        ("freshness", FRESHNESS_SQL, {}),
        ("next end", stream._NEXT_END.replace("$1", ":stream"), {"stream": f"source.{code}"}),
    ):
        sent = values | ({"today": date(2026, 1, 1)} if name == "due" else {})
        plan, took = await _plan(database, statement, **sent)
        assert "listed_parties" not in _scanned(json.loads(plan)), f"{name}: {plan}"
        slow[name] = took
    await database.close()
    assert max(slow.values()) < 1, slow


def _scanned(plan: Any) -> set[str]:
    """Tables that are read from end to end."""
    if isinstance(plan, list):
        return {name for part in plan for name in _scanned(part)}
    if not isinstance(plan, dict):
        return set()
    own = {plan["Relation Name"]} if plan.get("Node Type") == "Seq Scan" else set()
    return own | {name for part in plan.values() for name in _scanned(part)}


async def test_lists_are_read_by_index(empty_database: Settings) -> None:
    await _read_by_index(empty_database, 10, 600)


@pytest.mark.drill
async def test_twenty_lists_of_ten_thousand_parties_are_read_by_index(
    empty_database: Settings,
) -> None:
    await _read_by_index(empty_database, 20, 10_000)
