"""A failed token request does the same work whatever failed: its time tells nothing."""

from __future__ import annotations

import statistics
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event
from starlette.types import Message, Receive, Scope, Send

from app.auth import clients as client_life
from app.core.db import Database
from tests.auth.conftest import MakeClient, MakeSigner
from tests.auth.forge import assertion, new_key
from tests.auth.test_token_endpoint import ASSERTION_TYPE
from tests.support import BASE

Failure = Callable[[], Awaitable[httpx.Response]]
_answered_at: list[float] = []
"""When the end of the answer was sent: what is done after it, as the log is, nobody can time."""
_COUNTED = frozenset({"compare_digest", "verify", "openssl_sha256", "construct"})


@pytest.fixture
async def failures(
    app: FastAPI, make_client: MakeClient, make_signer: MakeSigner, operator_database: Database
) -> dict[str, dict[str, Failure]]:
    """Ways to fail, by method."""
    client_id, secret = await make_client()
    stopped, stopped_secret = await make_client()
    signer, key = await make_signer()
    stopped_signer, stopped_key = await make_signer()
    async with operator_database.session() as session:
        await client_life.revoke_client(session, stopped)
        await client_life.revoke_client(session, stopped_signer)

    def basic(name: str, word: str) -> Failure:
        return lambda: _ask(app, {}, (name, word))

    def signed(name: str, with_key: Any, **more: Any) -> Failure:
        async def send() -> httpx.Response:
            form = {
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": assertion(name, with_key, **more),
            }
            return await _ask(app, form, None)

        return send

    stranger = new_key()
    unknown_kid = {"header": {"alg": "ES256", "kid": "other"}}
    return {
        "secret": {
            "wrong secret": basic(client_id, secret[::-1]),
            "unknown client": basic("TEST_0123456789ab", secret),
            "revoked": basic(stopped, stopped_secret),
            "wrong method": basic(signer, secret),
            "unreadable name": basic("TEST_\x00", secret),
        },
        "assertion": {
            "wrong key": signed(signer, stranger),
            "unknown client": signed("TEST_0123456789ab", stranger),
            "revoked": signed(stopped_signer, stopped_key),
            "wrong method": signed(client_id, stranger),
            "unknown key id": signed(signer, key, **unknown_kid),
        },
    }


async def _ask(app: FastAPI, form: dict[str, str], pair: tuple[str, str] | None) -> httpx.Response:
    async def until_answered(scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                _answered_at.append(time.perf_counter())

        _answered_at.clear()
        await app(scope, receive, sent)

    transport = httpx.ASGITransport(until_answered, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        return await client.post(
            "/oauth/token",
            data={"grant_type": "client_credentials"} | form,
            auth=pair or httpx.USE_CLIENT_DEFAULT,
        )


@contextmanager
def _counting(database: Database) -> Iterator[Counter[str]]:
    """Counts statements, comparisons, hashes and signature checks up to the answer."""
    counted: Counter[str] = Counter()

    def statement(_c: Any, _k: Any, sql: str, *_more: Any) -> None:
        if not _answered_at:
            counted[sql.partition("WHERE")[0]] += 1

    def call(frame: FrameType, kind: str, what: Any) -> None:
        name = getattr(what, "__name__", "") if kind == "c_call" else frame.f_code.co_name
        if kind in ("call", "c_call") and name in _COUNTED and not _answered_at:
            counted[f"{kind} {name}"] += 1

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", statement)
    sys.setprofile(call)
    try:
        yield counted
    finally:
        sys.setprofile(None)
        event.remove(engine, "before_cursor_execute", statement)


@pytest.mark.parametrize("method", ["secret", "assertion"])
async def test_every_failure_is_the_same_work_and_the_same_answer(
    method: str, failures: dict[str, dict[str, Failure]], database: Database
) -> None:
    seen: dict[str, tuple[Counter[str], bytes, list[tuple[str, str]]]] = {}
    for name, fail in failures[method].items():
        await fail()  # connections and caches are warm
        _answered_at.clear()
        with _counting(database) as counted:
            answer = await fail()
        assert answer.status_code == 401
        assert len(_answered_at) == 1, "the end of the answer was seen"
        headers = [item for item in answer.headers.multi_items() if item[0] != "x-request-id"]
        seen[name] = (counted, answer.content, headers)
    first = next(iter(seen.values()))
    assert sum(first[0].values()) > 3, "something was counted"
    for name, found in seen.items():
        assert found == first, name


@pytest.mark.drill
@pytest.mark.parametrize("method", ["secret", "assertion"])
async def test_the_time_of_a_failure_tells_nothing(
    method: str, failures: dict[str, dict[str, Failure]], capsys: pytest.CaptureFixture[str]
) -> None:
    ways = failures[method]
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(300):
        for name, fail in ways.items():  # interleaved: the machine's moods hit all alike
            started = time.perf_counter()
            await fail()
            taken[name].append(_answered_at[0] - started)
    medians = {name: statistics.median(values) * 1000 for name, values in taken.items()}
    with capsys.disabled():
        print({name: round(value, 3) for name, value in medians.items()})  # noqa: T201 - figures for a person
    assert max(medians.values()) / min(medians.values()) < 1.1, medians
