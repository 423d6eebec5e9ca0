"""Matching at a million partners: ``python -m bench.matching [--partners 1000000]``.

Fills a database of its own by COPY, then prints how fast the rows went in, the time of a search
(statement and scoring) at one caller, the plan of the slowest, and how many generated duplicates
of each kind are found first and among the first five, and how often a name of nobody meets one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections import defaultdict
from itertools import islice
from typing import Any

import asyncpg

from app.core.db import Fields
from app.core.ids import new_id
from app.partners.matching import names, queries
from app.partners.matching.rank import Ranked, Wanted, rank
from app.partners.matching.rules import RULES
from bench.partner_world import CATEGORIES, Partner, spoil, world
from bench.stand import ROOT, Stand, build

_CHUNK = 20_000
_ASKED = 150
_COLUMNS = (
    *("id", "legal_name", "legal_name_native", "acronym", "aliases", "former_names"),
    *("partner_type", "country", "year_established", "website"),
)


async def _fill(owner: asyncpg.Connection, count: int) -> None:
    agency = await owner.fetchval("SELECT id FROM agencies LIMIT 1")
    spent: dict[str, float] = defaultdict(float)
    made = world(count)
    while chunk := list(islice(made, _CHUNK)):
        started = time.perf_counter()
        keys = names.rows(chunk)
        spent["keys in Python"] += time.perf_counter() - started
        started = time.perf_counter()
        await owner.copy_records_to_table(
            "partners",
            records=[(*(getattr(p, c) for c in _COLUMNS), agency) for p in chunk],
            columns=(*_COLUMNS, "created_by"),
            timeout=600,
        )
        spent["profiles"] += time.perf_counter() - started
        started = time.perf_counter()
        await owner.copy_records_to_table(
            "partner_names", records=keys, columns=("partner_id", "keys"), timeout=600
        )
        spent["keys in PostgreSQL"] += time.perf_counter() - started
    for label, seconds in spent.items():
        print(f"{label}: {count / seconds:,.0f} partners a second")
    started = time.perf_counter()
    await owner.execute("VACUUM ANALYZE", timeout=1_800)
    print(f"VACUUM ANALYZE: {time.perf_counter() - started:.0f} s")
    for name in ("partner_names", "ix_partner_names_keys", "pk_partner_names"):
        size = await owner.fetchval("SELECT pg_relation_size($1::regclass)", name)
        print(f"{name}: {size / 2**20:.0f} MiB")


def _wanted(asked: dict[str, Any]) -> Wanted:
    name, acronym = asked.get("legal_name"), asked.get("acronym")
    named = [("legal_name", name)] if name else [("acronym", str(acronym))]
    return Wanted(named, acronym, asked["country"], None, asked.get("website"))


class _Search:
    """Searches as the API role, and their times."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self.times: list[tuple[float, float, Wanted]] = []

    async def __call__(self, wanted: Wanted) -> Ranked:
        started = time.perf_counter()
        probes, near = wanted.asked()
        rows = await self.connection.fetch(
            queries.CANDIDATES, *queries.sent(probes), near, new_id(), True
        )
        read = time.perf_counter()
        ranked = rank((Fields(row) for row in rows), wanted)
        done = time.perf_counter()
        self.times.append((done - started, read - started, wanted))
        return ranked

    def report(self) -> None:
        times = {
            "search": [item[0] for item in self.times],
            "of it the statement": [item[1] for item in self.times],
        }
        for label, seconds in times.items():
            ms = sorted(1_000 * one for one in seconds)
            print(
                f"{label}: p50 {ms[len(ms) // 2]:.1f} ms, p95 {ms[int(len(ms) * 0.95)]:.1f} ms, "
                f"p99 {ms[int(len(ms) * 0.99)]:.1f} ms, most {ms[-1]:.1f} ms, n {len(ms)}"
            )


async def _quality(search: _Search, sample: list[Partner]) -> None:
    rng = random.Random(7)
    print("| kind | asked | found first | among five | at the threshold |\n|---|---|---|---|---|")
    missed: list[str] = []
    for category in CATEGORIES:
        asked = first = five = sure = 0
        for partner in sample:
            spoiled = spoil(partner, category, rng)
            if spoiled is None or asked == _ASKED:
                continue
            asked += 1
            found = (await search(_wanted(spoiled))).candidates
            # A namesake in the same country is as good an answer as the profile itself.
            same = [
                place
                for place, item in enumerate(found)
                if item.partner_id == partner.id
                or (item.legal_name == partner.legal_name and item.country == partner.country)
            ]
            at = same[0] if same else 99
            first, five = first + (at < 1), five + (at < 5)
            sure += at < 5 and found[at].score >= RULES.duplicate
            if at >= 5 and sum(m.startswith(category) for m in missed) < 4:
                missed.append(f"{category}: {spoiled} is {partner.legal_name}")
        if asked:
            print(
                f"| {category} | {asked} | {first / asked:.1%} | {five / asked:.1%} "
                f"| {sure / asked:.1%} |"
            )
    print("missed:", *missed, sep="\n  ")


async def _strangers(search: _Search) -> None:
    """Names of nobody: how many profiles at the threshold they meet, same names left out."""
    met = asked = candidates = 0
    for partner in list(world(2_000, seed=99))[::4]:
        found = await search(
            _wanted({"legal_name": partner.legal_name, "country": partner.country})
        )
        others = [c for c in found.candidates if c.legal_name != partner.legal_name]
        asked += 1
        candidates += len(others)
        met += any(c.score >= RULES.duplicate for c in others)
    print(
        f"strangers: {asked} asked, {met} met a profile at the threshold, "
        f"{candidates / asked:.1f} candidates each"
    )


async def _measure(stand: Stand, count: int) -> None:
    owner = await asyncpg.connect(stand.settings.require("database_migration_url"))
    await _fill(owner, count)
    await owner.close()
    app = await asyncpg.connect(
        stand.settings.require("database_url"), server_settings={"jit": "off"}
    )
    rng = random.Random(3)
    places = set(rng.sample(range(count), min(count, 3_000)))
    sample = [p for n, p in enumerate(world(count)) if n in places]
    rng.shuffle(sample)
    search = _Search(app)
    await _quality(search, sample)
    await _strangers(search)
    search.report()
    again = _Search(app)
    for _, _, wanted in search.times[-1_000:]:
        await again(wanted)
    print("the last thousand again:")
    again.report()
    _, _, slowest = max(again.times, key=lambda item: item[1])
    probes, near = slowest.asked()
    plan = await app.fetch(
        f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {queries.CANDIDATES}",
        *queries.sent(probes), near, new_id(), True,
    )  # fmt: skip
    print(json.dumps(slowest.names, ensure_ascii=False), *(row[0] for row in plan), sep="\n")
    await app.close()


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partners", type=int, default=1_000_000)
    options = parser.parse_args()
    folder = ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    stand = build(folder, 0)
    try:
        asyncio.run(_measure(stand, options.partners))
    finally:
        stand.server.stop()


if __name__ == "__main__":
    main()
