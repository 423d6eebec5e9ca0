"""How long the search for a request's route takes, with and without the pattern of each router.

``python -m bench.routes``: microseconds to find each operation, both ways in turns in one process.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.routing import Match

from app.api import include_all
from app.core.routing import Router

_ROUNDS = 50
Matches = Callable[[Any, Any], tuple[Match, Any]]


def find(app: FastAPI, method: str, path: str) -> None:
    """What the router does before an endpoint is called: routers in turn, then routes of one."""
    scope = {"type": "http", "method": method, "path": path, "headers": []}
    for route in app.router.routes:
        if route.matches(scope)[0] is Match.FULL:
            return
    raise LookupError(path)


def microseconds(app: FastAPI, method: str, path: str) -> float:
    """Mean time to find this one."""
    began = time.perf_counter()
    for _ in range(_ROUNDS):
        find(app, method, path)
    return (time.perf_counter() - began) / _ROUNDS * 1e6


def main() -> None:
    """Print median and longest of both ways."""
    app = FastAPI()
    include_all(app)
    operations = [
        (method.upper(), re.sub(r"\{[^}]*\}", "x", path))
        for path, methods in app.openapi()["paths"].items()
        for method in methods
    ]
    ways: dict[str, Matches] = {"with": Router.matches, "without": APIRouter.matches}
    found: dict[str, list[float]] = {name: [] for name in ways}
    for operation in operations:
        for name, matches in ways.items():
            Router.matches = matches  # type: ignore[method-assign]  # the search before, put back after
            found[name].append(microseconds(app, *operation))
    for name, times in found.items():
        print(f"{name}: median {statistics.median(times):.0f} us, longest {max(times):.0f} us")


if __name__ == "__main__":
    main()
