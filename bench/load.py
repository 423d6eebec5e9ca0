"""A keep-alive HTTP/1.1 load generator: closed loop, fixed connections, latencies of every answer.

Run as ``python -m bench.load PLAN`` where PLAN is a JSON file:
``{"port", "seconds", "connections", "requests": [raw request text, ...]}``; prints one JSON line.
``{uuid}`` in a request is replaced by a new one each time (for Idempotency-Key).
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import uvloop


class _Connection(asyncio.Protocol):
    def __init__(self, plan: _Plan) -> None:
        self.plan = plan
        self.buffer = b""
        self.sent_at = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self.transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        assert self.transport is not None
        if time.perf_counter() >= self.plan.deadline:
            self.transport.close()
            return
        self.sent_at = time.perf_counter()
        self.transport.write(self.plan.next_request())

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lower = head.lower() + b"\r\n"
        start = lower.find(b"content-length:")
        length = int(lower[start + 15 : lower.find(b"\r\n", start)] or 0) if start >= 0 else 0
        if len(rest) < length:
            return
        self.buffer = b""
        self.plan.record(time.perf_counter() - self.sent_at, int(head[9:12]))
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        self.plan.closed()


class _Plan:
    def __init__(self, plan: dict[str, Any], done: asyncio.Event) -> None:
        self.requests = [str(text) for text in plan["requests"]]
        self.deadline = time.perf_counter() + float(plan["seconds"])
        self.open = int(plan["connections"])
        self.done = done
        self.turn = 0
        self.latencies: list[float] = []
        self.statuses: dict[int, int] = {}

    def next_request(self) -> bytes:
        text = self.requests[self.turn % len(self.requests)]
        self.turn += 1
        return text.replace("{uuid}", uuid4().hex).encode()

    def record(self, seconds: float, status: int) -> None:
        self.latencies.append(seconds)
        self.statuses[status] = self.statuses.get(status, 0) + 1

    def closed(self) -> None:
        self.open -= 1
        if self.open == 0:
            self.done.set()


async def _run(plan: dict[str, Any]) -> dict[str, object]:
    done = asyncio.Event()
    state = _Plan(plan, done)
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    for _ in range(state.open):
        await loop.create_connection(lambda: _Connection(state), "127.0.0.1", int(plan["port"]))
    await asyncio.wait_for(done.wait(), float(plan["seconds"]) + 30)
    elapsed = time.perf_counter() - started
    cuts = statistics.quantiles(state.latencies, n=100)
    return {
        "requests": len(state.latencies),
        "per_second": round(len(state.latencies) / elapsed, 1),
        "p50_ms": round(cuts[49] * 1000, 2),
        "p99_ms": round(cuts[98] * 1000, 2),
        "statuses": state.statuses,
    }


def main() -> None:
    """Run the plan named on the command line."""
    plan = json.loads(Path(sys.argv[1]).read_text())
    print(json.dumps(uvloop.run(_run(plan))))


if __name__ == "__main__":
    main()
