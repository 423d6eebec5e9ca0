"""Requests that wait for changes, answered below the framework.

One that waits keeps all frames and objects of its stack for up to 55 seconds: some 30 KB by way
of the route, a few by this one. Whatever is unusual about a request goes the ordinary way, and
both ways end in the same function.
"""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import ValidationError
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from app.auth.caller import verified_token
from app.core.errors import error_response
from app.sanctions.feed.changes import answer_changes
from app.sanctions.feed.schemas import ChangesQuery

PATH = "/v1/feeds/sanctions/changes"


class WaitingRoad:
    """Stands before the routes, behind the edge."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wanted = _wanted(scope)
        if wanted is None:
            await self.app(scope, receive, send)
            return
        scope["endpoint"] = self  # the path is the template: see the edge
        request = Request(scope)
        try:
            token = await verified_token(request, request.headers.get("authorization"))
            response = await answer_changes(request, token, wanted)
        except ClientDisconnect:
            raise
        except asyncio.CancelledError:
            # The server ends and gives no more time: the task is over, and a traceback for each
            # of thousands would take longer than they had.
            raise ClientDisconnect from None
        except Exception as error:  # noqa: BLE001 - answered as the framework's layer would
            response = await error_response(request, error)
        await response(scope, receive, send)
        # Thousands are answered at once: all of them, before the log line of the first.
        await asyncio.sleep(0)


def _wanted(scope: Scope) -> ChangesQuery | None:
    """What is asked for, if it is to wait and there is nothing to say against it."""
    if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "GET":
        return None
    pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    given = dict(pairs)
    if given.get("wait", "0") == "0" or len(given) != len(pairs):
        return None
    try:
        return ChangesQuery.model_validate(given)
    except ValidationError:
        return None
