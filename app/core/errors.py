"""Errors as RFC 9457 problem documents.

A feature raises a ServiceError subclass; the table here turns it, validation errors, database
errors and everything unknown into ``application/problem+json``. Nothing a caller sent, no SQL
and no constraint name ever comes back.
"""

from __future__ import annotations

import random
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, ClassVar

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from pydantic_core import to_json
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException as FrameworkRefusal  # noqa: TID251 - to map it

log = structlog.get_logger()
PROBLEM_JSON = "application/problem+json"
URN = "urn:partner-registry:problem:"


class FieldError(BaseModel):
    """One thing wrong with the request."""

    pointer: str = Field(description="JSON pointer into the body, or `query:`/`header:` and a name")
    code: str
    message: str


class Problem(BaseModel):
    """RFC 9457 problem document. `type` and `code` are stable; texts may change."""

    type: str
    title: str
    status: int
    code: str
    detail: str | None = None
    instance: str | None = Field(None, description="request id, to quote when asking for help")
    errors: list[FieldError] | None = None


class ServiceError(Exception):
    """A refusal the caller can understand. Subclasses are facts, such as PartnerNotFound."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"
    title: ClassVar[str] = "The request cannot be carried out."
    refusal: ClassVar[bool] = False
    """Whether somebody was kept from something: the log then has an event of its own."""

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: Iterable[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})


class NotFound(ServiceError):
    """Absent, or not readable by the caller: the two look the same on purpose."""

    status = 404
    code = "not_found"
    title = "There is no such resource."


class InvalidRequest(ServiceError):
    status = 422
    code = "invalid_request"
    title = "The request is not valid."


class MalformedBody(ServiceError):
    status = 400
    code = "malformed_json"
    title = "The body is not the JSON this interface accepts."


class MalformedHead(ServiceError):
    status = 400
    code = "malformed_head"
    title = "The request line or a header is not one this interface accepts."


class HeadTooLarge(ServiceError):
    status = 431
    code = "head_too_large"
    title = "The headers are larger than 16 kB."


class MethodNotAllowed(ServiceError):
    status = 405
    code = "method_not_allowed"
    title = "This resource does not take this method."


class UnsupportedMediaType(ServiceError):
    status = 415
    code = "unsupported_media_type"
    title = "Send application/json in UTF-8 without Content-Encoding."


class BodyTooLarge(ServiceError):
    status = 413
    code = "body_too_large"
    title = "The body is larger than this route accepts."


class Unavailable(ServiceError):
    status = 503
    code = "unavailable"
    title = "The service cannot answer just now; try again."


class Conflict(ServiceError):
    status = 409
    code = "conflict"
    title = "The request conflicts with the present state."


def problem_response(
    request: Request | None,
    status: int,
    code: str,
    title: str,
    *,
    detail: str | None = None,
    errors: list[FieldError] | None = None,
    headers: Mapping[str, str] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Response:
    """A problem document; ``instance`` is the request id when the edge gave one."""
    instance = request.scope.get("request_id") if request is not None else None
    body = Problem(
        type=URN + code.replace("_", "-"),
        title=title,
        status=status,
        code=code,
        detail=detail,
        instance=f"urn:request:{instance}" if instance else None,
        errors=errors or None,
    ).model_dump(exclude_none=True)
    if request is not None:
        request.scope["problem_code"] = code
    return Response(
        to_json(body | dict(extra or {})),
        status_code=status,
        media_type=PROBLEM_JSON,
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def problems(*kinds: type[ServiceError]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI ``responses`` for the errors an operation can raise, grouped by status."""
    grouped: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        entry = grouped.setdefault(
            kind.status,
            {
                "description": "",
                "content": {
                    PROBLEM_JSON: {
                        "schema": {"$ref": "#/components/schemas/Problem"},
                        "examples": {},
                    }
                },
            },
        )
        entry["description"] = (entry["description"] + f" `{kind.code}`: {kind.title}").strip()
        entry["content"][PROBLEM_JSON]["examples"][kind.code] = {
            "value": {
                "type": URN + kind.code.replace("_", "-"),
                "title": kind.title,
                "status": kind.status,
                "code": kind.code,
            }
        }
    return grouped


def violated_constraint(error: BaseException) -> str | None:
    """Name of the constraint a database error speaks of, through SQLAlchemy's wrapping or not."""
    cause: BaseException | None = error
    while cause is not None:
        name = getattr(cause, "constraint_name", None)
        if name:
            return str(name)
        cause = getattr(cause, "orig", None) or cause.__cause__
    return None


def sqlstate(error: BaseException) -> str | None:
    """SQLSTATE of a database error, or None."""
    cause: BaseException | None = error
    while cause is not None:
        state = getattr(cause, "sqlstate", None)
        if state:
            return str(state)
        cause = getattr(cause, "orig", None) or cause.__cause__
    return None


def _pointer(loc: tuple[int | str, ...]) -> str:
    where, rest = (loc[0], loc[1:]) if loc else ("body", ())
    if where == "body":
        return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in rest)
    return f"{where}:" + ".".join(str(part) for part in rest)


