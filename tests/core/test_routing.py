"""The pattern before the routes hides none of them."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI
from starlette.routing import Match

from app.api import V1
from app.core.routing import Router
from tests.contract.contract import operations
from tests.support import plain_client


def test_every_router_has_the_pattern() -> None:
    assert all(isinstance(router, Router) for router in V1)


@pytest.mark.parametrize("value", ["x", "a.b", "%20", "{x}"])
def test_every_operation_is_found(app: FastAPI, value: str) -> None:
    for operation in operations():
        path = re.sub(r"\{[^}]*\}", value, operation.path)
        scope = {"type": "http", "method": operation.method.upper(), "path": path, "headers": []}
        found = [route.matches(dict(scope))[0] for route in app.router.routes]
        assert Match.FULL in found, operation.name


async def test_a_path_of_nobody_and_a_wrong_method_say_so(app: FastAPI) -> None:
    async with plain_client(app) as client:
        for path in ("/v1/partner", "/v1/partners/a/b/c/d", "/v1v1/partners", "/v1", "/"):
            assert (await client.get(path)).status_code == 404, path
        assert (await client.delete("/v1/partners")).status_code == 405
