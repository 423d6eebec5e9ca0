"""Lists and searches at a million partners: ``python -m bench.search [--partners N] [--plans]``.

Fills a database of its own once (``--folder``, default var/search) and uses it again. Prints p50
and p99 of each statement at one caller, what it read, and the same through HTTP with one process.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import asyncpg

from app.partners.search import facets, service, words
from app.partners.search.conditions import conditions
from app.partners.search.queries import Order
from app.partners.search.schemas import Facet, FacetQuery, SearchQuery
from bench.run import _get
from bench.search_world import stand
from bench.stand import ROOT, Stand

_RUNS = 101
_CASES: dict[str, dict[str, Any]] = {
    "no filter": {},
    "country": {"country": ["KEN"]},
    "three countries": {"country": ["KEN", "UKR", "CHN"]},
    "country of nobody": {"country": ["ISL"]},
    "type": {"partner_type": ["NGO_INTL"]},
    "status common": {"status": "draft"},
    "status rare": {"status": "deactivated"},
    "verification rare": {"verification": "unverified"},
    "tag common": {"tag": ["FAITH_BASED"]},
    "tag rare": {"tag": ["REFUGEE_LED"]},
    "sector": {"sector": ["HEALTH"]},
    "specialisation": {"specialisation": ["CCCM.CAMP_MANAGEMENT"]},
    "country, type, status": {
        "country": ["KEN"], "partner_type": ["CBO"], "status": "verified",
    },
    "country, sector, tag": {"country": ["KEN"], "sector": ["HEALTH"], "tag": ["FAITH_BASED"]},
    "type, rare tag, sector": {
        "partner_type": ["CBO"], "tag": ["REFUGEE_LED"], "sector": ["WASH"],
    },
    "local actors, two sectors": {"localisation": "local", "sector": ["HEALTH", "WASH"]},
    "public in a country": {"country": ["UKR"], "public": True},
    "has a scheme": {"scheme": "ORG_ID"},
    "scheme of nobody": {"scheme": "LEI"},
    "an identifier": {"scheme": "ORG_ID", "value": "XX-MADE-000500000"},
    "made by": {"created_by": "UNICEF"},
    "made by nobody": {"created_by": "UNDP"},
    "updated first": {"sort": "updated"},
    "updated first, country": {"sort": "updated", "country": ["KEN"]},
    "updated first, rare tag": {"sort": "updated", "tag": ["REFUGEE_LED"]},
    "changed lately": {"updated_since": "2026-10-17T00:00:00Z"},
    "changed lately, updated first": {
        "updated_since": "2026-10-17T00:00:00Z", "sort": "updated",
    },
}  # fmt: skip
_FACETS: list[Facet] = ["country", "partner_type", "status", "tag", "sector", "population"]
_WORDS = ("amani relief", "women network", "Hope for Children", "foundation", "благодійний фонд")


def _ms(times: list[float]) -> str:
    """The first run, which meets cold pages; p50 and p99 of the others."""
    first, *others = (1_000 * one for one in times)
    ordered = sorted(others)
    p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    return f"{first:.1f} | {p50:.1f} | {p99:.1f}"


class _Counted:
    """The connection, counting statements and remembering the last."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self.asked: list[tuple[str, tuple[Any, ...]]] = []

    async def fetchrow(self, sql: str, *values: Any) -> Any:
        self.asked.append((sql, values))
        return await self._connection.fetchrow(sql, *values)


