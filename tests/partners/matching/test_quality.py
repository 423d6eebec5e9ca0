"""Matching among 20,000 profiles: what is found, at what cost. Always the same names."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import Database, Fields
from app.core.names import score
from app.partners.matching import duplicates, names, queries
from app.partners.matching.rank import Ranked, Wanted, rank
from app.partners.matching.rules import RULES
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
    rows = list(names.rows(partners))  # here, so that no statement waits for it
    async with operator_database.session() as session:
        connection = await _driver(session)
        await connection.copy_records_to_table(
            "partners",
            records=[(*(getattr(p, c) for c in _COLUMNS), agency) for p in partners],
            columns=(*_COLUMNS, "created_by"),
        )
        await connection.copy_records_to_table(
            "partner_names", records=rows, columns=("partner_id", "keys")
        )
        await connection.execute("ANALYZE partner_names")
        yield session
        await session.rollback()
    async with operator_database.connection() as after:
        # How many rows a table has is counted outside of transactions.
        await after.execute("ANALYZE partner_names")


async def _driver(session: AsyncSession) -> Any:
    """The asyncpg connection of a session, in its transaction."""
    connection = await session.connection()
    await connection.execute(text("SELECT 1"))
    return (await connection.get_raw_connection()).driver_connection


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
            assert "partner_names" not in _scans(
                (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
            )

    await _worker_meets_what_a_search_meets(full, partners)


async def _worker_meets_what_a_search_meets(full: AsyncSession, partners: list[Partner]) -> None:
    """Of second profiles of a partner that a search would name, the worker's batch names most."""
    rng, connection = random.Random(12), await _driver(full)
    doubles, of = [], {}
    for n, partner in enumerate(rng.sample(partners, 120)):
        spoiled = spoil(partner, ("typos", "legal form", "word order", "spacing")[n % 4], rng)
        if spoiled is None:
            continue
        ranked, _ = await _search(connection, _wanted(spoiled))
        if any(
            c.partner_id == partner.id and c.score >= RULES.duplicate for c in ranked.candidates
        ):
            double = replace(partner, id=uuid4(), legal_name=str(spoiled["legal_name"]),
                             legal_name_native=None, acronym=None, aliases=[], former_names=[],
                             website=None)  # fmt: skip
            doubles.append(_Double(double))
            of[double.id] = partner.id
    kept = {
        frozenset((pair["partner_a"], pair["partner_b"]))
        for pair in await duplicates._found(full, doubles)
    }
    found = sum(frozenset(pair) in kept for pair in of.items())
    assert len(of) > 60
    assert found >= 0.95 * len(of), (found, len(of))


class _Double:
    """A profile as the worker reads it."""

    version, hq_id, merged_into = 1, None, None

    def __init__(self, partner: Partner) -> None:
        self.partner = partner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.partner, name)
