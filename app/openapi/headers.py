"""Response headers, documented where they occur."""

from __future__ import annotations

from typing import Any

Header = dict[str, Any]


def _header(description: str, example: str | int, kind: str = "string") -> Header:
    return {"description": description, "schema": {"type": kind}, "example": example}


COMPONENTS: dict[str, Header] = {
    "Cache-Control": _header("how the answer may be kept", "private, no-cache"),
    "ETag": _header("tag of this version, for If-Match and If-None-Match", '"v1"'),
    "Idempotency-Replayed": _header("`true` on the stored answer of an earlier request", "true"),
    "Link": _header(
        'the next page, `rel="next"`; absent on the last',
        '</v1/partners?limit=50&cursor=Zm9sbG93>; rel="next"',
    ),
    "Location": _header(
        "path of what was made", "/v1/partners/0198e2a4-7c1e-7b52-9d3a-2f6c1a5b8e90"
    ),
    "RateLimit": _header(
        "requests left to this client now, seconds until all are back", '"client";r=9999;t=1'
    ),
    "RateLimit-Policy": _header(
        "requests at once and seconds in which they come back", '"client";q=10000;w=2'
    ),
    "Retry-After": _header("seconds to wait before trying again", 1, "integer"),
    "WWW-Authenticate": _header("what is missing (RFC 6750)", 'Bearer error="invalid_token"'),
    "X-Request-Id": _header("id of this request, also in `instance` of a problem", "req-20260301"),
}


def document_headers(
    path: str,
    method: str,
    operation: dict[str, Any],
    schemas: dict[str, Any],
    readable: set[str],
) -> None:
    """Name the headers of every response of an operation; ``readable`` are the paths with a GET."""
    takes_key = any(item["name"] == "Idempotency-Key" for item in operation.get("parameters", ()))
    conditional = "304" in operation["responses"]
    for status, response in operation["responses"].items():
        names = {"X-Request-Id"}
        if status == "304":
            names |= {"ETag"}
        if status in ("409", "429", "503"):
            names.add("Retry-After")
        if path.startswith("/v1/") and status not in ("401", "413", "415"):
            names |= {"RateLimit", "RateLimit-Policy"}
        if status in ("401", "403") and path.startswith("/v1/"):
            names.add("WWW-Authenticate")
        if status.startswith("2"):
            names |= _of_success(path, status, response, schemas, readable)
            names |= {"ETag"} if conditional else set()
            names |= {"Idempotency-Replayed"} if takes_key and method == "post" else set()
        documented = response.setdefault("headers", {})
        for name in sorted(names):
            documented.setdefault(name, {"$ref": f"#/components/headers/{name}"})


def _of_success(
    path: str,
    status: str,
    response: dict[str, Any],
    schemas: dict[str, Any],
    readable: set[str],
) -> set[str]:
    names = {"Cache-Control"} if path.startswith(("/v1/", "/oauth/", "/.well-known/")) else set()
    fields = _fields(response, schemas)
    if fields.get("version", {}).get("type") == "integer":
        names.add("ETag")
    if "next_cursor" in fields:
        names.add("Link")
    if status == "201" and any(other.startswith(f"{path}/{{") for other in readable):
        names.add("Location")
    return names


def _fields(response: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rsplit("/", 1)[1]]
    fields: dict[str, Any] = schema.get("properties", {})
    return fields
