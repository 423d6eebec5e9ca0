"""Reading a shared detail against reading a profile: ``python -m bench.details [--seconds 5]``.

UNICEF files PSEA assessments and lets WFP read all of them by a standing policy; WFP reads, with a
purpose, each reading in the log. Both are measured on the same process: one after the other, and
by one caller in turns, three of each, so that neither has the caches of the processor for itself.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import secrets
import socket
import statistics
import subprocess
import sys
import time
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from sqlalchemy import text

from app.auth import clients as auth
from app.auth.scopes import AGENCY
from app.core.db import Database
from bench.run import _get
from bench.stand import PORT, ROOT, Stand, build

_URL = f"http://127.0.0.1:{PORT}"
_PURPOSE = 'Access-Purpose: MONITORING; ref="BENCH-1"\r\n'
_SHAPES = ((1, "one caller"), (8, "8 connections"))


async def _unicef(stand: Stand) -> str:
    """Secret of a client of UNICEF with a person behind it."""
    database = Database(stand.settings.require("database_migration_url"), stand.settings)
    async with database.session() as session:
        agency: UUID | None = await session.scalar(
            text("SELECT id FROM agencies WHERE code = 'UNICEF'")
        )
        assert agency is not None
        person = await auth.add_person(session, agency, "Owner", "HQ", "officer")
        new = auth.NewClient(
            "UNICEF",
            "bench",
            tuple(AGENCY),
            agency,
            auth_method="client_secret_basic",
            person_id=person.id,
        )
        secret = await auth.create_client(session, new)
    await database.close()
    assert secret is not None
    return secret


def _file(stand: Stand, secret: str, count: int) -> list[str]:
    """Ids of assessments that WFP may read."""
    granted = httpx.post(
        f"{_URL}/oauth/token",
        data={"grant_type": "client_credentials"},
        auth=("UNICEF", secret),
    ).raise_for_status()
    head = {"Authorization": f"Bearer {granted.json()['access_token']}"}
    standards = [{"number": n, "result": "met", "comment": "x" * 80} for n in range(1, 9)]
    with httpx.Client(base_url=_URL, headers=head, timeout=30) as api:

        def made(path: str, body: Any) -> str:
            key = {"Idempotency-Key": secrets.token_hex(16)}
            answer = api.post(path, json=body, headers=key).raise_for_status()
            return str(answer.json()["id"])

        everything = {"shared_with": "WFP", "level": "detail", "purpose": "MONITORING", "all": True}
        made("/v1/sharing-policies", everything)
        return [
            made(
                "/v1/assessments",
                {
                    "partner_id": partner,
                    "type": "psea",
                    "methodology": "UN-PSEA-2020",
                    "conducted_on": "2026-03-01",
                    "confidentiality": "RESTRICTED",
                    "detail": {"standards": standards},
                },
            )
            for partner in stand.partner_ids[:count]
        ]


async def _analyze(stand: Stand) -> None:
    """Statistics of what was filed, as autovacuum gathers them in a database that lives on."""
    owner = await asyncpg.connect(stand.settings.require("database_migration_url"))
    await owner.execute("ANALYZE")
    await owner.close()


def _requests(stand: Stand, ids: list[str]) -> dict[str, list[str]]:
    token = stand.token()
    partners = stand.partner_ids[: len(ids)]
    return {
        "profile": [_get(f"/v1/partners/{one}", token) for one in partners],
        "detail": [
            _get(f"/v1/assessments/{one}/detail", token).replace("\r\n\r\n", f"\r\n{_PURPOSE}\r\n")
            for one in ids
        ],
    }


def _ask(connection: socket.socket, request: str) -> float:
    """Milliseconds until the answer is there."""
    started = time.perf_counter()
    connection.sendall(request.encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65_536)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head[9:12] == b"200", head
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65_536)
    return (time.perf_counter() - started) * 1000


def _in_turns(stand: Stand, ids: list[str], seconds: float) -> dict[str, float]:
    """p50 of each, by one caller that asks for three of the one and three of the other."""
    requests = _requests(stand, ids)
    taken: dict[str, list[float]] = {name: [] for name in requests}
    deadline, turn = time.perf_counter() + seconds, 0
    with socket.create_connection(("127.0.0.1", PORT)) as connection:
        while time.perf_counter() < deadline:
            for name, lines in requests.items():
                for more in range(3):
                    taken[name].append(_ask(connection, lines[(turn + more) % len(lines)]))
            turn += 3
    return {name: statistics.median(times) for name, times in taken.items()}


def _round(stand: Stand, ids: list[str], seconds: float) -> dict[str, dict[str, Any]]:
    requests = _requests(stand, ids)
    figures: dict[str, dict[str, Any]] = {}
    for connections, shape in _SHAPES:
        for name, lines in requests.items():
            stand.load(lines, 1, connections)
            figures[f"{name}, {shape}"] = stand.load(lines, seconds, connections)
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    folder = ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    stand = build(folder, 1_000)
    secret = asyncio.run(_unicef(stand))
    worker = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "worker"],
        env=stand.environment(),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with stand.serving(*stand.ours()):
            ids = _file(stand, secret, 300)
            asyncio.run(_analyze(stand))
            rounds = [_round(stand, ids, options.seconds) for _ in range(options.rounds)]
            turns = _in_turns(stand, ids, options.seconds * options.rounds)
    finally:
        worker.terminate()
        worker.wait(timeout=20)
        stand.server.stop()
    print(f"Python {platform.python_version()}, {options.rounds} rounds of {options.seconds:.0f} s")
    for name in rounds[0]:
        middle = {
            key: statistics.median(float(one[name][key]) for one in rounds)
            for key in ("per_second", "p50_ms", "p99_ms")
        }
        print(name, {key: round(value, 1) for key, value in middle.items()})
        assert all(set(one[name]["statuses"]) == {"200"} for one in rounds), rounds
    for _, shape in _SHAPES:
        ratios = [
            float(one[f"detail, {shape}"]["p50_ms"]) / float(one[f"profile, {shape}"]["p50_ms"])
            for one in rounds
        ]
        print(f"p50 of a detail by that of a profile, {shape}: {statistics.median(ratios):.2f}")
    print(
        f"in turns: profile {turns['profile']:.1f}, detail {turns['detail']:.1f} ms, "
        f"{turns['detail'] / turns['profile']:.2f} times"
    )


if __name__ == "__main__":
    main()
