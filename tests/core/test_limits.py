"""Rates, and the share of the pool that one agency may hold."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Request
from sqlalchemy import text

from app.auth.caller import Caller, VerifiedToken, requires, requires_token
from app.auth.scopes import Scope
from app.core import limits as limits_module
from app.core.db import Session
from app.core.limits import (
    LIMIT_KEY,
    AgencyBusy,
    Bulkhead,
    Rate,
    RateLimited,
    address_of,
    limits_of,
    release,
)
from app.core.settings import Settings
from app.main import create_app
from tests.support import World, plain_client, token_for

_POLICY = re.compile(r'"[a-z-]+";q=[0-9]+;w=[0-9]+\Z')
_RATE = re.compile(r'"[a-z-]+";r=[0-9]+;t=[0-9]+\Z')


@asynccontextmanager
async def _serving(settings: Settings, **more: Any) -> AsyncIterator[FastAPI]:
    app = create_app(settings.model_copy(update=more))
    _add_slow(app)
    async with app.router.lifespan_context(app):
        yield app


def _add_slow(app: FastAPI) -> None:
    """Routes under test conditions: one that is slow, one that holds its connection until
    the gate opens, one that fails, one that waits."""

    async def slow(
        session: Session,
        caller: Annotated[Caller, requires(Scope.AGENCIES_READ)],
        seconds: float = 0.2,
    ) -> dict[str, str]:
        await session.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})
        return {"agency": caller.agency_code}

    async def fail(caller: Annotated[Caller, requires(Scope.AGENCIES_READ)]) -> None:
        raise RuntimeError(caller.agency_code)

    async def wait(
        request: Request, token: Annotated[VerifiedToken, requires_token(Scope.FEED_READ)]
    ) -> dict[str, int]:
        held = limits_of(request).bulkhead.held(token.agency)
        release(request.scope)
        release(request.scope)  # a second time does nothing
        await asyncio.sleep(0.2)
        return {"held": held}

    async def feed_key(request: Request) -> None:
        request.scope[LIMIT_KEY] = "feed:one"

    async def feed(caller: Annotated[Caller, requires(Scope.AGENCIES_READ)]) -> None:
        return None

    app.state.gate = asyncio.Event()

    async def held(
        session: Session, caller: Annotated[Caller, requires(Scope.AGENCIES_READ)]
    ) -> None:
        await session.execute(text("SELECT 1"))
        await app.state.gate.wait()

    app.add_api_route("/v1/held", held)
    app.add_api_route("/v1/slow", slow)
    app.add_api_route("/v1/fail", fail)
    app.add_api_route("/v1/wait", wait)
    app.add_api_route("/v1/feed", feed, dependencies=[Depends(feed_key)])


async def _caller(app: FastAPI, world: World, name: str) -> httpx.AsyncClient:
    token = await token_for(app, name, world.secrets[name])
    client = plain_client(app)
    client.headers["Authorization"] = f"Bearer {token}"
    return client


# ------------------------------------------------------------------------------ buckets


def test_a_bucket_gives_its_burst_and_then_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("app.core.limits.time.monotonic", lambda: now[0])
    rate = Rate("client", 2, 3)
    for _ in range(3):
        rate.charge("A", {})
    with pytest.raises(RateLimited) as refused:
        rate.charge("A", {})
    assert refused.value.headers == {"Retry-After": "1"}
    rate.charge("B", {})
    now[0] += 0.4
    with pytest.raises(RateLimited):
        rate.charge("A", {})
    now[0] += 0.1
    rate.charge("A", {})
    with pytest.raises(RateLimited):
        rate.check("A")
    now[0] += 1_000
    for _ in range(3):
        rate.charge("A", {})
    with pytest.raises(RateLimited):
        rate.charge("A", {})


def test_a_slow_bucket_says_how_long_to_wait() -> None:
    rate = Rate("failures", 1, 1)
    rate.take("A")
    rate.take("A")
    with pytest.raises(RateLimited) as refused:
        rate.check("A")
    assert refused.value.headers == {"Retry-After": "1"}
    assert rate.header(rate.take("A")) == b'"failures";r=0;t=1'


def test_the_keys_remembered_are_bounded_and_the_used_ones_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits_module, "_KEYS", 3)
    rate = Rate("client", 1, 1)
    for key in ("kept", "A", "B", "C", "D"):
        rate.take("kept")
        rate.take(key)
    assert len(rate._buckets) == 3
    with pytest.raises(RateLimited):
        rate.check("kept")
    rate.check("A")


async def test_a_request_too_many_is_a_429_that_says_when(settings: Settings, world: World) -> None:
    async with _serving(settings, rate_limit_rps=1, rate_limit_burst=2) as app:
        first, other = await _caller(app, world, "WFP"), await _caller(app, world, "FAO")
        answers = [await first.get("/v1/agencies?limit=1") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        for answer in answers:
            assert answer.headers["ratelimit-policy"] == '"client";q=2;w=2'
            assert _RATE.match(answer.headers["ratelimit"])
        assert [answer.headers["ratelimit"][:14] for answer in answers] == [
            '"client";r=1;t', '"client";r=0;t', '"client";r=0;t'
        ]  # fmt: skip
        assert answers[2].json()["code"] == "rate_limited"
        assert answers[2].json()["instance"].startswith("urn:request:")
        assert int(answers[2].headers["retry-after"]) >= 1
        assert (await other.get("/v1/agencies?limit=1")).status_code == 200
        await asyncio.sleep(1.1)
        assert (await first.get("/v1/agencies?limit=1")).status_code == 200


async def test_every_authenticated_answer_shows_the_limit(app: FastAPI, world: World) -> None:
    client = await _caller(app, world, "WFP")
    for method, path, status in (
        ("GET", "/v1/agencies", 200), ("GET", "/v1/partners/x", 422), ("POST", "/v1/partners", 400),
    ):  # fmt: skip
        answer = await client.request(method, path)
        assert answer.status_code == status
        assert _POLICY.match(answer.headers["ratelimit-policy"])
        assert _RATE.match(answer.headers["ratelimit"])
    async with plain_client(app) as nobody:
        assert "ratelimit" not in (await nobody.get("/v1/agencies")).headers


async def test_a_feed_token_has_a_bucket_of_its_own(settings: Settings, world: World) -> None:
    async with _serving(settings, feed_token_rps=1, feed_token_burst=1) as app:
        client = await _caller(app, world, "WFP")
        answers = [await client.get("/v1/feed") for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 429]
        assert answers[0].headers["ratelimit-policy"] == '"feed";q=1;w=1'
        assert (await client.get("/v1/agencies")).status_code == 200


async def test_limits_can_be_off_but_not_in_production(settings: Settings, world: World) -> None:
    more = {"rate_limits": "off", "rate_limit_burst": 1, "token_failures_client": 1}
    async with _serving(settings, **more) as app:
        client = await _caller(app, world, "WFP")
        for _ in range(3):
            answer = await client.get("/v1/agencies")
            assert answer.status_code == 200
            assert "ratelimit" not in answer.headers
        await _fail(app, "WFP", 3)
        await token_for(app, "WFP", world.secrets["WFP"])
    with pytest.raises(ValueError, match="REGISTRY_RATE_LIMITS cannot be off in production"):
        Settings(
            env="production",
            database_url="postgresql://x/y",
            root_key_file=Path("k"),
            issuer="https://registry.example.org",
            rate_limits="off",
        )


def test_a_charge_costs_little() -> None:
    rate = Rate("client", 5_000, 10_000_000)
    scope: dict[str, Any] = {}
    best = 1.0
    for _ in range(5):
        started = time.thread_time()
        for _ in range(10_000):
            rate.charge("WFP", scope)
        best = min(best, (time.thread_time() - started) / 10_000)
    assert best < 10e-6, "measured: below a microsecond; the bound leaves room for a busy machine"


# ------------------------------------------------------------------------------ token endpoint


async def _fail(
    app: FastAPI, client_id: str, times: int, headers: dict[str, str] | None = None
) -> list[int]:
    async with plain_client(app) as client:
        return [
            (
                await client.post(
                    "/oauth/token",
                    data={"grant_type": "client_credentials"},
                    auth=(client_id, "wrong"),
                    headers=headers,
                )
            ).status_code
            for _ in range(times)
        ]


async def test_failures_use_up_what_successes_do_not(settings: Settings, world: World) -> None:
    async with _serving(settings, token_failures_client=3) as app:
        for _ in range(6):
            await token_for(app, "WFP", world.secrets["WFP"])
        assert await _fail(app, "WFP", 5) == [401, 401, 401, 429, 429]
        async with plain_client(app) as client:
            right = await client.post(
                "/oauth/token",
                data={"grant_type": "client_credentials"},
                auth=("WFP", world.secrets["WFP"]),
            )
        assert right.status_code == 429
        assert right.json()["code"] == "rate_limited"
        assert right.headers["retry-after"]
        assert await _fail(app, "FAO", 1) == [401], "another client is another bucket"
        await token_for(app, "FAO", world.secrets["FAO"])


async def test_failures_of_one_address_count_together(settings: Settings, world: World) -> None:
    async with _serving(settings, token_failures_address=3) as app:
        statuses = [(await _fail(app, f"NOBODY{n}", 1))[0] for n in range(5)]
        assert statuses == [401, 401, 401, 429, 429]


async def test_a_stranger_elsewhere_does_not_lock_a_client_out(
    settings: Settings, world: World
) -> None:
    more = {"client_address_header": "X-Real-IP", "token_failures_client": 2}
    async with _serving(settings, **more) as app:
        attacker = {"X-Real-IP": "198.51.100.7"}
        assert await _fail(app, "WFP", 3, attacker) == [401, 401, 429]
        await token_for(app, "WFP", world.secrets["WFP"])


async def test_tokens_have_a_limit_and_show_it(settings: Settings, world: World) -> None:
    async with _serving(settings, token_rps=1, token_burst=2) as app:
        async with plain_client(app) as client:
            answers = [
                await client.post(
                    "/oauth/token",
                    data={"grant_type": "client_credentials"},
                    auth=("WFP", world.secrets["WFP"]),
                )
                for _ in range(3)
            ]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[0].headers["ratelimit-policy"] == '"token";q=2;w=2'
        assert answers[0].headers["ratelimit"].startswith('"token";r=1;')


@pytest.mark.parametrize(
    ("header", "env", "peer", "given", "expected"),
    [
        (None, "test", "192.0.2.1", None, "192.0.2.1"),
        (None, "test", "192.0.2.1", "198.51.100.7", "192.0.2.1"),
        (None, "production", "192.0.2.1", "198.51.100.7", None),
        ("X-Real-IP", "production", "192.0.2.1", "198.51.100.7", "198.51.100.7"),
        ("X-Real-IP", "production", "192.0.2.1", "2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("X-Real-IP", "production", "192.0.2.1", "::ffff:198.51.100.7", "198.51.100.7"),
        ("X-Real-IP", "production", "192.0.2.1", "x' OR 1", "unknown"),
        ("X-Real-IP", "production", "192.0.2.1", None, "unknown"),
        (None, "test", None, None, "unknown"),
    ],
)
def test_an_address_is_the_peer_or_what_the_proxy_says(
    header: str | None, env: Any, peer: str | None, given: str | None, expected: str | None
) -> None:
    settings = Settings.model_construct(client_address_header=header, env=env)
    headers = [(b"x-real-ip", given.encode())] if given is not None else []
    client = (peer, 1) if peer else None
    request = Request({"type": "http", "headers": headers, "client": client})
    assert address_of(request, settings) == expected


# ------------------------------------------------------------------------------ shares


async def test_slots_are_handed_over_in_order_and_given_back() -> None:
    bulkhead = Bulkhead(2, 5)
    order: list[int] = []

    async def work(number: int) -> None:
        async with bulkhead.slot("A", 5):
            order.append(number)
            assert bulkhead.held("A") <= 2
            await asyncio.sleep(0.01)

    await asyncio.gather(*(work(number) for number in range(10)))
    assert order == list(range(10))
    assert bulkhead.held("A") == 0
    assert bulkhead._lines == {}


async def test_a_wait_is_bounded_and_says_so() -> None:
    bulkhead = Bulkhead(1, 0.05)
    await bulkhead.enter("A")
    started = time.monotonic()
    with pytest.raises(AgencyBusy) as refused:
        await bulkhead.enter("A")
    assert time.monotonic() - started > 0.04
    assert refused.value.headers == {"Retry-After": "1"}
    await bulkhead.enter("B")
    bulkhead.leave("A")
    await bulkhead.enter("A")
    bulkhead.leave("A")
    bulkhead.leave("B")
    assert bulkhead._held == {}
    assert bulkhead._lines == {}


async def test_a_slot_survives_every_moment_of_a_cancellation() -> None:
    bulkhead = Bulkhead(1, 5)
    for moment in ("while waiting", "as the slot comes", "behind one that gave up"):
        await bulkhead.enter("A")
        waiting = asyncio.create_task(bulkhead.enter("A"))
        await asyncio.sleep(0)
        if moment == "while waiting":
            waiting.cancel()
            await asyncio.sleep(0)
            bulkhead.leave("A")
        elif moment == "as the slot comes":
            bulkhead.leave("A")
            waiting.cancel()
        else:
            second = asyncio.create_task(bulkhead.enter("A"))
            await asyncio.sleep(0)
            waiting.cancel()
            bulkhead.leave("A")
            await second
            bulkhead.leave("A")
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert bulkhead.held("A") == 0, moment
        assert bulkhead._lines == {}, moment


async def test_one_agency_gets_its_share_and_then_a_503(settings: Settings, world: World) -> None:
    async with _serving(settings, pool_size=4, agency_wait_ms=50) as app:
        greedy, other = await _caller(app, world, "WFP"), await _caller(app, world, "FAO")
        answers, good = await asyncio.gather(
            asyncio.gather(*(greedy.get("/v1/slow?seconds=0.6") for _ in range(8))),
            other.get("/v1/slow?seconds=0"),
        )
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [200] * 3 + [503] * 5, "three quarters of four connections"
        busy = next(answer for answer in answers if answer.status_code == 503)
        assert busy.json()["code"] == "agency_busy"
        assert busy.headers["retry-after"] == "1"
        assert good.status_code == 200
        assert app.state.limits.bulkhead._held == {}


async def test_a_share_is_given_back_after_failures_refusals_and_disconnects(
    settings: Settings, world: World
) -> None:
    async with _serving(settings, pool_size=2, agency_wait_ms=0) as app:
        client = await _caller(app, world, "WFP")
        for path, status in (("/v1/fail", 500), ("/v1/slow?seconds=x", 422), ("/v1/slow", 200)):
            for _ in range(4):
                assert (await client.get(path)).status_code == status
        for _ in range(4):
            running = asyncio.create_task(client.get("/v1/slow?seconds=5"))
            await asyncio.sleep(0.05)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
        assert app.state.limits.bulkhead._held == {}
        assert (await client.get("/v1/slow?seconds=0")).status_code == 200


async def test_what_waits_long_lets_its_share_go(settings: Settings, world: World) -> None:
    async with _serving(settings, pool_size=2, agency_wait_ms=0) as app:
        client = await _caller(app, world, "WFP")
        started = [asyncio.create_task(client.get("/v1/wait"))]
        for _ in range(5):
            await asyncio.sleep(0.03)
            started.append(asyncio.create_task(client.get("/v1/wait")))
        answers = await asyncio.gather(*started)
        assert {answer.status_code for answer in answers} == {200}


async def _beside(
    settings: Settings, world: World, share: int, **more: Any
) -> tuple[list[int], list[int]]:
    """Statuses that an agency gets while another's requests hold ``share`` of eight connections
    and do not end before it has all its answers; and those that the other gets at last.
    """
    more = {"pool_size": 8, "agency_wait_ms": 50, "pool_timeout_s": 0.2} | more
    async with _serving(settings, **more) as app:
        greedy, other = await _caller(app, world, "WFP"), await _caller(app, world, "FAO")
        pressing = [asyncio.create_task(greedy.get("/v1/held")) for _ in range(16)]
        while sum(task.done() for task in pressing) < 16 - share:  # noqa: ASYNC110 - the state of other tasks
            await asyncio.sleep(0.01)
        answers = [await other.get("/v1/slow?seconds=0") for _ in range(10)]
        answers += await asyncio.gather(*(other.get("/v1/slow?seconds=0") for _ in range(2)))
        assert sum(not task.done() for task in pressing) == share, "it held all the while"
        app.state.gate.set()
        slow = sorted(answer.status_code for answer in await asyncio.gather(*pressing))
        return [answer.status_code for answer in answers], slow


async def test_slow_requests_of_one_agency_do_not_slow_another(
    settings: Settings, world: World
) -> None:
    """Twelve answers came while every request of the other stood still: no clock is asked."""
    answers, slow = await _beside(settings, world, 6)
    assert answers == [200] * 12
    assert slow == [200] * 6 + [503] * 10


async def test_without_the_share_the_other_agency_starves(settings: Settings, world: World) -> None:
    """The test above can fail."""
    answers, slow = await _beside(settings, world, 8, agency_share=1.0)
    assert set(answers) == {503}
    assert slow == [200] * 8 + [503] * 8
