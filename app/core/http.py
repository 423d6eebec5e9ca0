"""Conventions of every route: strict JSON, entity tags, conditional requests."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, ClassVar, Never

from fastapi import Header, Request, Response
from fastapi.routing import APIRoute

from app.core.errors import FieldError, InvalidRequest, ServiceError, UnsupportedMediaType

OFFERED = "ndjson_offered"
"""In the scope, set by the edge: the body says it is a stream of lines."""
UPLOAD = "upload_offered"
"""In the scope, set by the edge: the body says it is a file."""
MAX_UPLOAD = 26_214_400
STREAMED = "ndjson_streamed"
"""In the scope, set by the route that takes such a body: its sender owes a rate, no deadline."""
LEAN = "lean_head"
"""In the scope, set by an operation whose answers must be small and are for programs alone: what
means something to browsers only, or is said by all other answers, is left out of their head."""
_MAX_DEPTH = 32
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.S)


class PreconditionRequired(ServiceError):
    status = 428
    code = "precondition_required"
    title = "Send If-Match with the ETag you read."


class PreconditionFailed(ServiceError):
    status = 412
    code = "precondition_failed"
    title = "The resource has changed since you read it."


def _malformed(reason: str) -> Never:
    raise json.JSONDecodeError(reason, "", 0)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        _malformed("duplicate key")
    return result


def parse_json(body: bytes) -> Any:
    """Parse a JSON body strictly.

    Raises json.JSONDecodeError for anything but UTF-8 without byte-order mark, for duplicate
    keys, NaN, infinities, numbers too long to read, and nesting deeper than 32.
    """
    # Counting brackets is cheap; only a body with many of them is looked at closely.
    if body.count(b"[") + body.count(b"{") > _MAX_DEPTH:
        depth = 0
        for byte in _STRING.sub(b"", body):
            depth += (byte in b"[{") - (byte in b"]}")
            if depth > _MAX_DEPTH:
                _malformed("too deep")
    try:
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_no_duplicates,
            parse_constant=lambda _: _malformed("not a number"),
            parse_float=_finite,
        )
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError):
        _malformed("unreadable")


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        _malformed("number out of range")
    return value


class StrictRequest(Request):
    """A request whose JSON is parsed by `parse_json`."""

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = parse_json(await self.body())
        return self._json


Handler = Callable[[Request], Coroutine[Any, Any, Response]]
AfterResponse = Callable[[Request, Response], Coroutine[Any, Any, None]]


class RegistryRoute(APIRoute):
    """Route of every feature: strict JSON in, and a hook that runs before the edge commit.

    A dependency may put a coroutine function at ``request.scope["before_commit"]``; it is called
    with the finished response while the request's transaction is still open.
    """

    ndjson: ClassVar[bool] = False
    """Whether the body is a stream of lines (core/ndjson.py) and not one JSON document."""
    upload: ClassVar[bool] = False
    """Whether the body is a file (core/blobs) of at most `MAX_UPLOAD` bytes."""

    def get_route_handler(self) -> Handler:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            offered = (OFFERED in request.scope, UPLOAD in request.scope)
            if offered != (self.ndjson, self.upload):
                raise UnsupportedMediaType
            if self.ndjson or self.upload:
                request.scope[STREAMED] = True
            request = StrictRequest(request.scope, request.receive)
            response = await inner(request)
            hook: AfterResponse | None = request.scope.get("before_commit")
            if hook is not None:
                await hook(request, response)
            return response

        return handle


class UploadRoute(RegistryRoute):
    """Takes a file as ``application/octet-stream`` and nothing else."""

    upload: ClassVar[bool] = True


def version_etag(version: int) -> str:
    """ETag of a body fully determined by its version."""
    return f'"v{version}"'


def bytes_etag(body: bytes) -> str:
    """Strong ETag over the exact bytes of a body: 96 bits of its digest."""
    return f'"{base64.urlsafe_b64encode(hashlib.sha256(body).digest()[:12]).decode()}"'


def repr_digest(body: bytes) -> str:
    """Value of ``Repr-Digest`` (RFC 9530) for a body that goes out as it is."""
    return digest_field(hashlib.sha256(body).digest())


def digest_field(sha256: bytes) -> str:
    """The same for a digest that is known."""
    return f"sha-256=:{base64.b64encode(sha256).decode()}:"


def not_modified(request: Request, etag: str) -> Response | None:
    """A 304 when If-None-Match names ``etag`` (or ``*``), else None."""
    given = request.headers.get("if-none-match")
    if given is None:
        return None
    tags = {tag.strip().removeprefix("W/") for tag in given.split(",")}
    if etag in tags or "*" in tags:
        return Response(status_code=304, headers={"ETag": etag})
    return None


def takes_gzip(request: Request) -> bool:
    """Whether the caller asks for gzip by name; what it would put up with is not asked."""
    for item in request.headers.get("accept-encoding", "").split(","):
        name, _, weight = item.partition(";")
        if name.strip().lower() == "gzip":
            return not _NO_WEIGHT.match(weight.strip())
    return False


_NO_WEIGHT = re.compile(r"\Aq=0(\.0*)?\Z")
_VERSION_TAG = re.compile(r'\A"v([0-9]{1,9})"\Z')


async def expected_version(
    if_match: Annotated[
        str | None,
        Header(description='ETag of the version you read, `"v<version>"`', max_length=64),
    ] = None,
) -> int:
    """Dependency: the version a writer says it read. Raises PreconditionRequired or -Failed."""
    if if_match is None:
        raise PreconditionRequired
    found = _VERSION_TAG.match(if_match)
    if found is None:
        raise PreconditionFailed
    return int(found.group(1))


async def refuse_unknown_query(request: Request) -> None:
    """Dependency: a query parameter the operation does not declare is a 422, not a silent no-op."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    known = _query_names(route)
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        raise InvalidRequest(
            errors=[
                FieldError(
                    pointer="query:",
                    code="unknown_parameter",
                    message="A query parameter is unknown",
                )
            ]
        )


_KNOWN: dict[int, frozenset[str]] = {}


def _query_names(route: APIRoute) -> frozenset[str]:
    names = _KNOWN.get(id(route))
    if names is None:
        found: set[str] = set()
        pending = [route.dependant]
        while pending:
            dependant = pending.pop()
            pending.extend(dependant.dependencies)
            for field in dependant.query_params:
                model = getattr(field.field_info, "annotation", None)
                fields = getattr(model, "model_fields", None)
                named = {info.alias or name for name, info in fields.items()} if fields else None
                found.update(named or [field.alias])
        names = _KNOWN[id(route)] = frozenset(found)
    return names
