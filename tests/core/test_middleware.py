"""The edge: request id, body rules, headers on every answer, one log line without contents."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from structlog.testing import capture_logs

from app.core.db import Database
from app.core.middleware import Edge
from app.core.settings import Settings
from app.main import create_app
from tests.conftest import ApiFor
from tests.hostile.calls import raw_request
from tests.partners.factories import partner_body
from tests.support import plain_client

_SECURITY = (
    "x-content-type-options", "x-frame-options", "x-request-id",
    "content-security-policy", "cross-origin-resource-policy",
)  # fmt: skip


@pytest.fixture
def broken(settings: Settings) -> FastAPI:
    """An application with a route that fails in a way nobody foresaw."""
    app = create_app(settings)

    async def fail(request: Request) -> Response:
        raise RuntimeError("canary-7f3a in the message")

    app.add_route("/v1/broken", fail, methods=["GET", "POST"])
    return app


async def test_a_given_request_id_is_taken_and_a_bad_one_replaced(app: FastAPI) -> None:
    async with plain_client(app) as client:
        given = await client.get("/livez", headers={"X-Request-Id": "caller.request-0001"})
        assert given.headers["x-request-id"] == "caller.request-0001"
        for bad in ("short", "x" * 65, "spaces in it", "semi;colon", "a\r\nb1234567", ""):
            answer = await client.get("/livez", headers={"X-Request-Id": bad})
            assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"]), bad
        first, second = [(await client.get("/livez")).headers["x-request-id"] for _ in range(2)]
        assert first != second


async def test_a_problem_names_its_request(app: FastAPI) -> None:
    async with plain_client(app) as client:
        answer = await client.get("/v1/partners", headers={"X-Request-Id": "to-be-quoted-1"})
    assert answer.json()["instance"] == "urn:request:to-be-quoted-1"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/livez"), ("GET", "/nowhere"), ("DELETE", "/livez"), ("GET", "/v1/partners"),
     ("POST", "/v1/partners"), ("GET", "/docs"), ("GET", "/metrics"), ("GET", "/v1/broken")],
)  # fmt: skip
async def test_every_answer_has_its_security_headers(
    method: str, path: str, broken: FastAPI
) -> None:
    async with plain_client(broken) as client:
        answer = await client.request(method, path)
    assert [name for name in _SECURITY if name not in answer.headers] == [], answer.status_code
    assert "server" not in answer.headers
    if path.startswith("/v1"):
        assert "no-" in answer.headers["cache-control"]


async def test_the_policy_of_an_answer_allows_nothing_and_of_the_page_its_own(
    app: FastAPI,
) -> None:
    strict = "default-src 'none'; frame-ancestors 'none'"
    async with plain_client(app) as client:
        for path in ("/v1/partners", "/livez", "/nowhere", "/oauth/jwks"):
            assert (await client.get(path)).headers["content-security-policy"] == strict
        page = await client.get("/docs")
    assert page.headers.get_list("content-security-policy") == [
        page.headers["content-security-policy"]
    ]
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"


async def test_only_production_promises_https_for_ever() -> None:
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await Response("x")(scope, receive, send)

    for hsts in (True, False):
        transport = httpx.ASGITransport(app=Edge(inner, body_limit=10, hsts=hsts))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            answer = await client.get("/v1/x")
        assert ("strict-transport-security" in answer.headers) is hsts
        if hsts:
            assert answer.headers["strict-transport-security"].startswith("max-age=63072000")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        ("POST", "/v1/partners", {"Content-Type": "text/plain"}, 415, "unsupported_media_type"),
        ("POST", "/v1/partners", {"Content-Length": "9" * 20}, 413, "body_too_large"),
        ("TRACE", "/v1/partners", {}, 405, "method_not_allowed"),
        ("TRACE", "/nowhere", {}, 405, "method_not_allowed"),
        ("CONNECT", "/v1/partners", {}, 405, "method_not_allowed"),
        ("GET", "/v1/partners", {"X-On-Behalf-Of": "a,b"}, 400, "malformed_head"),
        (
            "POST",
            "/v1/partners",
            {"Content-Length": "1", "Transfer-Encoding": "chunked"},
            400,
            "malformed_head",
        ),
    ],
)
async def test_a_refusal_of_the_edge_names_its_request(
    method: str, path: str, headers: dict[str, str], status: int, code: str, app: FastAPI
) -> None:
    answer = await raw_request(app, method, path, httpx.Headers(headers))
    assert answer.status_code == status
    assert answer.json()["code"] == code
    assert answer.json()["instance"] == f"urn:request:{answer.headers['x-request-id']}"
    assert [name for name in _SECURITY if name not in answer.headers] == []
    assert ("connection" in answer.headers) is (code == "malformed_head")


@pytest.mark.parametrize(
    "target", ["http://evil.example/v1/partners", "evil.example:443", "*", "v1/partners", ""]
)
async def test_a_target_is_a_path(target: str, app: FastAPI) -> None:
    answer = await raw_request(app, "GET", target, httpx.Headers())
    assert answer.status_code == 400
    assert answer.json()["code"] == "malformed_head"
    assert "evil" not in answer.text


@pytest.fixture
def telling(settings: Settings) -> FastAPI:
    """An application with a route that tells what the edge took as the claimed user."""
    app = create_app(settings)

    async def tell(request: Request) -> Response:
        return Response(json.dumps(request.scope.get("claimed_user")))

    app.add_route("/v1/tell", tell)
    return app


async def test_who_a_client_acts_for_is_kept_as_it_is_claimed(telling: FastAPI) -> None:
    good = (
        "u-4711", 'u-4711; role="Programme officer"', 'a@b.example;role="x"', "x" * 80,
        "x" * 60 + '; role="' + "y" * 59 + '"',
    )  # fmt: skip
    bad = (
        "", " ", "two words", "u;", "u; rank=1", "u; role=officer", 'u; role=""', 'u; role="a"b"',
        'u; role="a"; x="b"', "u,v", "x" * 81, "x" * 61 + '; role="' + "y" * 64 + '"', "é", "a\x01",
        'u; role="\x7f"', 'u;  role="a"', "u; role='a'", 'u; role="a\\"',
    )  # fmt: skip
    async with plain_client(telling) as client:
        assert (await client.get("/v1/tell")).json() is None
        for value in good:
            answer = await client.get("/v1/tell", headers={"X-On-Behalf-Of": value})
            assert answer.json() == value
        for value in bad:
            answer = await client.get("/v1/tell", headers=[(b"X-On-Behalf-Of", value.encode())])
            assert answer.status_code == 400, value
            assert answer.json()["code"] == "malformed_head"
        twice = [("X-On-Behalf-Of", "a"), ("X-On-Behalf-Of", "b")]
        assert (await client.get("/v1/tell", headers=twice)).status_code == 400


async def test_a_claimed_user_reaches_the_log_and_decides_nothing(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    claim = f'{secrets.token_hex(8)}; role="UNHCR"'
    made = await unicef.post("/v1/partners", json=partner_body(), headers={"X-On-Behalf-Of": claim})
    assert made.status_code == 201, made.text
    async with operator_database.connection() as connection:
        events = await connection.fetch(
            "SELECT client_id FROM audit_events WHERE claimed_user = $1", claim
        )
    assert [event["client_id"] for event in events] == ["UNICEF"]


async def test_a_peer_that_left_is_no_failure(settings: Settings) -> None:
    app = create_app(settings)

    async def read(request: Request) -> Response:
        await request.body()
        raise AssertionError("not reached")

    app.add_route("/v1/read", read, methods=["POST"])

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        raise AssertionError(message)

    scope = {
        "type": "http", "method": "POST", "path": "/v1/read", "query_string": b"",
        "headers": [(b"content-type", b"application/json")], "root_path": "",
    }  # fmt: skip
    with capture_logs() as logs:
        await app(scope, receive, send)
    assert [(line["event"], line["status"]) for line in logs] == [("request", 499)]


async def test_an_unforeseen_failure_is_a_bare_500(broken: FastAPI) -> None:
    with capture_logs() as logs:
        async with plain_client(broken) as client:
            answer = await client.get("/v1/broken", headers={"X-Request-Id": "request-of-500"})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "internal_error"
    assert answer.json()["instance"] == "urn:request:request-of-500"
    assert "canary" not in answer.text
    assert "RuntimeError" not in answer.text
    lines = [line for line in logs if line["event"] == "request"]
    assert [line["status"] for line in lines] == [500]


async def test_a_request_is_one_log_line_with_codes_and_no_contents(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    canary = f"Finch{secrets.token_hex(6)}"
    with capture_logs() as logs:
        made = await unicef.post("/v1/partners", json=partner_body(legal_name=canary))
        await unicef.get(f"/v1/partners/{made.json()['id']}")
        await unicef.get("/v1/partners/resolve", params={"scheme": "UNGM", "value": canary})
        await unicef.post("/v1/partners", json={"legal_name": canary, canary: canary})
        await unicef.get(f"/v1/{canary}")
    text = json.dumps(logs, default=str)
    assert canary not in text
    assert made.json()["id"] not in text
    # A token that has run out meanwhile is fetched anew.
    requests = [line for line in logs if line["event"] == "request"]
    lines = [line for line in requests if line["route"] != "/oauth/token"]
    assert [line["status"] for line in lines] == [201, 200, 422, 422, 404]
    assert lines[0]["agency"] == lines[0]["client"] == "UNICEF"
    assert lines[0]["route"] == "/v1/partners"
    assert lines[1]["route"] == "/v1/partners/{partner_id}"
    assert lines[3]["problem"] == "invalid_request"
    assert lines[4]["route"] == "unmatched"
    assert all(line["ms"] >= 0 and line["request_id"] for line in lines)


async def test_a_refused_token_leaves_no_token_in_the_log(app: FastAPI) -> None:
    with capture_logs() as logs:
        async with plain_client(app) as client:
            await client.get("/v1/partners", headers={"Authorization": "Bearer secret.to.ken"})
            await client.post(
                "/oauth/token", data={"grant_type": "client_credentials"}, auth=("U", "hidden-word")
            )
    assert "secret.to.ken" not in json.dumps(logs)
    assert "hidden-word" not in json.dumps(logs)
    assert len([line for line in logs if line["event"] == "request"]) == 2


async def test_probes_are_measured_but_not_logged(app: FastAPI) -> None:
    with capture_logs() as logs:
        async with plain_client(app) as client:
            for path in ("/livez", "/readyz", "/metrics"):
                assert (await client.get(path)).status_code == 200
            text = (await client.get("/metrics")).text
    assert logs == []
    assert 'route="/livez"' in text
    assert "http_request_duration_seconds_bucket" in text


async def _post(app: FastAPI, size: int, *, claim: str | None, chunk: int) -> httpx.Response:
    body = b"x" * size

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, size, chunk):
            yield body[start : start + chunk]

    headers = {"Content-Type": "application/json"}
    if claim is not None:
        headers["Content-Length"] = claim
    async with plain_client(app) as client:
        return await client.post("/v1/partners/match", content=chunks(), headers=headers)


async def test_real_bytes_are_counted_to_the_byte(settings: Settings, api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    limit = settings.body_limit_bytes
    for size, status in ((limit, 422), (limit + 1, 413)):
        body = b'{"legal_name": "' + b"x" * (size - 18) + b'"}'
        assert len(body) == size
        headers = {"Content-Type": "application/json"}
        answer = await unicef.post("/v1/partners/match", content=body, headers=headers)
        assert answer.status_code == status


async def test_a_large_body_is_refused_before_and_while_it_is_read(app: FastAPI) -> None:
    for claim in (None, "5", "99999999", "0"):
        answer = await _post(app, 400_000, claim=claim, chunk=1_000)
        assert answer.status_code in (401, 413), claim
    claimed = await _post(app, 10, claim="99999999999999999999", chunk=10)
    assert claimed.status_code == 413, "the claim alone is enough"


async def test_what_is_no_http_passes_through() -> None:
    seen: list[Any] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    await Edge(inner, body_limit=10)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]  # it never gets to either
    assert seen == ["lifespan"]
