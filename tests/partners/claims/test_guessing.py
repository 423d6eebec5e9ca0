"""Guessing invitation codes: each wrong one counts against the address that it comes from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI

from app.core.settings import Settings
from app.main import create_app
from tests.conftest import ApiFor
from tests.partners.claims.support import CLAIMANT, KEY, code_like
from tests.partners.factories import make_partner
from tests.support import World, plain_client, token_for

_FROM = {"X-Real-IP": "198.51.100.7"}


def body(code: str) -> dict[str, Any]:
    return {"code": code, "claimant": CLAIMANT, "jwks": {"keys": [KEY]}}


@asynccontextmanager
async def serving(settings: Settings, **more: Any) -> AsyncIterator[FastAPI]:
    """The application with limits of this test's own, behind a proxy that names the address."""
    changed = {"client_address_header": "X-Real-IP"} | more
    app = create_app(settings.model_copy(update=changed))
    async with app.router.lifespan_context(app):
        yield app


async def guess(client: httpx.AsyncClient, times: int, address: str = "198.51.100.7") -> list[int]:
    statuses = []
    for _ in range(times):
        answer = await client.post(
            "/v1/claims", json=body(code_like()), headers={"X-Real-IP": address}
        )
        statuses.append(answer.status_code)
    return statuses


async def invited(api_for: ApiFor) -> str:
    api = await api_for("UNICEF")
    partner = (await make_partner(api))["id"]
    url = f"/v1/partners/{partner}/invitations"
    return str((await api.made(url, {"email": "a@b.example"}))["code"])


async def test_an_address_that_guesses_is_stopped_also_with_the_right_code(
    settings: Settings, world: World, api_for: ApiFor
) -> None:
    code = await invited(api_for)
    async with (
        serving(settings, token_failures_client=3) as app,
        plain_client(app) as client,
    ):
        assert await guess(client, 5) == [404, 404, 404, 429, 429]
        stopped = await client.post("/v1/claims", json=body(code), headers=_FROM)
        assert (stopped.status_code, stopped.json()["code"]) == (429, "rate_limited")
        assert int(stopped.headers["retry-after"]) >= 1
        # Whoever holds a code elsewhere is not locked out, nor a client that asks for a token.
        elsewhere = {"X-Real-IP": "203.0.113.9"}
        taken = await client.post("/v1/claims", json=body(code), headers=elsewhere)
        assert taken.status_code == 202, taken.text
        assert await token_for(app, "WFP", world.secrets["WFP"])


async def test_codes_and_secrets_of_one_address_count_together(
    settings: Settings, world: World
) -> None:
    async with (
        serving(settings, token_failures_address=3) as app,
        plain_client(app) as client,
    ):
        for _ in range(2):
            wrong = await client.post(
                "/oauth/token",
                data={"grant_type": "client_credentials"},
                auth=("WFP", "wrong"),
                headers=_FROM,
            )
            assert wrong.status_code == 401
        assert await guess(client, 3) == [404, 429, 429]
        # A whole IPv6 network is one caller: its addresses cost nothing.
        network = [f"2001:db8:0:1::{number:x}" for number in range(1, 6)]
        found = [(await guess(client, 1, address))[0] for address in network]
        assert found == [404, 404, 404, 429, 429]


async def test_what_is_no_guess_does_not_count(settings: Settings, api_for: ApiFor) -> None:
    code = await invited(api_for)
    async with (
        serving(settings, token_failures_client=2) as app,
        plain_client(app) as client,
    ):
        for bad in ({"code": code}, body(code) | {"partner_id": "x"}):
            for _ in range(3):
                answer = await client.post("/v1/claims", json=bad, headers=_FROM)
                assert answer.status_code == 422
        for _ in range(4):  # sent again with the same keys: the same claim
            answer = await client.post("/v1/claims", json=body(code), headers=_FROM)
            assert answer.status_code == 202, answer.text


async def test_guesses_at_once_pass_no_more_than_the_limit(settings: Settings) -> None:
    async with (
        serving(settings, token_failures_client=3) as app,
        plain_client(app) as client,
    ):
        found = await asyncio.gather(*(guess(client, 1) for _ in range(30)))
        assert sorted(status for (status,) in found).count(404) <= 3
