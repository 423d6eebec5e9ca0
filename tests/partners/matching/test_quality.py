"""Matching among 20,000 profiles: what is found, at what cost. Always the same names."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import Database, Fields
from app.core.names import score
from app.partners.matching import duplicates, names, queries, service
from app.partners.matching.rank import Ranked, Wanted, rank
from bench.partner_world import Partner, spoil, world
from tests.support import World

_COUNT, _ASKED = 20_000, 40
_COLUMNS = (
    *("id", "legal_name", "legal_name_native", "acronym", "aliases", "former_names"),
    *("partner_type", "country", "year_established", "website"),
)


@pytest.fixture(scope="module")
def partners() -> list[Partner]:
    return list(world(_COUNT, seed=5))


@pytest.fixture
async def full(
    partners: list[Partner], operator_database: Database, world: World
) -> AsyncIterator[AsyncSession]:
    """A session of the operator that sees the profiles; its transaction is undone."""
    agency = world.agencies["FAO"]
    async with operator_database.session() as session:
        connection = await _driver(session)
        await connection.copy_records_to_table(
            "partners",
            records=[(*(getattr(p, c) for c in _COLUMNS), agency) for p in partners],
            columns=(*_COLUMNS, "created_by"),
        )
        await connection.copy_records_to_table(
            "partner_names", records=names.rows(partners), columns=("partner_id", "keys")
        )
        await connection.execute("ANALYZE partner_names")
        await connection.execute("ANALYZE partners")
        yield connection
        ids = [partner.id for partner in partners]
        async with connection.transaction():
            # Nothing refers to them: forty keys need not be asked for each.
            await connection.execute("SET LOCAL session_replication_role = replica")
            for table, column in (("partner_names", "partner_id"), ("partners", "id")):
                await connection.execute(f"DELETE FROM {table} WHERE {column} = ANY ($1)", ids)
        await connection.execute("ANALYZE partner_names")
        await connection.execute("ANALYZE partners")


def _wanted(asked: dict[str, Any]) -> Wanted:
    name, acronym = asked.get("legal_name"), asked.get("acronym")
    named = [("legal_name", name)] if name else [("acronym", str(acronym))]
    return Wanted(named, acronym, asked["country"], None, asked.get("website"))


async def _search(connection: Any, wanted: Wanted) -> tuple[Ranked, int]:
    probes, near = wanted.asked()
    rows = await connection.fetch(queries.CANDIDATES, *queries.sent(probes), near, uuid4(), True)
    return rank((Fields(row) for row in rows), wanted), len(rows)


def _scans(node: dict[str, Any]) -> set[str]:
    own = {str(node["Relation Name"])} if node["Node Type"] == "Seq Scan" else set()
    return own.union(*(_scans(child) for child in node.get("Plans", [])))


# Of those asked, found among the first five. The floors are a little below what is reached:
# made-up names of few syllables have many near namesakes, an acronym still more.
_FLOORS = {
    "typos": 0.9,
    "two typos": 0.8,
    "word order": 0.95,
    "legal form": 0.95,
    "transliteration": 0.85,
    "dropped word": 0.9,
    "added word": 0.9,
    "spacing": 0.9,
    "former name": 0.95,
    "native name": 0.95,
    "native vs Latin": 0.4,
    "acronym": 0.4,
}


async def test_duplicates_of_every_kind_are_found_at_a_bounded_cost(
    full: AsyncSession, partners: list[Partner]
) -> None:
    """One test, as filling the database is most of its time."""
    connection, rng = await _driver(full), random.Random(11)
    sample = rng.sample(partners, 1_500)
    reached: dict[str, float] = {}
    for category in _FLOORS:
        asked = found = 0
        for partner in sample:
            spoiled = spoil(partner, category, rng)
            if spoiled is None or asked == _ASKED:
                continue
            asked += 1
            wanted = _wanted(spoiled)
            ranked, met = await _search(connection, wanted)
            assert met <= 60
            assert len(ranked.candidates) <= 18
            found += any(
                item.partner_id == partner.id
                or (item.legal_name, item.country) == (partner.legal_name, partner.country)
                for item in ranked.candidates[:5]
            )
            for item in ranked.candidates[:3]:
                # The scores are those of core/names: choosing whom to score changes none.
                name = item.explanation.name
                if name and name.wanted == "legal_name":
                    alone, _ = score(wanted.names[0][1], name.name, "organisation")
                    assert name.score == alone
        reached[category] = found / asked
    low = {kind: share for kind, share in reached.items() if share < _FLOORS[kind]}
    assert not low, reached

    for partner in sample[:5]:
        for country in (partner.country, None):
            probes, near = Wanted([("legal_name", partner.legal_name)], country=country).asked()
            plan = await connection.fetchval(
                f"EXPLAIN (FORMAT JSON) {queries.CANDIDATES}",
                *queries.sent(probes), near, uuid4(), True,
            )  # fmt: skip
            # Whether the driver decodes JSON depends on who used this connection before.
            (told,) = json.loads(plan) if isinstance(plan, str) else plan
            assert "partner_names" not in _scans(told["Plan"])

    await _worker_meets_what_a_search_meets(full, partners)


async def _worker_meets_what_a_search_meets(
    full: asyncpg.Connection, partners: list[Partner], worker_database: Database
) -> None:
    """The batch of the worker keeps the pairs that single searches find at the threshold."""
    some = partners[::100][:100]
    async with worker_database.session() as session:
        named = await queries.read_named(session, [partner.id for partner in some])
        kept = {
            frozenset((pair["partner_a"], pair["partner_b"]))
            for pair in await duplicates._found(session, named)
        }
    expected = set()
    for row in named:
        wanted = service.wanted_by(row)
        ranked, _ = await _search(full, wanted)
        expected |= {
            frozenset((row.id, item.partner_id)) for item in duplicates._likely(row, ranked)
        }
    assert expected
    assert len(kept & expected) >= 0.95 * len(expected)