async def _case(
    app: asyncpg.Connection, filters: dict[str, Any], *, pages: int = 1, plans: bool = False
) -> str:
    wanted = SearchQuery.model_validate(filters)
    order = Order(wanted.sort, backward=False)
    after: list[Any] | None = None
    counted = _Counted(app)
    for _ in range(pages - 1):
        made = conditions(wanted, "WFP", frozenset())
        found = service.Found(await service.find(counted, made, order, after, 51))
        if len(found) < 51:
            return "– | – | – | – | –"
        after = [found.stamps[49], found.ids[49]] if wanted.sort == "updated" else [found.ids[49]]
    times, rows = [], 0
    for _ in range(_RUNS):
        counted.asked.clear()
        started = time.perf_counter()
        made = conditions(wanted, "WFP", frozenset())
        found = service.Found(await service.find(counted, made, order, after, 51))
        times.append(time.perf_counter() - started)
        rows = len(found)
    buffers = 0
    for sql, values in counted.asked:
        text = await app.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", *values)
        plan = json.loads(text)[0]["Plan"]
        buffers += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        if plans:
            lines = await app.fetch(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {sql}", *values)
            print(json.dumps(filters), *(line[0] for line in lines), sep="\n")
    ways = "walk" if len(counted.asked) == 1 and not made.direct else "look-up"
    ways = "walk, look-up" if len(counted.asked) == 2 else ways
    return f"{rows} | {_ms(times)} | {buffers} | {ways}"


async def _statements(made: Stand, plans: bool) -> None:
    app = await asyncpg.connect(
        made.settings.require("database_url"), server_settings={"jit": "off"}
    )
    # As the server does: or the collector goes through all modules in the middle of a search.
    gc.collect()
    gc.freeze()
    print(
        "| filters | page | rows | first ms | p50 ms | p99 ms | buffers | way |\n"
        "|---|---|---|---|---|---|---|---|"
    )
    for (label, filters), pages in itertools.product(_CASES.items(), (1, 20)):
        print(f"| {label} | {pages} | {await _case(app, filters, pages=pages, plans=plans)} |")
    for pages in (1, 1_000):
        print(f"| no filter | {pages} | {await _case(app, {}, pages=pages)} |")
    for asked in _WORDS:
        for more in ({}, {"country": ["KEN"]}):
            times, rows = [], 0
            for _ in range(_RUNS):
                wanted = SearchQuery.model_validate({"q": asked} | more)
                started = time.perf_counter()
                _, ranked = await words.find(app, conditions(wanted, "WFP", frozenset()), asked)
                shown = [found for _, found in ranked[:50]]
                await words.page(app, conditions(wanted, "WFP", frozenset()), shown)
                times.append(time.perf_counter() - started)
                rows = len(ranked)
            print(f"| q={asked} {more or ''} | – | {rows} | {_ms(times)} | – | – |")
    await _facets(app)
    await app.close()


async def _facets(app: asyncpg.Connection) -> None:
    """Six facets of what each combination of filters leaves."""
    print(
        "| facets of | profiles | first ms | p50 ms | p99 ms | buffers |\n|---|---|---|---|---|---|"
    )
    counted = _Counted(app)
    for label, filters in (_CASES | {"words": {"q": "Hope for Children"}}).items():
        asked = {name: value for name, value in filters.items() if name != "sort"}
        wanted = FacetQuery.model_validate(asked | {"facet": _FACETS})
        times, buffers = [], 0
        for _ in range(_RUNS):
            counted.asked.clear()
            started = time.perf_counter()
            made = conditions(wanted, "WFP", frozenset())
            met = None if wanted.q is None else await words.met(app, wanted.q)
            _, answer = await facets.find(counted, made, _FACETS, met)
            times.append(time.perf_counter() - started)
        for sql, values in counted.asked:
            text = await app.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", *values)
            plan = json.loads(text)[0]["Plan"]
            buffers += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        about = "" if answer.total.exact else "about "
        print(f"| {label} | {about}{answer.total.count} | {_ms(times)} | {buffers} |")


def _http(made: Stand, seconds: float) -> None:
    print("| request | per second | server CPU ms each | p50 ms | p99 ms |\n|---|---|---|---|---|")
    with made.serving(*made.ours()) as process:
        token = made.token()
        asked = {label: urlencode(one, doseq=True) for label, one in _CASES.items()}
        paths = {
            "GET /v1/partners/{id}": [f"/v1/partners/{one}" for one in made.partner_ids],
            **{label: [f"/v1/partners?limit=50&{query}"] for label, query in asked.items()},
        }
        for label in ("GET /v1/partners/{id}", "country", "country, sector, tag", "tag rare"):
            requests = [_get(path, token) for path in paths[label]]
            made.load(requests, 1, 8)
            before = _cpu(process.pid)
            figures = made.load(requests, seconds, 8)
            spent = 1_000 * (_cpu(process.pid) - before) / int(str(figures["requests"]))
            print(
                f"| {label} | {figures['per_second']} | {spent:.2f} | {figures['p50_ms']} "
                f"| {figures['p99_ms']} |"
            )


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def main() -> None:
    """Fill or reuse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partners", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "search")
    parser.add_argument("--plans", action="store_true")
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    made = stand(options.folder, options.partners)
    try:
        asyncio.run(_statements(made, options.plans))
        _http(made, options.seconds)
    finally:
        made.server.stop()


if __name__ == "__main__":
    main()
