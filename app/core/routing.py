"""Finding the route of a request among hundreds, and taking it apart only when it is asked for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts
from starlette._utils import get_route_path
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

_PARAMETER = re.compile(r"\{[^}]*\}")


class Router(APIRouter):
    """A router that says by one pattern whether a path can be one of its own.

    Routers are asked in turn, and each would try all its routes, one pattern and some bookkeeping
    each: with some hundred routes more than a millisecond for the last of them.

    Its operations are written down when their module is loaded, and taken apart (parameters,
    models) when a request or the contract first needs one of them: all at once would be half of
    the time that the service takes to start.
    """

    prefix_of_all = "/v1"
    """What all routers may be included under."""

    def __init__(self, **options: Any) -> None:
        self._built: list[BaseRoute] = []
        self._written: list[Callable[[], None]] = []
        self._declared: list[str] = []
        super().__init__(**options)

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Write an operation down."""
        self._declared.append(self.prefix + path)
        self._written.append(partial(super().add_api_route, path, endpoint, **options))

    @property
    def routes(self) -> list[BaseRoute]:
        """All routes, taken apart."""
        written, self._written = self._written, []
        for build in written:
            build()
        return self._built

    @routes.setter
    def routes(self, routes: list[BaseRoute]) -> None:
        self._built = routes

    def _contains_router(self, router: APIRouter, seen: set[int] | None = None) -> bool:
        return False  # it holds operations alone; FastAPI would look at all of them for this

    @cached_property
    def _paths(self) -> re.Pattern[str]:
        paths = sorted({_pattern(path) for path in self._declared})
        return re.compile(f"(?:{self.prefix_of_all})?(?:{'|'.join(paths)})")

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http" and not self._paths.fullmatch(get_route_path(scope)):
            return Match.NONE, {}
        return super().matches(scope)


async def take_apart(app: FastAPI) -> None:
    """Take all routers of a service apart, one after the other between its requests."""
    for route in app.router.routes:
        for _ in iter_route_contexts([route]):
            pass
        await asyncio.sleep(0)


def _pattern(path: str) -> str:
    """Any path that this one may stand for, and perhaps some more."""
    assert ":" not in path, "a converter may take a slash"
    return "[^/]+".join(re.escape(part) for part in _PARAMETER.split(path))
