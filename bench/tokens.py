"""Tokens a second by both methods, and what authorization costs a request.

Run as ``python -m bench.tokens FOLDER``; takes less than a minute and prints one JSON line.
The application runs in this process behind its ASGI interface: no sockets, so the figures are the
work of the service itself and a floor for what a server adds. The parts are measured alone.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import structlog
from fastapi import FastAPI

from app.auth import clients as auth
from app.auth import jose
from app.auth.caller import TokenVerifier
from app.auth.service import ASSERTION_TYPE
from app.core.certificates import check_certificate
from app.core.db import Database
from app.core.limits import Limits, Rate, release
from app.main import create_app
from bench.stand import Stand, build

SECONDS = 5.0
ROUNDS = 20_000


def main() -> None:
    """Build a small database in the folder and measure."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    stand = build(Path(sys.argv[1]), 100)
    try:
        print(json.dumps(asyncio.run(_measure(stand)), indent=2))
    finally:
        stand.server.stop("fast")


async def _measure(stand: Stand) -> dict[str, Any]:
    limits = {"token_rps": 1_000_000, "token_burst": 1_000_000, "rate_limit_rps": 1_000_000}
    app = create_app(stand.settings.model_copy(update=limits))
    key = jose.load_signing_key(jose.generate_key())
    await _signer(stand, key)
    async with app.router.lifespan_context(app):
        secret = await _rate(lambda: _token(app, _basic(stand), b""))
        bodies = iter([_assertion(key, stand.settings.issuer) for _ in range(10_000)])
        signed = await _rate(lambda: _token(app, [], next(bodies)))
        _, token = await _token(app, _basic(stand), b"")
        bearer = [(b"authorization", b"Bearer " + token.encode())]
        plain = await _rate(lambda: _get(app, "/livez", []))
        listed = await _rate(lambda: _get(app, "/v1/agencies", bearer))
        return {
            "tokens_per_second": {"client_secret_basic": secret, "private_key_jwt": signed},
            "requests_per_second": {"livez_without_token": plain, "agencies_with_token": listed},
            "authorization_us": await _parts(app, token),
        }


async def _signer(stand: Stand, key: jose.SigningKey) -> None:
    database = Database(stand.settings.require("database_migration_url"), stand.settings)
    async with database.connection() as connection:
        agency = await connection.fetchval("SELECT agency_id FROM clients WHERE id = 'WFP'")
    async with database.session() as session:
        await auth.create_client(
            session,
            auth.NewClient(
                "SIGNER", "bench", ("partners:read",), agency, jwks={"keys": [jose.public_jwk(key)]}
            ),
        )
    await database.close()


def _basic(stand: Stand) -> list[tuple[bytes, bytes]]:
    pair = base64.b64encode(f"WFP:{stand.secret}".encode())
    return [(b"authorization", b"Basic " + pair)]


def _assertion(key: jose.SigningKey, issuer: str) -> bytes:
    now = int(time.time())
    claims = {
        "iss": "SIGNER", "sub": "SIGNER", "aud": issuer, "iat": now, "exp": now + 60,
        "jti": secrets.token_urlsafe(12),
    }  # fmt: skip
    signed = jose.sign(json.dumps(claims).encode(), key, "client-authentication+jwt")
    return urlencode({"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}).encode()


Headers = list[tuple[bytes, bytes]]


async def _call(
    app: FastAPI, method: str, path: str, headers: Headers, body: bytes
) -> tuple[int, bytes]:
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
        "root_path": "", "headers": headers, "client": ("127.0.0.1", 1), "server": ("x", 1),
    }  # fmt: skip
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


async def _token(app: FastAPI, headers: Headers, body: bytes) -> tuple[int, str]:
    form = b"grant_type=client_credentials" + (b"&" + body if body else b"")
    kind = [(b"content-type", b"application/x-www-form-urlencoded")]
    status, answer = await _call(app, "POST", "/oauth/token", kind + headers, form)
    assert status == 200, answer
    return status, json.loads(answer)["access_token"]


async def _get(app: FastAPI, path: str, headers: Headers) -> None:
    status, answer = await _call(app, "GET", path, headers, b"")
    assert status == 200, answer


async def _rate(call: Callable[[], Awaitable[Any]], at_once: int = 8) -> float:
    """Calls a second with some at once."""
    for _ in range(20):
        await call()
    started = time.perf_counter()
    done = 0

    async def work() -> None:
        nonlocal done
        while time.perf_counter() - started < SECONDS:
            await call()
            done += 1

    await asyncio.gather(*(work() for _ in range(at_once)))
    return round(done / (time.perf_counter() - started), 1)


async def _parts(app: FastAPI, token: str) -> dict[str, float]:
    """Microseconds of each step that authorization adds to a request."""
    verifier: TokenVerifier = app.state.verifier
    fresh = TokenVerifier(app.state.keys, app.state.settings.issuer)
    limits: Limits = app.state.limits
    rate = Rate("client", 5_000, 10_000_000)

    async def admit() -> None:
        scope: dict[str, Any] = {}
        await limits.admit(scope, "WFP", "WFP")
        release(scope)

    async def anew() -> None:
        fresh._cache.clear()
        await fresh.verify(token)

    async def charge() -> None:
        scope: dict[str, Any] = {}
        rate.charge("WFP", scope)
        rate.header(scope["rate_limit"][1])

    async def nothing() -> None:
        check_certificate(None, None, believed=False)  # type: ignore[arg-type]  # not looked at

    base = await _micro(nothing, ROUNDS)
    return {
        "token_seen_before": round(await _micro(lambda: verifier.verify(token), ROUNDS) - base, 2),
        "token_seen_first": round(await _micro(anew, 1_000) - base, 2),
        "rate_limit_and_its_header": round(await _micro(charge, ROUNDS) - base, 2),
        "limits_and_share_of_the_pool": round(await _micro(admit, ROUNDS) - base, 2),
        "status_of_the_client_in_the_database": round(await _micro(_status(app), 500), 2),
    }


def _status(app: FastAPI) -> Callable[[], Awaitable[Any]]:
    database: Database = app.state.database

    async def ask() -> None:
        async with database.fast_read() as connection:
            await connection.fetchrow(
                "SELECT agency_id, scopes FROM client_status WHERE client_id = $1", "WFP"
            )

    return ask


async def _micro(call: Callable[[], Awaitable[Any]], rounds: int) -> float:
    """Median of five runs, microseconds a call."""
    runs = []
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(rounds // 5):
            await call()
        runs.append((time.perf_counter() - started) / (rounds // 5) * 1e6)
    return statistics.median(runs)


if __name__ == "__main__":
    main()
