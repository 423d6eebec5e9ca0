"""Matching at a million partners: ``python -m bench.matching [--partners 1000000]``.

Fills a database of its own by COPY, then prints how fast the rows went in, the time of a search
(statement and scoring) at one caller, the plan of the slowest, and how many generated duplicates
of each kind are found first and among the first five, and how often a name of nobody meets one.
Of those not found it says why: five others fit as well, the keys do not meet it, or its name is
scored too unlike.
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

from app.core.db import Database, Fields
from app.core.ids import new_id
from app.partners.matching import names, queries
from app.partners.matching.duplicates import check_waiting
from app.partners.matching.rank import Ranked, Wanted, rank
from app.partners.matching.rules import RULES
from app.partners.matching.schemas import Candidate
from bench.partner_world import CATEGORIES, Partner, spoil, strangers, world
from bench.stand import ROOT, Stand, build

_CHUNK = 20_000
_ASKED = 150
_QUEUED = 2_000
_ONE = """SELECT f.id AS found_id, f.legal_name AS found_name, f.legal_name_native, f.acronym,
  f.aliases, f.former_names, f.year_established, f.website, f.id AS partner_id, f.number,
  f.version, f.legal_name, f.country, f.hq_id, true AS visible FROM partners f WHERE f.id = $1"""
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
    head = "asked|found first|among five|crowded out|not met|too unlike"
    print(f"|kind|{head}|\n|---|---|---|---|---|---|---|")
    missed: list[str] = []
    for category in CATEGORIES:
        counts: dict[str, int] = defaultdict(int)
        for partner in sample:
            spoiled = spoil(partner, category, rng)
            if spoiled is None or counts["asked"] == _ASKED:
                continue
            wanted = _wanted(spoiled)
            found = (await search(wanted)).candidates
            # A namesake in the same country is as good an answer as the profile itself.
            at = next((n for n, item in enumerate(found) if _same(item, partner)), 99)
            counts["asked"] += 1
            counts["first"] += at < 1
            counts["five"] += at < 5
            if at >= 5:
                why = await _why(search, wanted, partner, found)
                counts[why] += 1
                if why != "crowded" and sum(m.startswith(category) for m in missed) < 4:
                    missed.append(f"{category}, {why}: {spoiled} is {partner.legal_name}")
        if asked := counts["asked"]:
            parts = ("first", "five", "crowded", "not met", "unlike")
            print(
                "|".join(["", category, str(asked), *(f"{counts[p] / asked:.1%}" for p in parts)])
            )
    print("missed:", *missed, sep="\n  ")


def _same(item: Candidate, partner: Partner) -> bool:
    namesake = item.legal_name == partner.legal_name and item.country == partner.country
    return namesake or item.partner_id == partner.id


async def _why(search: _Search, wanted: Wanted, partner: Partner, found: list[Candidate]) -> str:
    """Why a partner is not among the first five: five others fit as well, or what else."""
    row = await search.connection.fetchrow(_ONE, partner.id)
    alone = rank([Fields(row)], wanted).candidates
    if not alone:
        return "unlike"
    return "crowded" if len(found) > 4 and found[4].score >= alone[0].score else "not met"


async def _strangers(search: _Search) -> None:
    """Names of nobody: how often one meets a profile at the threshold."""
    met = asked = candidates = 0
    for name, country in strangers(500):
        found = (await search(_wanted({"legal_name": name, "country": country}))).candidates
        asked += 1
        candidates += len(found)
        met += any(c.score >= RULES.duplicate for c in found)
    print(
        f"strangers: {asked} asked, {met} met a profile at the threshold, "
        f"{candidates / asked:.1f} candidates each"
    )


def _over_http(stand: Stand, asked: list[dict[str, Any]]) -> None:
    with stand.serving(*stand.ours()):
        token = stand.token()
        requests = []
        for item in asked:
            body = json.dumps({k: v for k, v in item.items() if v})
            requests.append(
                f"POST /v1/partners/match HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body.encode())}\r\n\r\n{body}"
            )
        stand.load(requests, 5, connections=1)
        print("over HTTP, one caller:", json.dumps(stand.load(requests, 20, connections=1)))


async def _worker(stand: Stand, sample: list[Partner]) -> None:
    """The queue of profiles to be checked, by one worker."""
    owner = await asyncpg.connect(stand.settings.require("database_migration_url"))
    ids = [partner.id for partner in sample[:_QUEUED]]
    await owner.execute("DELETE FROM possible_duplicates")
    await owner.execute("INSERT INTO duplicate_checks (partner_id) SELECT unnest($1::uuid[])", ids)
    database = Database(stand.settings.require("database_worker_url"), stand.settings)
    started, spent = time.perf_counter(), time.process_time()
    while await check_waiting(database):
        continue
    seconds = time.perf_counter() - started
    pairs = await owner.fetchval("SELECT count(*) FROM possible_duplicates")
    print(
        f"worker: {len(ids) / seconds:,.0f} profiles a second, {pairs} pairs of {len(ids)} profiles"
        f" ({1_000 * (time.process_time() - spent) / len(ids):.1f} ms of Python each)"
    )
    await database.close()
    await owner.close()


async def _measure(stand: Stand, sample: list[Partner]) -> None:
    app = await asyncpg.connect(
        stand.settings.require("database_url"), server_settings={"jit": "off"}
    )
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
    await _worker(stand, sample)


def measure(stand: Stand, count: int) -> None:
    """Print all figures of a database that holds ``world(count)``."""
    rng = random.Random(3)
    places = set(rng.sample(range(count), min(count, 3_000)))
    sample = [p for n, p in enumerate(world(count)) if n in places]
    rng.shuffle(sample)
    asyncio.run(_measure(stand, sample))
    asked = [
        spoiled
        for n, partner in enumerate(sample)
        if (spoiled := spoil(partner, CATEGORIES[n % len(CATEGORIES)], rng))
    ]
    _over_http(stand, asked)


async def _load(stand: Stand, count: int) -> None:
    owner = await asyncpg.connect(stand.settings.require("database_migration_url"))
    await _fill(owner, count)
    await owner.close()


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partners", type=int, default=1_000_000)
    options = parser.parse_args()
    folder = ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    stand = build(folder, 0)
    try:
        asyncio.run(_load(stand, options.partners))
        measure(stand, options.partners)
    finally:
        stand.server.stop()


if __name__ == "__main__":
    main()
