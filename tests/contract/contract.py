"""What the contract tests share: the contract, its operations as parameters."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import FastAPI

from app.main import create_app
from app.openapi import export, offline_app

Json = Any
COMMITTED = Path(__file__).parents[2] / "openapi" / "openapi.json"


class Operation(NamedTuple):
    """One operation of the contract."""

    path: str
    method: str
    spec: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.spec.get("operationId", f"{self.method} {self.path}"))

    @property
    def under_v1(self) -> bool:
        return self.path.startswith("/v1/")

    def header_names(self) -> set[str]:
        """Names of the header parameters that must be sent."""
        return {
            p["name"]
            for p in self.spec.get("parameters", ())
            if p["in"] == "header" and p["required"]
        }


@functools.cache
def offline() -> FastAPI:
    """The application for its routes only; its document is made once."""
    return offline_app(create_app)


@functools.cache
def exported() -> str:
    """The document as it is written."""
    return export(offline())


@functools.cache
def contract() -> dict[str, Any]:
    """The document as it is committed: making it of the routes takes every worker ten seconds more.

    `test_openapi` holds that it is what the routes give.
    """
    found: dict[str, Any] = json.loads(COMMITTED.read_text("utf-8"))
    return found


@functools.cache
def operations() -> tuple[Operation, ...]:
    """Every operation, in the order of the document."""
    methods = ("get", "put", "post", "delete", "patch")
    return tuple(
        Operation(path, method, _in_full(item[method]))
        for path, item in contract()["paths"].items()
        for method in methods
        if method in item
    )


def _in_full(spec: dict[str, Any]) -> dict[str, Any]:
    """The operation with its shared responses and parameters in their places."""
    responses = {status: _part("responses", answer) for status, answer in spec["responses"].items()}
    full = spec | {"responses": responses}
    if "parameters" in spec:
        full["parameters"] = [_part("parameters", item) for item in spec["parameters"]]
    return full


def _part(kind: str, node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    found: dict[str, Any] = contract()["components"][kind][node["$ref"].rsplit("/", 1)[1]]
    return found


Check = Callable[[Operation], None]


def each(**wanted: bool) -> Callable[[Check], Callable[[], None]]:
    """Make a check a test of all operations (``v1=True``: those under /v1); it names all that fail.

    One test and not one an operation: thousands of tests cost more than what they look at.
    """

    def of_all(check: Check) -> Callable[[], None]:
        def every() -> None:
            faults = []
            for operation in operations():
                if operation.under_v1 or not wanted.get("v1"):
                    try:
                        check(operation)
                    except (AssertionError, LookupError) as error:
                        faults.append(f"{operation.name}: {error!r}")
            assert not faults, "\n".join(faults)

        every.__name__, every.__doc__ = check.__name__, check.__doc__
        return every

    return of_all


def resolve(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema behind a reference."""
    while "$ref" in schema:
        schema = contract()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema
