"""Bulk load through HTTP: ``python -m bench.bulk FOLDER [--partners 20000] [--streams 4]``.

Starts a PostgreSQL of its own in the folder (and leaves the data there), two serving processes,
and sends generated partners, as many streams at once as asked. Prints the rate, the time of a
second sending of the same lines, bytes a partner in each table, and the memory of each process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from bench.partner_world import Partner, world
from bench.stand import PORT, Stand, build

_PER_REQUEST = 10_000
_TABLES = (
    *("partners", "partner_identifiers", "partner_keys", "duplicate_checks", "partner_names"),
    *("audit_events", "outbox"),
)


def line(partner: Partner) -> bytes:
    """A partner as a line of a load, with a public identifier and a vendor number."""
    body = {
        "key": f"K{partner.number:09d}",
        "legal_name": partner.legal_name,
        "legal_name_native": partner.legal_name_native,
        "acronym": partner.acronym,
        "aliases": partner.aliases,
        "former_names": partner.former_names,
        "partner_type": partner.partner_type,
        "country": partner.country,
        "year_established": partner.year_established,
        "website": partner.website,
        "identifiers": [
            {"scheme": "ORG_ID", "value": partner.identifier},
            {
                "scheme": "AGENCY_VENDOR",
                "value": f"V{partner.number:08d}",
                "country": partner.country,
            },
        ],
    }
    return json.dumps({k: v for k, v in body.items() if v is not None}, ensure_ascii=False).encode()


def _requests(count: int) -> Iterator[bytes]:
    """Bodies of one request each."""
    made = world(count)
    while part := list(islice(made, _PER_REQUEST)):
        yield b"\n".join(line(one) for one in part) + b"\n"


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 262_144):
        yield body[start : start + 262_144]


class _Load:
    """Streams that share the bodies, and what they have been answered."""

    def __init__(self, stand: Stand, count: int) -> None:
        self.stand, self.bodies = stand, _requests(count)
        self.counts: Counter[str] = Counter()
        self.started = time.perf_counter()

    async def stream(self, client: httpx.AsyncClient) -> None:
        """Send one body after the other."""
        headers = {"Content-Type": "application/x-ndjson"}
        for body in self.bodies:
            token = await asyncio.to_thread(self.stand.token)
            headers["Authorization"] = f"Bearer {token}"
            answer = await client.post("/v1/partners/bulk", content=_pieces(body), headers=headers)
            answer.raise_for_status()
            for status in ("created", "updated", "unchanged", "conflict", "invalid"):
                self.counts[status] += answer.content.count(b'"status":"%b"' % status.encode())
            total, spent = sum(self.counts.values()), time.perf_counter() - self.started
            print(f"  {total} lines, {total / spent:,.0f} a second", flush=True)


async def _send(stand: Stand, count: int, streams: int) -> tuple[float, Counter[str]]:
    load = _Load(stand, count)
    clients = [
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{PORT}", timeout=None) for _ in range(streams)
    ]
    await asyncio.gather(*(load.stream(client) for client in clients))
    spent = time.perf_counter() - load.started
    for client in clients:
        await client.aclose()
    return spent, load.counts


def _cpu(pid: int) -> float:
    """Seconds of processor that a process, its children and those it has outlived took."""
    seconds = 0.0
    for task in [pid, *_children(pid)]:
        stat = Path(f"/proc/{task}/stat")
        if stat.exists():
            ticks = stat.read_text().rsplit(")", 1)[1].split()[11:15]
            seconds += sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    return seconds


def _memory(pid: int) -> dict[str, int]:
    """Peak resident MiB of a process and of each of its children."""
    found = {}
    for task in [pid, *_children(pid)]:
        status = Path(f"/proc/{task}/status")
        if status.exists():
            fields = dict(row.split(":", 1) for row in status.read_text().splitlines())
            found[str(task)] = int(fields.get("VmHWM", "0 kB").split()[0]) // 1024
    return found


def _children(pid: int) -> list[int]:
    file = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(text) for text in file.read_text().split()] if file.exists() else []


async def _sizes(stand: Stand, count: int) -> None:
    connection = await asyncpg.connect(stand.settings.require("database_migration_url"))
    for table in _TABLES:
        size = await connection.fetchval("SELECT pg_total_relation_size($1::regclass)", table)
        print(f"{table}: {size / count:.0f} bytes a partner ({size / 2**20:.0f} MiB)")
    print("partners:", await connection.fetchval("SELECT count(*) FROM partners"))
    await connection.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--partners", type=int, default=20_000)
    parser.add_argument("--streams", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--once", action="store_true", help="do not send it a second time")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    stand = build(options.folder, 1)
    pid = int((options.folder / "pg" / "data" / "postmaster.pid").read_text().split()[0])
    try:
        command = (*stand.ours(), "--workers", str(options.workers))
        with stand.serving(*command) as process:
            for label in ("first", *(() if options.once else ("again",))):
                before = {"api": _cpu(process.pid), "postgres": _cpu(pid)}
                spent, counts = asyncio.run(_send(stand, options.partners, options.streams))
                cpu = {"api": _cpu(process.pid), "postgres": _cpu(pid)}
                each = {n: f"{(cpu[n] - before[n]) / options.partners * 1e6:.0f} µs" for n in cpu}
                rate = options.partners / spent
                print(f"{label}: {spent:.1f} s, {rate:,.0f} lines a second, {dict(counts)}")
                print(f"  processor a line: {each}")
            figures: dict[str, Any] = {"api": _memory(process.pid), "postgres": _memory(pid)}
            print("peak MiB:", json.dumps(figures))
        asyncio.run(_sizes(stand, options.partners))
    finally:
        stand.server.stop()


if __name__ == "__main__":
    main()
