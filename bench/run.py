"""The measurements. ``python -m bench.run [--seconds 5] [--rounds 3] [--partners 10000]``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from bench.stand import PORT, ROOT, Stand, build

_SAMPLE_IDS = 500
_CLEARANCE = "POST /v1/clearances"
_RECEIPT = "GET /v1/clearances/{id}/receipt"


def _get(path: str, token: str | None = None) -> str:
    auth = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\n{auth}\r\n"


def _post(path: str, body: object, token: str | None = None) -> str:
    text = json.dumps(body)
    auth = f"Authorization: Bearer {token}\r\nIdempotency-Key: {{uuid}}\r\n" if token else ""
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(text)}\r\n{auth}\r\n{text}"
    )


def _bare_requests(stand: Stand) -> dict[str, list[str]]:
    ids = stand.item_ids[:_SAMPLE_IDS]
    return {
        "read": [_get(f"/items/{item}") for item in ids],
        "write": [_post("/facts", {"item_id": item, "text": "x" * 200}) for item in ids],
    }


def _our_requests(stand: Stand, token: str) -> dict[str, list[str]]:
    step = max(1, len(stand.partner_ids) // _SAMPLE_IDS)
    ids = stand.partner_ids[::step][:_SAMPLE_IDS]
    clearance = {"country": "KEN", "purpose": "PARTNER_SELECTION", "amount_usd": "250000.00"}
    return {
        "GET /v1/partners/{id}": [_get(f"/v1/partners/{item}", token) for item in ids],
        "GET /v1/partners?country=": [_get("/v1/partners?country=KEN&limit=50", token)],
        _CLEARANCE: [
            _post("/v1/clearances", clearance | {"partner": {"id": item}}, token) for item in ids
        ],
        "POST /v1/screenings": [
            _post(
                "/v1/screenings",
                {"subject": {"kind": "organisation", "names": [f"Amani Relief {n}"]}},
                token,
            )
            for n in range(100)
        ],
    }


def _round(stand: Stand, seconds: float) -> dict[str, dict[str, Any]]:
    """Bare and ours, one after the other, each on a fresh process."""
    figures: dict[str, dict[str, Any]] = {}
    with stand.serving(*stand.bare()):
        for name, requests in _bare_requests(stand).items():
            stand.load(requests, 1)
            figures[f"bare {name}"] = stand.load(requests, seconds)
    with stand.serving(*stand.ours()):
        for name, requests in _our_requests(stand, stand.token()).items():
            stand.load(requests, 1)
            figures[name] = stand.load(requests, seconds)
        token = stand.token()
        figures[_RECEIPT] = stand.load(_receipts(token), seconds)
    return figures


def _receipts(token: str) -> list[str]:
    """The newest clearances: the first reader of each, or the worker before it, signs."""
    answer = httpx.get(
        f"http://127.0.0.1:{PORT}/v1/clearances?limit=200",
        headers={"Authorization": f"Bearer {token}"},
    )
    items = answer.raise_for_status().json()["items"]
    return [_get(f"/v1/clearances/{one['clearance_id']}/receipt", token) for one in items]


def _with_receipt(rounds: list[dict[str, dict[str, object]]]) -> str:
    """A clearance and its receipt, one after the other, as so many a second."""
    both = [
        1 / sum(1 / float(str(figures[name]["per_second"])) for name in (_CLEARANCE, _RECEIPT))
        for figures in rounds
    ]
    bare = [float(str(figures["bare write"]["per_second"])) for figures in rounds]
    ratio = statistics.median(one / other for one, other in zip(both, bare, strict=True))
    return (
        f"| the clearance and its receipt | {statistics.median(both):.0f} | – | – | {ratio:.0%} |"
    )


_AGAINST = {
    "GET /v1/partners/{id}": "bare read",
    "GET /v1/partners?country=": "bare read",
    _CLEARANCE: "bare write",
    "POST /v1/screenings": "bare write",
}


def _table(rounds: list[dict[str, dict[str, Any]]]) -> str:
    lines = ["| what | requests/s | p50 ms | p99 ms | of bare |", "|---|---|---|---|---|"]
    for name in rounds[0]:

        def middle(key: str, name: str = name) -> float:
            return statistics.median(float(str(figures[name][key])) for figures in rounds)

        ratio = "–"
        if name in _AGAINST:
            ratios = [
                float(str(figures[name]["per_second"]))
                / float(str(figures[_AGAINST[name]]["per_second"]))
                for figures in rounds
            ]
            ratio = f"{statistics.median(ratios):.0%}"
        lines.append(
            f"| {name} | {middle('per_second'):.0f} | {middle('p50_ms'):.1f} "
            f"| {middle('p99_ms'):.1f} | {ratio} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--partners", type=int, default=10_000)
    options = parser.parse_args()
    folder = ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    stand = build(folder, options.partners)
    worker = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "worker"],
        env=stand.environment(),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        stand.settle()
        rounds = []
        for n in range(options.rounds):
            rounds.append(_round(stand, options.seconds))
            print(f"round {n + 1} of {options.rounds} done", file=sys.stderr)
    finally:
        worker.terminate()
        worker.wait(timeout=20)
        stand.server.stop()
    for figures in rounds:
        for name, item in figures.items():
            statuses = item["statuses"]
            if set(statuses) - {"200", "201"}:
                print(f"unexpected statuses for {name}: {statuses}")
    print(
        f"{os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{options.partners} partners, {options.rounds} rounds of {options.seconds:.0f} s, "
        "32 connections, one process"
    )
    print(_table(rounds))
    print(_with_receipt(rounds))
    Path(folder / "last.json").write_text(json.dumps(rounds, indent=1))


if __name__ == "__main__":
    main()
