"""Screening over HTTP: ``python -m bench.screening.http [--names 20000] [--seconds 10]``.

One server process and an embedded PostgreSQL with its safe settings; every answer is authorized and
its evidence committed before it leaves. The list is made up, half persons, half organisations;
half of the subjects are listed names as somebody else may write them, half are nobody's. The load
generator is a process of its own on the same machine. The bare reference (`bench/bare.py`, one
SELECT and one committed INSERT) is measured beside it, and what each server takes of the processor.
Also printed: seconds from the start of the server until it answers, and until it answers its
first screening, without and with an index that was saved before.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx

from app.core.db import Database
from app.sanctions.lists.importer import import_list
from bench.screening.made_up import names, person
from bench.stand import PORT, ROOT, Stand, build
from partner_registry_matcher.tables import Kind

_LINES = 1_000

Subject = dict[str, object]


def _retyped(name: str, rng: random.Random) -> str:
    """A name with two letters interchanged, or its words in another order."""
    words = name.split()
    if rng.random() < 0.3:
        return " ".join([words[-1], *words[:-1]])
    at = rng.randrange(1, len(name) - 1)
    return name[:at] + name[at + 1] + name[at] + name[at + 2 :] if rng.random() < 0.8 else name


def _subjects(listed: list[tuple[str, Kind]], rng: random.Random) -> Iterator[Subject]:
    organisations = dict(listed)
    for name in rng.sample(sorted(organisations), len(organisations)):
        kind = organisations[name]
        yield {"kind": kind, "names": [_retyped(name, rng)]}
        yield {"kind": "person", "names": [person(rng)]}


def _write(path: Path, listed: list[tuple[str, Kind]]) -> None:
    """As an issue of the list whose columns are ours."""
    sample = ROOT / "app/sanctions/sources/samples/ungm.csv"
    with sample.open(encoding="utf-8") as lines:
        columns = next(csv.reader(lines))
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, columns, restval="")
        rows.writeheader()
        for number, (name, kind) in enumerate(listed):
            rows.writerow(
                {
                    "UNGM number": f"{number:07d}",
                    "Kind": "individual" if kind == "person" else "company",
                    "Vendor name": name,
                    "Imposing agency": "UNDP",
                    "Measure": "Debarment",
                    "Ineligible from": "2024-01-01",
                    "Ineligible to": "permanent",
                }
            )


async def _import(stand: Stand, path: Path) -> None:
    worker = Database(stand.settings.require("database_worker_url"), stand.settings)
    await import_list(worker, "ungm", path)
    await worker.close()


def _number(stand: Stand, count: int) -> None:
    """Let a worker number the entries, and stop it: comparing partners again is no part of this."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "worker"],
        env=stand.environment(), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 300
        while asyncio.run(_numbered(stand)) < count:
            if time.monotonic() > deadline:
                raise RuntimeError("the worker did not number the entries")
            time.sleep(1)
        time.sleep(5)  # words are counted, too
    finally:
        worker.terminate()
        worker.wait(timeout=300)


async def _numbered(stand: Stand) -> int:
    connection = await asyncpg.connect(stand.settings.require("database_migration_url"))
    try:
        found = await connection.fetchval(
            "SELECT seq_to FROM feed_heads WHERE stream = 'inter_agency'"
        )
        return int(found or 0)
    finally:
        await connection.close()


def _about(subject: Subject) -> Subject:
    if subject["kind"] != "person":
        return {"subject": subject, "role": "VENDOR"}
    return {"subject": subject, "role": "PARTNER_OFFICER", "acting_for": {"name": "Amani Relief"}}


def _single(subject: Subject, token: str) -> str:
    body = json.dumps(_about(subject), ensure_ascii=True)
    return (
        f"POST /v1/screenings HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"Authorization: Bearer {token}\r\nIdempotency-Key: {{uuid}}\r\n\r\n{body}"
    )


