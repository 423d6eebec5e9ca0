"""The edge of the service, one pure ASGI layer: request id, body rules, headers, log line, metric.

Pure ASGI on purpose: the class-based helper of the framework leaks connections on cancellation.
"""

from __future__ import annotations

import re
import time
from typing import Any

import structlog
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException as FrameworkRefusal  # noqa: TID251 - see _TooLarge
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core import metrics
from app.core.errors import BodyTooLarge, UnsupportedMediaType, problem_response, unhandled
from app.core.ids import new_id

log = structlog.get_logger()
_REQUEST_ID = re.compile(rb"\A[A-Za-z0-9._-]{8,64}\Z")
_JSON = re.compile(
    rb'\Aapplication/(json|merge-patch\+json)\s*(;\s*charset="?utf-?8"?\s*)?\Z', re.I
)
_FORM = re.compile(rb"\Aapplication/x-www-form-urlencoded\b", re.I)
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_SECURITY_HEADERS = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
_API_CACHE = "private, no-cache"


class _TooLarge(FrameworkRefusal):
    """The body went over its limit while it was read."""

    def __init__(self) -> None:
        super().__init__(BodyTooLarge.status)


class Edge:
    """Wraps the whole application; see the module's first line."""

    def __init__(self, app: ASGIApp, *, body_limit: int) -> None:
        self.app = app
        self.body_limit = body_limit
        self._observers: dict[tuple[str, str, int], Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if _REQUEST_ID.match(given) else new_id().hex
        scope["request_id"] = request_id
        status, answered = 500, False

        async def answer(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status, answered = message["status"], True
                self._headers(scope, MutableHeaders(scope=message), request_id)
            await send(message)

        try:
            refusal = self._refuse(scope, headers)
            if refusal is not None:
                await problem_response(None, refusal.status, refusal.code, refusal.title)(
                    scope, receive, answer
                )
            elif scope["method"] in _BODY_METHODS:
                await self._limited(scope, receive, answer)
            else:
                await self.app(scope, receive, answer)
        except Exception as error:  # the last resort, so that a 500 has its headers too
            if answered:
                raise
            await (await unhandled(Request(scope), error))(scope, receive, answer)
        finally:
            self._record(scope, status, time.perf_counter() - started, request_id)

    def _refuse(
        self, scope: Scope, headers: dict[bytes, bytes]
    ) -> type[UnsupportedMediaType] | type[BodyTooLarge] | None:
        if scope["method"] not in _BODY_METHODS:
            return None
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self.body_limit:
            return BodyTooLarge
        if b"content-encoding" in headers:
            return UnsupportedMediaType
        kind = headers.get(b"content-type")
        if kind is None:
            has_body = length != b"0" or b"transfer-encoding" in headers
            return UnsupportedMediaType if has_body else None
        form = scope["path"].startswith("/oauth/")
        return None if (_FORM if form else _JSON).match(kind) else UnsupportedMediaType

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            # Real bytes are counted; Content-Length is only a claim.
            seen += len(message.get("body", b""))
            if seen > self.body_limit:
                raise _TooLarge
            return message

        # The framework's own handler turns _TooLarge into the 413 problem document.
        await self.app(scope, counted, send)

    def _headers(self, scope: Scope, headers: MutableHeaders, request_id: str) -> None:
        headers["X-Request-Id"] = request_id
        for name, value in _SECURITY_HEADERS:
            headers.setdefault(name, value)
        if scope["path"].startswith("/v1"):
            headers.setdefault("Cache-Control", _API_CACHE)
            headers.setdefault("Vary", "Authorization")

    def _record(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        route = _template(scope)
        key = (route, scope["method"] if route != "unmatched" else "ANY", status)
        observer = self._observers.get(key)
        if observer is None:
            observer = self._observers[key] = metrics.http_seconds.labels(
                key[0], key[1], str(status)
            )
        observer.observe(seconds)
        if route in ("/livez", "/readyz", "/metrics"):
            return
        identity = scope.get("identity")
        log.info(
            "request",
            route=route,
            method=scope["method"],
            status=status,
            ms=round(seconds * 1000, 2),
            request_id=request_id,
            agency=identity.agency_code if identity else None,
            client=identity.client_id if identity else None,
            problem=scope.get("problem_code"),
        )


def _template(scope: Scope) -> str:
    """The route's template with the version prefix, ``unmatched`` for what no route took."""
    path: str | None = getattr(scope.get("route"), "path", None)
    if path is None:
        # A plain route is matched whole: without parameters its template is the path itself.
        plain = "endpoint" in scope and not scope.get("path_params")
        return str(scope["path"]) if plain else "unmatched"
    return path if path.startswith("/v1") or not scope["path"].startswith("/v1/") else "/v1" + path
