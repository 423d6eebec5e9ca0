"""Paths nobody meant: the router, the log line and the metrics take them without a fault."""

from __future__ import annotations

import random

import pytest
from fastapi import FastAPI

from app.core import metrics
from tests.contract.contract import contract
from tests.hostile.calls import caller, fault, raw_request
from tests.hostile.values import CANARY
from tests.support import World

# Bytes above 127 come percent-encoded: the server itself (h11) answers 400 to raw ones.
_PIECES = (
    "%00", "..", "%2e%2e", "%2e%2e%2f", "..;", "%ff", "%ed%a0%80", "%c0%ae%c0%ae", "%e2%80%ae",
    "//", "%2f", "%5c", "\\", "%", "%zz", "%0d%0aX:1", ";a=b", ".", "~", "%20", "*", "?", "?a=%00",
    "?=", "&", "?" + "a=1&" * 300, "#", "@", ":", "%7B%7D", "x" * 9_000, "%c3%a9",
    "__proto__", ".git/config", "wp-login.php", "%u0000", "%25%30%30", "+", "'", "\"", "<script>",
)  # fmt: skip
_CASES = 200


def _paths() -> list[str]:
    chance = random.Random(20260301)
    bases = ["", "/", "/v1", "/v1/", "/docs/", "/oauth/", "/.well-known/", *contract()["paths"]]
    chosen = [
        chance.choice(bases) + "/" + "".join(chance.choices(_PIECES, k=chance.randint(1, 3)))
        for _ in range(_CASES - len(_PIECES))
    ]
    return [f"/v1/partners/{piece}" for piece in _PIECES] + chosen


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
async def test_two_hundred_paths_of_garbage_are_all_refused(
    method: str, own_app: FastAPI, agencies: World
) -> None:
    paths = _paths()
    assert len(paths) == _CASES
    faults = []
    async with caller(own_app, agencies) as client:
        for path in paths:
            whole = path if "?" in path else path + CANARY
            wrong = fault(await raw_request(own_app, method, whole, client.headers))
            if wrong:
                faults.append(f"{path[:80]!r}: {wrong}")
    assert not faults, "\n".join(faults)


async def test_garbage_adds_no_label_to_the_metrics(own_app: FastAPI, agencies: World) -> None:
    def routes() -> set[str]:
        return {
            sample.labels["route"]
            for metric in metrics.registry.collect()
            for sample in metric.samples
            if metric.name == "http_request_duration_seconds"
        }

    async with caller(own_app, agencies) as client:
        await client.get("/nowhere")
        before = routes()
        for path in _paths():
            await raw_request(own_app, "GET", path, client.headers)
    added = routes() - before
    assert not {route for route in added if CANARY in route or "%" in route or ".." in route}
    assert len(added) < 5 + len(contract()["paths"])
