"""The problem responses that an operation can give because of what it is, not of what it does."""

from __future__ import annotations

from typing import Any

from app.auth.errors import NotAuthenticated, PersonRequired, ScopeMissing
from app.auth.scopes import DECIDING
from app.core.errors import (
    PROBLEM_JSON,
    BodyTooLarge,
    Conflict,
    InvalidRequest,
    MalformedBody,
    ServiceError,
    Unavailable,
    UnsupportedMediaType,
    problems,
)
from app.core.http import PreconditionFailed, PreconditionRequired
from app.core.idempotency import (
    IdempotencyInProgress,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
)
from app.core.limits import AgencyBusy, RateLimited
from app.partners.errors import PartnerMerged

_WRITING = ("post", "put", "patch", "delete")
_FIELD_ERROR = [
    {"pointer": "/legal_name", "code": "missing", "message": "Field required"},
]

Operation = dict[str, Any]


def add_refusals(path: str, method: str, operation: Operation) -> None:
    """Merge the standard problems into what the route declares; drop FastAPI's own 422."""
    responses = operation["responses"]
    for status in [key for key, value in responses.items() if _is_fastapi_error(value)]:
        del responses[status]
    kinds = _under_v1(method, operation) if path.startswith("/v1/") else _outside_v1(path, method)
    if path.startswith("/v1/partners/{"):
        if method == "get":
            responses["308"] = {
                "description": "The profile was merged; `Location` is the same below the other"
            }
        else:
            kinds.append(PartnerMerged)
    for status, standard in problems(*kinds).items():
        _explain(standard, operation)
        present = responses.get(str(status))
        if present is None:
            responses[str(status)] = standard
        else:
            _merge(present, standard)
    operation["responses"] = dict(sorted(responses.items()))


def scopes(operation: Operation) -> list[str]:
    """The scopes an operation needs."""
    return [scope for way in operation.get("security", ()) for scope in way.get("oauth2", ())]


def _under_v1(method: str, operation: Operation) -> list[type[ServiceError]]:
    kinds: list[type[ServiceError]] = [
        NotAuthenticated, ScopeMissing, InvalidRequest, Unavailable, RateLimited, AgencyBusy,
    ]  # fmt: skip
    if not scopes(operation):  # needs no token
        kinds = [InvalidRequest, Unavailable, RateLimited]
    if DECIDING.intersection(scopes(operation)):
        kinds.append(PersonRequired)
    headers = {item["name"] for item in operation.get("parameters", ()) if item["in"] == "header"}
    if method in _WRITING:
        kinds += [BodyTooLarge, UnsupportedMediaType]
    if "requestBody" in operation:
        kinds.append(MalformedBody)
    if "Idempotency-Key" in headers:
        kinds += [IdempotencyKeyRequired, IdempotencyKeyReused, IdempotencyInProgress, Conflict]
    if "If-Match" in headers:
        kinds += [PreconditionRequired, PreconditionFailed, Conflict]
    return kinds


def _outside_v1(path: str, method: str) -> list[type[ServiceError]]:
    kinds: list[type[ServiceError]] = []
    if method in _WRITING:
        kinds += [InvalidRequest, BodyTooLarge, UnsupportedMediaType]
    if path.startswith("/oauth/"):
        kinds.append(Unavailable)
    return kinds


def _is_fastapi_error(response: dict[str, Any]) -> bool:
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    return str(schema.get("$ref", "")).endswith("/HTTPValidationError")


def _explain(standard: dict[str, Any], operation: Operation) -> None:
    """Complete the examples: a refusal names the scope, an invalid request its fields."""
    examples = standard["content"][PROBLEM_JSON]["examples"]
    if ScopeMissing.code in examples and (needed := scopes(operation)):
        examples[ScopeMissing.code]["value"]["detail"] = f"Needs scope {needed[0]}."
        standard["description"] += f" Needs `{needed[0]}`."
    if InvalidRequest.code in examples:
        examples[InvalidRequest.code]["value"]["errors"] = _FIELD_ERROR


def _merge(present: dict[str, Any], standard: dict[str, Any]) -> None:
    content = present.setdefault("content", {})
    ours = standard["content"][PROBLEM_JSON]
    theirs = content.setdefault(PROBLEM_JSON, {"schema": ours["schema"]})
    if "example" in theirs:
        theirs["examples"] = {"declared": {"value": theirs.pop("example")}}
    known = theirs.setdefault("examples", {})
    added = {code: value for code, value in ours["examples"].items() if code not in known}
    known |= added
    if added:
        present["description"] = f"{present['description']} {standard['description']}".strip()
