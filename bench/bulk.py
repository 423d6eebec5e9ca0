"""Bulk load through HTTP: ``python -m bench.bulk FOLDER [--partners 20000] [--streams 2]``.

Starts a PostgreSQL of its own in the folder (and leaves the data there), two serving processes,
and sends generated partners, as many streams at once as asked. Prints the rate, the time of a
second sending of the same lines, bytes a partner in each table, and the memory of each process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from itertools import islice
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from bench.partner_world import Partner, world
from bench.stand import PORT, Stand, build

_PIECE = 500
_PER_REQUEST = 50_000
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
            {"scheme": "AGENCY_VENDOR", "value": f"V{partner.number:08d}", "country": partner.country},
        ],
    }
    return json.dumps({k: v for k, v in body.items() if v is not None}, ensure_ascii=False).encode()


def _write(folder: Path, count: int) -> list[Path]:
    """The lines in files of one request each, made before the clock starts."""
    made, files = world(count), []
    while part := list(islice(made, _PER_REQUEST)):
        file = folder / f"lines-{len(files):03d}.ndjson"
        file.write_bytes(b"\n".join(line(one) for one in part) + b"\n")
        files.append(file)
    return files


async def _body(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as source:
        while piece := source.read(262_144):
            yield piece


async def _stream(client: httpx.AsyncClient, files: list[Path], counts: Counter[str]) -> None:
    headers = {"Content-Type": "application/x-ndjson"}
    while files:
        file = files.pop(0)
        async with client.stream(
            "POST", "/v1/partners/bulk", content=_body(file), headers=headers
        ) as answer:
            async for text in answer.aiter_lines():
                counts[json.loads(text).get("status", text[:200])] += 1


async def _send(stand: Stand, files: list[Path], streams: int) -> tuple[float, Counter[str]]:
    counts: Counter[str] = Counter()
    token = stand.token()
    base = f"http://127.0.0.1:{PORT}"
    limits = httpx.Limits(max_connections=streams)
    clients = [
        httpx.AsyncClient(
            base_url=base,
            timeout=None,
            limits=limits,
            headers={"Authorization": f"Bearer {token}"},
        )
        for _ in range(streams)
    ]
    started = time.perf_counter()
    waiting = list(files)
    await asyncio.gather(*(_stream(client, waiting, counts) for client in clients))
    spent = time.perf_counter() - started
    for client in clients:
        await client.aclose()
    return spent, counts


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
    parser.add_argument("--streams", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--once", action="store_true", help="do not send it a second time")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    stand = build(options.folder, 1)
    files = _write(options.folder, options.partners)
    try:
        command = (*stand.ours(), "--workers", str(options.workers))
        with stand.serving(*command) as process:
            for label in ("first", *(() if options.once else ("again",))):
                spent, counts = asyncio.run(_send(stand, files, options.streams))
                rate = options.partners / spent
                print(f"{label}: {spent:.1f} s, {rate:,.0f} lines a second, {dict(counts)}")
            figures: dict[str, Any] = {"api": _memory(process.pid)}
            pid = int((options.folder / "pg" / "postmaster.pid").read_text().split()[0])
            figures["postgres"] = _memory(pid)
            print("peak MiB:", json.dumps(figures))
        asyncio.run(_sizes(stand, options.partners))
    finally:
        for file in files:
            file.unlink()
        stand.server.stop()


if __name__ == "__main__":
    main()
