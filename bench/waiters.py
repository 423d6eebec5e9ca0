"""Thousands of clients that follow the feed: what they cost, and how soon a change reaches them.

``python -m bench.waiters FOLDER [--mode wait|poll] [--clients 10000] [--seconds 600]``; on
127.0.0.1 only, ends by itself. The server has one core to itself, all else has the other: this
generator, the worker, PostgreSQL. Prints one JSON line. It ends the server while all wait.

``wait``: each client asks with ``wait=55`` and again up to ``min_wait_s`` after an answer, as the
reference client does. ``poll``: each asks every 60 seconds with If-None-Match.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import asyncpg
import psutil
import uvloop

from app.auth import jose
from app.auth.keys import SigningKeys
from app.auth.service import issue_token
from app.core.db import Database
from app.core.key_provider import load_root_keys
from app.demo.agencies import take_in
from app.sanctions.feed import build as feed
from bench.stand import PORT, ROOT, Stand, build
from partner_registry_client.conformance.double import entry

AGENCIES = 10
CHANGE_S = 15.0
_MORE = {
    "partner_id": None,
    "registry_number": None,
    "practices": [],
    "effect": {"eligible": False, "text": "Not eligible"},
    "decided_on": "2026-01-01",
    "level": "INTER_AGENCY",
}
MIN_WAIT_S = 5.0
_MARK = re.compile(rb'"reference":"BENCH-([0-9.]+)"')
_TO = re.compile(rb'"to":([0-9]+)')
_CLIENTS = """INSERT INTO clients (id, agency_id, name, scopes, auth_method)
    SELECT 'W' || n, (SELECT id FROM agencies WHERE code = 'B' || n % $2), 'bench',
      ARRAY['feed:read'], 'client_secret_basic' FROM generate_series(1, $1) n"""


class _Client(asyncio.Protocol):
    """Asks, reads, waits, asks again; by a new connection when the last one was closed."""

    def __init__(self, run: _Run, number: int) -> None:
        self.run, self.number = run, number
        self.token, self.renew_at = "", 0.0
        self.after, self.etag, self.buffer = run.after, b"", b""
        self.transport: asyncio.Transport | None = None
        self.asked = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.buffer = cast(asyncio.Transport, transport), b""
        self.ask()

    def ask(self) -> None:
        if self.transport is None or self.transport.is_closing():
            # Idle for longer than the server keeps a connection: a new one, which asks when made.
            self.run.connect(self)
            return
        if time.time() > self.renew_at:
            self.token, self.renew_at = self.run.token(self.number), time.time() + 240
        wait = "&wait=55" if self.run.waits else ""
        tag = b"If-None-Match: %b\r\n" % self.etag if self.etag else b""
        self.asked = time.time()
        self.transport.write(
            f"GET /v1/feeds/sanctions/changes?after={self.after}{wait} HTTP/1.1\r\n"
            f"Host: 127.0.0.1:{PORT}\r\nAuthorization: Bearer {self.token}\r\n".encode()
            + tag
            + b"\r\n"
        )

    def data_received(self, data: bytes) -> None:
        if self.run.over:
            return  # sent away by a server that stops: a client would come again elsewhere
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        if len(body) < int(fields.get(b"content-length", 0)):
            return
        self.buffer = b""
        status = int(head[9:12])
        self.run.statuses[status] += 1
        if status >= 400 and not self.run.refused:
            self.run.refused = body[:200].decode()
        if status == 200:
            self._read(body)
            self.etag = fields.get(b"etag", b"")
        pause = random.uniform(0.1, MIN_WAIT_S) if self.run.waits else 60.0
        asyncio.get_running_loop().call_later(pause, self.ask)

    def _read(self, body: bytes) -> None:
        now = time.time()
        if found := _TO.search(body):
            self.after = int(found.group(1))
        # One that was between two requests when the change came is told by its next request.
        began = self.asked if self.run.waits else now
        self.run.lags += [now - float(made) for made in _MARK.findall(body) if float(made) >= began]

    def connection_lost(self, error: Exception | None) -> None:
        self.run.lost += 1


class _Run:
    def __init__(self, plan: dict[str, Any]) -> None:
        self.waits = plan["mode"] == "wait"
        self.after: int = plan["after"]
        self.clients: int = plan["clients"]
        self._key = jose.load_signing_key(plan["key"].encode())
        self.seconds: float = plan["seconds"]
        self.statuses: Counter[int] = Counter()
        self.lags: list[float] = []
        self.lost, self.refused = 0, ""
        self._connecting: set[asyncio.Future[Any]] = set()
        self.over = False

    def connect(self, client: _Client) -> None:
        """Give a client another connection."""
        if not self.over:
            made = asyncio.get_running_loop().create_connection(lambda: client, "127.0.0.1", PORT)
            task = asyncio.ensure_future(made)
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    def token(self, number: int) -> str:
        """As the token service would give it; asking for tokens is not what is measured here."""
        whose = f"W{number}", f"B{number % AGENCIES}"
        issuer = f"http://127.0.0.1:{PORT}"
        return str(issue_token(self._key, issuer, *whose, ["feed:read"])["access_token"])

    async def go(self) -> dict[str, Any]:
        """Connect one after the other, then run."""
        loop = asyncio.get_running_loop()
        ramp = self.clients / 250 if self.waits else 60.0
        for number in range(1, self.clients + 1):
            made = partial(_Client, self, number)
            await loop.create_connection(made, "127.0.0.1", PORT)
            await asyncio.sleep(ramp / self.clients)
        print("connected", flush=True)
        self.lags.clear()
        await asyncio.sleep(self.seconds)
        self.over = True
        print("over", flush=True)
        await asyncio.to_thread(sys.stdin.read)  # all wait on while the server is stopped
        found = {"statuses": dict(self.statuses), "lost": self.lost, "told": len(self.lags)}
        found |= {"refused": self.refused} if self.refused else {}
        if len(self.lags) > 1:
            cuts = statistics.quantiles(self.lags, n=100)
            worst = {"p50": cuts[49], "p99": cuts[98], "most": max(self.lags)}
            found["change_to_client_s"] = {key: round(value, 2) for key, value in worst.items()}
        return found


async def _prepare(stand: Stand, clients: int) -> dict[str, Any]:
    """Clients in the database; the key of tokens, and the number the stream stands at."""
    settings = stand.settings
    operator = Database(settings.require("database_migration_url"), settings)
    async with operator.session() as session:
        for n in range(AGENCIES):
            await take_in(session, f"B{n}", f"Bench {n}")
    async with operator.connection() as connection:
        await connection.execute(_CLIENTS, clients, AGENCIES)
        after = await connection.fetchval(
            "SELECT seq_to FROM feed_heads WHERE stream = 'inter_agency'"
        )
    await operator.close()
    database = Database(settings.require("database_url"), settings)
    key = await SigningKeys(database, load_root_keys(settings)).signing_key("token")
    await database.close()
    return {"clients": clients, "after": after or 0, "key": key.pem.decode()}


async def _change(stand: Stand, seconds: float) -> int:
    """A measure imposed every now and then; how many."""
    connection = await asyncpg.connect(stand.settings.require("database_worker_url"))
    ends, made = time.monotonic() + seconds, 0
    while time.monotonic() < ends:
        entry_id = str(UUID(int=made % 7))
        about = f"Waiting Relief Trust {made % 7}"
        changed = entry(entry_id, about, reference=f"BENCH-{time.time():.3f}", note="x" * 500)
        await connection.execute(
            "INSERT INTO feed_pending (entry_id, op, entry, streams) "
            "VALUES ($1, 'put', $2, ARRAY['inter_agency'])",
            entry_id,
            feed.canonical(changed | _MORE),
        )
        made += 1
        await asyncio.sleep(CHANGE_S)
    await connection.close()
    return made


def _measure(stand: Stand, options: argparse.Namespace) -> dict[str, Any]:
    # A request counts until all of it is done, its log line included, when the next is there.
    serve = (*stand.ours(), "--limit-concurrency", str(3 * options.clients + 500))
    worker = [sys.executable, "-m", "app.cli", "worker"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    working = subprocess.Popen(worker, env=stand.environment(), cwd=ROOT, **quiet)
    try:
        with stand.serving(*serve) as server:
            time.sleep(4)  # the worker signs the first head
            plan = asyncio.run(_prepare(stand, options.clients))
            process = psutil.Process(server.pid)
            process.cpu_affinity([0])
            return _watch(stand, options, process, plan)
    finally:
        working.terminate()
        working.wait(timeout=20)


def _watch(
    stand: Stand, options: argparse.Namespace, server: psutil.Process, made: dict[str, Any]
) -> dict[str, Any]:
    plan = stand.folder / "waiters.json"
    plan.write_text(json.dumps(made | {"mode": options.mode, "seconds": options.seconds}))
    idle = _idle_bytes(server)
    command = [sys.executable, "-m", "bench.waiters", str(plan), "--generate"]
    load = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert load.stdout is not None
    try:
        if load.stdout.readline().strip() != b"connected":
            raise RuntimeError("the generator did not get its connections")
        used, began = sum(server.cpu_times()[:2]), time.monotonic()
        changes = asyncio.run(_change(stand, options.seconds - CHANGE_S))
        if (line := load.stdout.readline().strip()) != b"over":
            raise RuntimeError(f"the generator said {line!r}")
        most = server.memory_info().rss
        cores = (sum(server.cpu_times()[:2]) - used) / (time.monotonic() - began)
        stopped = _stop(server)
        out, _ = load.communicate(timeout=60)
    finally:
        load.kill()
        load.wait()
        plan.unlink()
    return {
        "mode": options.mode,
        "clients": options.clients,
        "seconds": options.seconds,
        "changes": changes,
        "server_cores": round(cores, 2),
        "rss_idle_mb": round(idle / 1e6),
        "rss_above_idle_mb": round((most - idle) / 1e6),
        "stopped_s": round(stopped, 1),
        **json.loads(out),
    }


def _idle_bytes(server: psutil.Process) -> int:
    """Memory when all is loaded: the index of names is built after the start."""
    before = 0
    for _ in range(30):
        now = server.memory_info().rss
        if abs(now - before) < 1e6:
            break
        before = now
        time.sleep(3)
    return before


def _stop(server: psutil.Process) -> float:
    """Seconds from SIGTERM, with everybody waiting, to the end."""
    began = time.monotonic()
    server.terminate()
    with contextlib.suppress(psutil.TimeoutExpired):
        server.wait(60)
    return time.monotonic() - began


def main() -> None:
    """Measure and print, or generate the load of a plan."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mode", choices=("wait", "poll"), default="wait")
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--generate", action="store_true")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if options.generate:
        run = _Run(json.loads(options.folder.read_text()))
        print(json.dumps(uvloop.run(run.go())))
        return
    if hard < options.clients + 1_000:
        parser.error(f"{options.clients} clients need more open files than {hard} (ulimit -n)")
    os.sched_setaffinity(0, {(os.cpu_count() or 2) - 1})  # what is started here inherits it
    stand = build(options.folder, 100)
    try:
        print(json.dumps(_measure(stand, options)))
    finally:
        stand.server.stop("fast")


if __name__ == "__main__":
    main()
