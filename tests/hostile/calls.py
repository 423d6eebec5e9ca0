"""Sending one hostile request, and judging the answer."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import httpx
from fastapi import FastAPI
from starlette.types import Message

from app.core.errors import PROBLEM_JSON
from tests.contract.contract import Operation, operations, resolve
from tests.hostile.values import CANARY
from tests.support import BASE, World, plain_client, token_for

SANE = frozenset(
    {200, 201, 202, 204, 304, 307, 308, 400, 403, 404, 405, 409, 410, 412, 413, 415, 422, 428}
)
"""What an authenticated caller with all scopes may be answered; never a 401, never a 5xx."""


@asynccontextmanager
async def caller(
    app: FastAPI, world: World, name: str = "UNICEF"
) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a token of all scopes, which is good for the test at least."""
    until, token = _tokens.get((app, name), (0.0, ""))
    if time.monotonic() > until:
        token = await token_for(app, name, world.secrets[name])
        _tokens[app, name] = (time.monotonic() + 60, token)
    async with plain_client(app) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


_tokens: dict[tuple[FastAPI, str], tuple[float, str]] = {}
"""What `caller` took, and until when it gives it again: a token costs as much as ten requests."""


def open_to_agencies(operation: Operation) -> bool:
    """Whether an agency's client may do it; the others are the partners' own."""
    scopes = [way["oauth2"][0] for way in operation.spec.get("security", ()) if "oauth2" in way]
    return not scopes or any(not scope.startswith("self:") for scope in scopes)


Known = dict[str, str]
"""Ids of stored records by the path of their collection."""


def path_of(operation: Operation, known: Known | None = None, **given: str) -> str:
    """The path with what is given in each place, else a known id, else one that nothing has."""
    path = operation.path
    for parameter in operation.spec.get("parameters", ()):
        if parameter["in"] == "path":
            place = f"{{{parameter['name']}}}"
            collection = operation.path.partition("/" + place)[0]
            stored = (known or {}).get(collection) or _example(parameter)
            path = path.replace(place, given.get(parameter["name"]) or stored)
    return path


async def store_examples(client: httpx.AsyncClient) -> Known:
    """Send the example of every creating operation; the ids of what could be stored."""
    known: Known = {}
    creating = [item for item in operations() if item.method == "post" and item.under_v1]
    for operation in sorted(creating, key=lambda item: item.path != "/v1/partners"):
        body = example_body(operation)
        if body is None or "{" in operation.path:
            continue
        partner = known.get("/v1/partners")
        if partner:
            body = re.sub(rb'("partner_id": )"[^"]*"', rb'\1"' + partner.encode() + b'"', body)
        answer = await client.post(operation.path, content=body, headers=headers_of(operation))
        identifiers = [value for key, value in answer.json().items() if key.endswith("id")]
        if answer.status_code == 201 and identifiers:
            known[operation.path] = answer.json().get("id") or identifiers[0]
    return known


def _example(parameter: dict[str, Any]) -> str:
    schema = resolve(parameter["schema"])
    if schema.get("format") == "uuid":
        return str(uuid4())
    if "enum" in schema:
        return str(schema["enum"][0])
    return str((schema.get("examples") or ["UNICEF"])[0])


def query_of(operation: Operation) -> str:
    """The required query parameters with plausible values."""
    parts = [
        f"{parameter['name']}={_example(parameter)}"
        for parameter in operation.spec.get("parameters", ())
        if parameter["in"] == "query" and parameter.get("required")
    ]
    return "?" + "&".join(parts) if parts else ""


def headers_of(operation: Operation) -> dict[str, str]:
    """The headers that the operation needs."""
    headers: dict[str, str] = {}
    for parameter in operation.spec.get("parameters", ()):
        if parameter["in"] != "header":
            continue
        if parameter["name"] == "Idempotency-Key":
            headers["Idempotency-Key"] = secrets.token_hex(16)
        elif parameter["name"] == "If-Match":
            headers["If-Match"] = '"v1"'
        elif parameter.get("required"):
            headers[parameter["name"]] = _example(parameter)
    if "requestBody" in operation.spec:
        headers["Content-Type"] = next(iter(operation.spec["requestBody"]["content"]))
    return headers


def raw_url(path: str) -> httpx.URL:
    """A URL whose path and query go over the wire exactly as written."""
    return httpx.URL(BASE).copy_with(raw_path=path.encode("utf-8", "surrogatepass"))


async def raw_request(
    app: FastAPI, method: str, target: str, headers: httpx.Headers
) -> httpx.Response:
    """A request whose target no client library would write; the scope is as a server makes it."""
    path, _, query = target.partition("?")
    raw = path.encode("utf-8", "surrogateescape")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": unquote(raw.decode("latin-1")), "raw_path": raw,
        "query_string": query.encode("utf-8", "surrogateescape"), "root_path": "",
        "headers": [(name.lower(), value) for name, value in headers.raw],
        "client": ("127.0.0.1", 50_000), "server": ("127.0.0.1", 8_000),
    }  # fmt: skip
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return httpx.Response(
        sent[0]["status"],
        headers=sent[0]["headers"],
        content=b"".join(message.get("body", b"") for message in sent[1:]),
        request=httpx.Request(method, BASE),
    )


def example_body(operation: Operation) -> bytes | None:
    """A valid JSON body, or None for an operation without."""
    content = operation.spec.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    example = content.get("example")
    if example is None:
        example = next(iter(content["examples"].values()))["value"]
    return json.dumps(example).encode()


def fault(answer: httpx.Response, *, sane: frozenset[int] = SANE) -> str | None:
    """What is wrong with an answer, or None."""
    if answer.status_code not in sane:
        return f"status {answer.status_code}: {answer.text[:200]}"
    if answer.status_code < 400:
        return None
    text = answer.content.decode("utf-8", "replace")
    if CANARY in text or CANARY in repr(answer.headers.raw):
        return f"repeats the input: {text[:300]}"
    if answer.request.method == "HEAD":
        return None
    if answer.headers.get("content-type") != PROBLEM_JSON:
        if answer.request.url.path == "/oauth/token" and "error" in answer.json():
            return None
        return f"not a problem document: {answer.headers.get('content-type')} {text[:100]}"
    body = answer.json()
    if not body.get("code") or body.get("status") != answer.status_code:
        return f"no code: {text[:200]}"
    return None
