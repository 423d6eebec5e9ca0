"""The edge of the service, one pure ASGI layer: request id, body rules, headers, log line, metric.

Pure ASGI on purpose: the class-based helper of the framework leaks connections on cancellation.
"""

from __future__ import annotations

import re
import time
from typing import Any

import structlog
from starlette.exceptions import HTTPException as FrameworkRefusal  # noqa: TID251 - see _TooLarge
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core import metrics
from app.core.errors import (
    BodyTooLarge,
    HeadTooLarge,
    MalformedHead,
    MethodNotAllowed,
    ServiceError,
    UnsupportedMediaType,
    problem_response,
    unhandled,
)
from app.core.http import LEAN, MAX_UPLOAD, OFFERED, UPLOAD
from app.core.ids import new_id
from app.core.limits import RATE, release
from app.core.ndjson import MAX_STREAM

log = structlog.get_logger()
_REQUEST_ID = re.compile(rb"\A[A-Za-z0-9._-]{8,64}\Z")
_JSON = re.compile(
    rb'\Aapplication/(json|merge-patch\+json)\s*(;\s*charset="?utf-?8"?\s*)?\Z', re.I
)
_NDJSON = re.compile(rb'\Aapplication/x-ndjson\s*(;\s*charset="?utf-?8"?\s*)?\Z', re.I)
_FILE = re.compile(rb"\Aapplication/octet-stream\Z", re.I)
_FORM = re.compile(rb"\Aapplication/x-www-form-urlencoded\b", re.I)
_BEHALF = re.compile(rb'\A[!-+\--:<-~]{1,80}(?:;[ ]?role="[ !#-\[\]-~]{1,64}")?\Z')
_BEHALF_MAX = 128
_MAX_HEAD = 16_384
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_NO_METHODS = frozenset({"TRACE", "CONNECT"})
_GONE = 499
_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
_V1_HEADERS = (
    *_SECURITY_HEADERS,
    (b"cache-control", b"private, no-cache"),
    (b"vary", b"Authorization"),
)
# Of pages and frames: JSON that comes for a token only is neither, and its content security policy
# says the same.
_OF_BROWSERS = frozenset({b"x-frame-options", b"cross-origin-resource-policy"})
_HSTS = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")
Headers = list[tuple[bytes, bytes]]
Refusal = type[ServiceError]


class _TooLarge(FrameworkRefusal):
    """The body went over its limit while it was read."""

    def __init__(self) -> None:
        super().__init__(BodyTooLarge.status)


