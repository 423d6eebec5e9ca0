"""A dependency that is not a coroutine runs in a thread pool, at many times its own cost."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from app.api import V1
from app.auth.endpoints import router as auth
from app.core.http import refuse_unknown_query


def _dependants(routes: Any) -> Iterator[Dependant]:
    for route in routes:
        if isinstance(route, APIRoute):
            pending = [route.dependant]
            while pending:
                dependant = pending.pop()
                yield dependant
                pending.extend(dependant.dependencies)


def _is_async(call: Any) -> bool:
    call = call if inspect.isfunction(call) else type(call).__call__
    return inspect.iscoroutinefunction(call) or inspect.isasyncgenfunction(call)


def test_every_dependency_and_endpoint_is_a_coroutine() -> None:
    routers = (*V1, auth)
    seen = [dependant.call for router in routers for dependant in _dependants(router.routes)]
    assert len(seen) > 50
    assert [call for call in seen if call is not None and not _is_async(call)] == []
    assert _is_async(refuse_unknown_query)