_CODE = re.compile(r"[^a-z0-9]+")


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    raw = error.errors()
    if any(item["type"] == "json_invalid" for item in raw):
        return problem_response(request, 400, MalformedBody.code, MalformedBody.title)
    errors = []
    for item in raw[:50]:
        # A location may repeat what was sent (an unknown key); keep the known part only.
        loc = (
            item["loc"][:-1]
            if item["type"] == "extra_forbidden" and item["loc"][0] == "body"
            else item["loc"]
        )
        message = str(item["msg"]).removeprefix("Value error, ")
        # Messages of a discriminator repeat the tag that was sent.
        if item["type"] in ("union_tag_invalid", "literal_error", "enum"):
            message = "Input is not one of the allowed values"
        errors.append(
            FieldError(
                pointer=_safe(_pointer(tuple(loc))),
                code=_CODE.sub("_", item["type"]),
                message=message,
            )
        )
    return problem_response(request, 422, InvalidRequest.code, InvalidRequest.title, errors=errors)


def _safe(text: str) -> str:
    return text.encode("utf-8", "replace").decode()[:200]


RefusalHook = Callable[[Request, int, str], Awaitable[None]]
"""What is told of a refusal: the request, status and code. Never raises."""


async def refused(request: Request, status: int, code: str) -> None:
    """Tell the hook of the application (``app.state.refusal_hook``), if there is one.

    Called when the request's own transaction has been rolled back.
    """
    hook: RefusalHook | None = getattr(request.app.state, "refusal_hook", None)
    if hook is not None:
        await hook(request, status, code)


async def _service(request: Request, error: Exception) -> Response:
    assert isinstance(error, ServiceError)
    if error.refusal:
        await refused(request, error.status, error.code)
    return problem_response(
        request,
        error.status,
        error.code,
        error.title,
        detail=error.detail,
        errors=error.errors,
        headers=error.headers,
        extra=error.extra,
    )


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, FrameworkRefusal)
    known = {
        400: (MalformedBody.code, MalformedBody.title),
        404: (NotFound.code, NotFound.title),
        405: (MethodNotAllowed.code, MethodNotAllowed.title),
        413: (BodyTooLarge.code, BodyTooLarge.title),
    }
    code, title = known.get(error.status_code, ("http_error", "The request was refused."))
    return problem_response(request, error.status_code, code, title, headers=error.headers)


_BY_CLASS: dict[str, tuple[int, str, str]] = {
    "22": (422, InvalidRequest.code, InvalidRequest.title),
    "53": (503, Unavailable.code, Unavailable.title),
    "08": (503, Unavailable.code, Unavailable.title),
}
_BY_STATE: dict[str, tuple[int, str, str]] = {
    "23505": (409, Conflict.code, Conflict.title),
    "23P01": (409, Conflict.code, Conflict.title),
    "23503": (409, Conflict.code, Conflict.title),
    "23514": (422, InvalidRequest.code, InvalidRequest.title),
    "42501": (404, NotFound.code, NotFound.title),
    "40001": (409, "serialization_conflict", "Another write came first; try again."),
    "40P01": (409, "serialization_conflict", "Another write came first; try again."),
    "55P03": (503, Unavailable.code, Unavailable.title),
    "57014": (503, Unavailable.code, Unavailable.title),
    "57P01": (503, Unavailable.code, Unavailable.title),
    "57P02": (503, Unavailable.code, Unavailable.title),
    "57P03": (503, Unavailable.code, Unavailable.title),
}


async def _database(request: Request, error: Exception) -> Response:
    """One mapping by SQLSTATE (security.md 7.2); an unknown state is our own fault: 500."""
    state = sqlstate(error)
    lost = isinstance(
        error,
        PoolTimeout
        | OSError
        | asyncpg.InterfaceError
        | asyncpg.InternalClientError
        | InterfaceError,
    )
    invalidated = isinstance(error, DBAPIError) and error.connection_invalidated
    found = _BY_STATE.get(state or "") or _BY_CLASS.get((state or "")[:2])
    if found is None and (lost or invalidated):
        found = _BY_CLASS["08"]
    if found is None:
        return await unhandled(request, error)
    status, code, title = found
    if state == "42501":
        await refused(request, status, code)
    log.warning("database_error", sqlstate=state, kind=type(error).__name__, status=status)
    retry = {"Retry-After": str(1 + random.randrange(3))} if status in (409, 503) else {}  # noqa: S311 - jitter
    return problem_response(request, status, code, title, headers=retry)


async def unhandled(request: Request, error: Exception) -> Response:
    """The answer to a failure nobody foresaw: a bare 500; what it was goes to the log only."""
    log.error("unhandled_error", kind=type(error).__name__, exc_info=error)
    return problem_response(
        request, 500, "internal_error", "The service failed; nothing was stored."
    )


def install_handlers(app: FastAPI) -> None:
    """Register the one mapping from exceptions to problem documents."""
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(ServiceError, _service)
    app.add_exception_handler(FrameworkRefusal, _http)
    for kind in (
        DBAPIError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        PoolTimeout,
        OSError,
    ):
        app.add_exception_handler(kind, _database)
    app.add_exception_handler(Exception, unhandled)


async def error_response(request: Request, error: Exception) -> Response:
    """The answer that the application's handlers give, for who stands before their layer."""
    handlers: Mapping[Any, Callable[..., Any]] = request.app.exception_handlers
    handle = next(handlers[kind] for kind in type(error).__mro__ if kind in handlers)
    response: Response = await handle(request, error)
    return response