class Edge:
    """Wraps the whole application; see the module's first line."""

    def __init__(
        self, app: ASGIApp, *, body_limit: int, hsts: bool = False, issuer: str | None = None
    ) -> None:
        self.app = app
        self.body_limit = body_limit
        self._observers: dict[tuple[str, str, int], Any] = {}
        more = (_HSTS,) if hsts else ()
        self._plain = (*_SECURITY_HEADERS, *more)
        self._v1 = (*_V1_HEADERS, *more)
        self._lean = tuple(item for item in self._v1 if item[0] not in _OF_BROWSERS)
        # RFC 9728 5.1: a refused caller learns where tokens come from.
        where = f'resource_metadata="{issuer}/.well-known/oauth-protected-resource"'
        self._where = where.encode() if issuer else b""

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
                message["headers"] = self._headers(
                    scope, status, list(message.get("headers", ())), request_id
                )
            await send(message)

        try:
            refusal = _refuse_head(scope, headers) or self._refuse_body(scope, headers)
            if refusal is not None:
                # What follows on this connection cannot be told from a body nobody read.
                close = {"Connection": "close"} if refusal is MalformedHead else None
                await problem_response(
                    Request(scope), refusal.status, refusal.code, refusal.title, headers=close
                )(scope, receive, answer)
            elif scope["method"] in _BODY_METHODS:
                await self._limited(scope, receive, answer)
            else:
                await self.app(scope, receive, answer)
        except ClientDisconnect:  # nobody is left to be answered
            status = status if answered else _GONE
        except Exception as error:  # the last resort, so that a 500 has its headers too
            if answered:
                raise
            await (await unhandled(Request(scope), error))(scope, receive, answer)
        finally:
            release(scope)
            self._record(scope, status, time.perf_counter() - started, request_id)

    def _refuse_body(self, scope: Scope, headers: dict[bytes, bytes]) -> Refusal | None:
        if scope["method"] not in _BODY_METHODS:
            return None
        kind = headers.get(b"content-type")
        form = scope["path"].startswith("/oauth/")
        if kind is not None and not form and _NDJSON.match(kind):
            scope[OFFERED] = True
        if kind is not None and scope["path"].startswith("/v1/") and _FILE.match(kind):
            scope[UPLOAD] = True
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._limit(scope):
            return BodyTooLarge
        if b"content-encoding" in headers:
            return UnsupportedMediaType
        if kind is None:
            has_body = length != b"0" or b"transfer-encoding" in headers
            return UnsupportedMediaType if has_body else None
        if UPLOAD in scope or (OFFERED in scope and scope["path"].startswith("/v1/")):
            return None  # its route says whether it takes lines, or a file
        return None if (_FORM if form else _JSON).match(kind) else UnsupportedMediaType

    def _limit(self, scope: Scope) -> int:
        if UPLOAD in scope:
            return MAX_UPLOAD
        return MAX_STREAM if OFFERED in scope else self.body_limit

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        seen, limit = 0, self._limit(scope)

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            # Real bytes are counted; Content-Length is only a claim.
            seen += len(message.get("body", b""))
            if seen > limit:
                raise _TooLarge
            return message

        # The framework's own handler turns _TooLarge into the 413 problem document.
        await self.app(scope, counted, send)

    def _headers(self, scope: Scope, status: int, headers: Headers, request_id: str) -> Headers:
        lean = status < 400 and LEAN in scope
        fixed = self._v1 if scope["path"].startswith("/v1") else self._plain
        present = {name for name, _ in headers}
        headers += [item for item in (self._lean if lean else fixed) if item[0] not in present]
        headers.append((b"x-request-id", request_id.encode()))
        rate = scope.get(RATE)
        if rate is not None:
            if not lean:
                headers.append((b"ratelimit-policy", rate[0].policy))
            headers.append((b"ratelimit", rate[0].header(rate[1])))
        if status == 401 and self._where:
            headers = [self._challenge(item) for item in headers]
        return headers

    def _challenge(self, header: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
        name, value = header
        if name != b"www-authenticate" or not value.startswith(b"Bearer"):
            return header
        return name, b"%b%b %b" % (value, b"," if b"=" in value else b"", self._where)

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


def _refuse_head(scope: Scope, headers: dict[bytes, bytes]) -> Refusal | None:
    """What no request may look like, whatever its route."""
    if scope["method"] in _NO_METHODS:
        return MethodNotAllowed
    # No proxy's request: a target is a path. Both lengths at once is how requests are smuggled.
    if not scope["path"].startswith("/") or (
        b"transfer-encoding" in headers and b"content-length" in headers
    ):
        return MalformedHead
    # The parser's own limit does not see a head that comes in one piece.
    if sum([len(name) + len(value) for name, value in scope["headers"]]) > _MAX_HEAD:
        return HeadTooLarge
    if len(scope["path"]) + len(scope.get("query_string", b"")) > _MAX_HEAD:
        return MalformedHead
    claimed = headers.get(b"x-on-behalf-of")
    if claimed is not None:
        twice = sum(name == b"x-on-behalf-of" for name, _ in scope["headers"]) > 1
        if twice or len(claimed) > _BEHALF_MAX or not _BEHALF.match(claimed):
            return MalformedHead
        # Recorded as what the client claims; nothing is decided by it.
        scope["claimed_user"] = claimed.decode("ascii")
    return None


def _template(scope: Scope) -> str:
    """The route's template with the version prefix, ``unmatched`` for what no route took."""
    path: str | None = getattr(scope.get("route"), "path", None)
    if path is None:
        # A plain route is matched whole: without parameters its template is the path itself.
        plain = "endpoint" in scope and not scope.get("path_params")
        return str(scope["path"]) if plain else "unmatched"
    return path if path.startswith("/v1") or not scope["path"].startswith("/v1/") else "/v1" + path