def _batches(subjects: list[Subject], token: str, seconds: float) -> float:
    """Names a second of streams of a thousand lines, one after the other."""
    lines = [json.dumps({"id": str(at)} | _about(s)) for at, s in enumerate(subjects)]
    done, began = 0, time.perf_counter()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
    with httpx.Client(base_url=f"http://127.0.0.1:{PORT}", headers=headers, timeout=60) as client:
        for first in range(0, len(lines) - _LINES, _LINES):
            body = "\n".join(lines[first : first + _LINES]) + "\n"
            answer = client.post("/v1/screenings/batch", content=body).raise_for_status()
            made = answer.text.count('"screening":{')
            if made != _LINES:
                raise RuntimeError(answer.text[:400])
            done += made
            if time.perf_counter() - began > seconds:
                break
    return done / (time.perf_counter() - began)


def _first_answer(token: str, began: float) -> float:
    """Seconds from the start of the server to the answer of its first screening."""
    body = {"subject": {"kind": "organisation", "names": ["Quixotry Beekeepers of Zwyndale"]}}
    httpx.post(
        f"http://127.0.0.1:{PORT}/v1/screenings",
        json=body,
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": uuid4().hex},
        timeout=60,
    ).raise_for_status()
    return time.perf_counter() - began


_TICKS = os.sysconf("SC_CLK_TCK")


def _processor(process: subprocess.Popen[bytes]) -> float:
    """Seconds of processor that the process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _loaded(
    stand: Stand, process: subprocess.Popen[bytes], requests: list[str], *how: Any
) -> dict[str, Any]:
    """Figures of the load generator, and milliseconds of processor a request in the server."""
    before = _processor(process)
    figures = stand.load(requests, *how)
    spent = _processor(process) - before
    return figures | {"server_ms": round(spent * 1000 / int(str(figures["requests"])), 2)}


def _bare(stand: Stand, seconds: float) -> dict[int, dict[str, Any]]:
    """The reference, by connections."""
    bodies = [json.dumps({"item_id": item, "text": "x" * 200}) for item in stand.item_ids]
    requests = [
        f"POST /facts HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
        for body in bodies
    ]
    with stand.serving(*stand.bare()) as process:
        stand.load(requests[:200], 1, 8)
        return {n: _loaded(stand, process, requests, seconds, n) for n in (8, 32)}


def _measure(stand: Stand, listed: list[tuple[str, Kind]], options: argparse.Namespace) -> None:
    rng = random.Random(5)
    subjects = list(islice(_subjects(listed, rng), 20_000))
    bare = _bare(stand, options.seconds)
    for start in ("first start", "restart with a saved index"):
        began = time.perf_counter()
        with stand.serving(*stand.ours()):
            ready = time.perf_counter() - began
            screens = _first_answer(stand.token(), began)
            print(f"{start}: answers after {ready:.2f} s, screens after {screens:.2f} s")
            time.sleep(1)  # the index is saved
    with stand.serving(*stand.ours()) as process:
        token = stand.token()
        _first_answer(token, time.perf_counter())
        requests = [_single(subject, token) for subject in subjects[:6_000]]
        stand.load(requests[:200], 2, 8)
        for connections in (8, 32):
            figures = _loaded(stand, process, requests, options.seconds, connections)
            reference = bare[connections]
            share = figures["per_second"] / reference["per_second"]
            print(f"bare write, {connections} connections: {reference}")
            print(f"single, {connections} connections: {figures}, {share:.0%} of bare")
        rate = _batches(subjects, token, options.seconds)
        print(f"batch: {rate:.0f} names a second, {rate / bare[8]['per_second']:.0%} of bare")


def main() -> None:
    """Build, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    folder = ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    listed = names(options.names)
    stand = build(folder, 1_000)
    try:
        _write(folder / "ungm.csv", listed)
        asyncio.run(_import(stand, folder / "ungm.csv"))
        _number(stand, len(listed))
        _measure(stand, listed, options)
    finally:
        stand.server.stop()


if __name__ == "__main__":
    main()
