"""Feed tokens: they open the FollowTheMoney files, nothing else, and only while all is well."""

from __future__ import annotations

import hashlib
import secrets
from operator import attrgetter
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI, Request
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.auth.clients import ClientProblem
from app.auth.feed_tokens import PREFIX, create_feed_token, feed_reader
from app.auth.models import Client
from app.core.db import Database
from app.core.limits import Limits, Rate, release
from app.core.metrics import registry
from tests.auth.conftest import MakeClient
from tests.confidentiality.rules import OPEN
from tests.conftest import ApiFor, Settle
from tests.contract.contract import Operation, operations
from tests.hostile.calls import example_body, headers_of, path_of, query_of
from tests.support import Api, World, in_turn, plain_client

FTM = "/v1/feeds/sanctions/ftm"
FILES = (f"{FTM}/index.json", f"{FTM}/entities.ftm.json", f"{FTM}/targets.simple.csv")


@pytest.fixture
async def admin(api_for: ApiFor, settle: Settle) -> Api:
    await settle()
    return await api_for("FAO")


@pytest.fixture
async def follower(make_client: MakeClient) -> str:
    """A client of FAO that follows the feed."""
    client_id, _ = await make_client("FAO", scopes=("feed:read", "partners:read"))
    return client_id


async def _made(admin: Api, client_id: str, **more: Any) -> dict[str, Any]:
    body = {"name": "Engine"} | more
    return await admin.made(f"/v1/clients/{client_id}/feed-tokens", body)


async def _ask(app: FastAPI, token: str, path: str = FILES[0], kind: str = "Token") -> Any:
    async with plain_client(app) as client:
        return await client.get(path, headers={b"Authorization": f"{kind} {token}".encode()})


@pytest.mark.parametrize("kind", ["Bearer", "Token", "ApiKey", "apikey", "TOKEN", "bearer"])
async def test_it_opens_the_files_sent_in_any_way(
    kind: str, app: FastAPI, admin: Api, follower: str
) -> None:
    token = (await _made(admin, follower))["token"]
    assert token.startswith(PREFIX)
    assert len(token) >= len(PREFIX) + 43, "256 bits"
    for path in FILES:
        answer = await _ask(app, token, path, kind)
        assert answer.status_code == 200, answer.text


_OTHERS = [
    item
    for item in operations()
    if item.under_v1 and not item.path.startswith(FTM) and item.name not in OPEN
]


@in_turn("operation", _OTHERS, size=32, label=attrgetter("name"))
async def test_it_opens_nothing_else(operation: Operation, app: FastAPI, feed_token: str) -> None:
    async with plain_client(app) as client:
        for kind in ("Bearer", "Token", "ApiKey"):
            answer = await client.request(
                operation.method,
                path_of(operation) + query_of(operation),
                content=example_body(operation),
                headers=headers_of(operation) | {"Authorization": f"{kind} {feed_token}"},
            )
            assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


@pytest.fixture(scope="session")
async def feed_token(api_for: ApiFor) -> str:
    """A good token of the client WFP, which holds every scope."""
    made = await (await api_for("WFP")).made("/v1/clients/WFP/feed-tokens", {"name": "Engine"})
    token: str = made["token"]
    return token


def _plain(answer: httpx.Response) -> tuple[Any, ...]:
    body = answer.json()
    del body["instance"]
    return answer.status_code, body, answer.headers["www-authenticate"]


async def test_unknown_expired_and_revoked_tokens_are_refused_alike(
    app: FastAPI, admin: Api, follower: str, operator_database: Database
) -> None:
    expired, revoked = await _made(admin, follower), await _made(admin, follower)
    for item in (expired, revoked):
        assert (await _ask(app, item["token"])).status_code == 200
    async with operator_database.connection() as connection:
        await connection.execute(
            "UPDATE feed_tokens SET expires_at = now() WHERE id = $1::uuid", expired["id"]
        )
    url = f"/v1/clients/{follower}/feed-tokens"
    for _ in range(2):
        assert (await admin.delete(f"{url}/{revoked['id']}")).status_code == 204
    unknown = PREFIX + secrets.token_urlsafe(32)
    tokens = (unknown, expired["token"], revoked["token"], PREFIX, "x", "é" * 10, "a b")
    answers = [await _ask(app, token) for token in tokens]
    assert _plain(answers[0])[0] == 401
    assert all(_plain(answer) == _plain(answers[0]) for answer in answers)
    listed = await admin.read(f"{url}?limit=1")
    assert listed["items"][0]["id"] == revoked["id"]
    assert listed["items"][0]["revoked_at"] is not None
    rest = await admin.read(f"{url}?cursor={listed['next_cursor']}")
    assert [item["id"] for item in rest["items"]] == [expired["id"]]
    assert "token" not in rest["items"][0]
    absent = await admin.delete(f"{url}/{UUID(int=0)}")
    assert absent.json()["code"] == "feed_token_not_found"
    async with operator_database.connection() as connection:
        events = await connection.fetch(
            "SELECT event FROM audit_events WHERE detail ->> 'client' = $1 ORDER BY id", follower
        )
    assert [row["event"] for row in events] == [
        "client:feed_token:create", "client:feed_token:create", "client:feed_token:revoke",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "back", "status"),
    [
        ("UPDATE clients SET status = 'revoked' WHERE id = :id", None, 401),
        ("UPDATE clients SET scopes = '{partners:read}' WHERE id = :id", None, 403),
        ("UPDATE agencies SET status = 'suspended' WHERE code = 'FAO'",
         "UPDATE agencies SET status = 'active' WHERE code = 'FAO'", 401),
    ],
)  # fmt: skip
async def test_client_and_agency_are_looked_at_on_every_request(
    change: str, back: str | None, status: int, app: FastAPI, admin: Api, follower: str,
    operator_database: Database,
) -> None:  # fmt: skip
    token = (await _made(admin, follower))["token"]
    assert (await _ask(app, token)).status_code == 200
    async with operator_database.session() as session:
        await session.execute(text(change), {"id": follower} if ":id" in change else {})
    try:
        for path in FILES:
            assert (await _ask(app, token, path)).status_code == status
    finally:
        if back is not None:
            async with operator_database.session() as session:
                await session.execute(text(back))


async def test_it_is_a_machine_that_reads_inter_agency_at_most(
    app: FastAPI, feed_token: str, database: Database
) -> None:
    scope: dict[str, Any] = {"type": "http", "app": app, "headers": []}
    request = Request(scope)
    reader = await feed_reader(request, f"Token {feed_token}")
    release(scope)
    assert scope["limit_key"].startswith("feed_token:")
    row = (UUID(int=1), "WFP", ["feed:read", "clients:admin"], UUID(int=2), "A", "HQ", "head",
           None, ["OVS"], ["KEN"], "AGENCY_ONLY")  # fmt: skip
    caller = reader.caller(request, row)
    assert caller is scope["identity"]
    assert caller.scopes == {"feed:read"}
    assert (caller.person, caller.roles, caller.max_level) == (None, frozenset(), "INTER_AGENCY")
    assert not caller.binding.oversight


async def test_only_its_digest_is_kept(feed_token: str, operator_database: Database) -> None:
    async with operator_database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT t::text AS row, expires_at - created_at AS life FROM feed_tokens t "
            "WHERE digest = $1",
            hashlib.sha256(feed_token.encode()).digest(),
        )
    assert feed_token.removeprefix(PREFIX) not in row["row"]
    assert row["life"].days == 365


async def test_it_lives_a_year_at_most(
    admin: Api, follower: str, operator_database: Database
) -> None:
    url = f"/v1/clients/{follower}/feed-tokens"
    for days in (0, 366, True, "1"):
        refused = await admin.post(url, json={"name": "x", "days": days})
        assert refused.status_code == 422
    made = await _made(admin, follower, days=1)
    with pytest.raises(IntegrityError):
        async with operator_database.session() as session:
            await session.execute(
                text(
                    "UPDATE feed_tokens SET expires_at = now() + interval '367 days' WHERE id=:id"
                ),
                {"id": made["id"]},
            )
    async with operator_database.session() as session:
        client = await session.get_one(Client, follower)
        with pytest.raises(ClientProblem, match="1 to 365 days"):
            await create_feed_token(session, client, "x", 366)
        client.status = "revoked"
        with pytest.raises(ClientProblem, match="no active client"):
            await create_feed_token(session, client, "x", 1)
        await session.rollback()


async def test_an_access_token_with_the_scope_works_too(
    app: FastAPI, api_for: ApiFor, settle: Settle
) -> None:
    await settle()
    reader, other = await api_for("WFP", "feed:read"), await api_for("WFP", "partners:read")
    for path in FILES:
        assert (await reader.get(path)).status_code == 200
        assert (await other.get(path)).json()["code"] == "scope_missing"
    async with plain_client(app) as nobody:
        assert (await nobody.get(FILES[0])).status_code == 401


async def test_a_revoked_one_stays_so(
    admin: Api, follower: str, database: Database, world: World
) -> None:
    made = await _made(admin, follower)
    url = f"/v1/clients/{follower}/feed-tokens/{made['id']}"
    assert (await admin.delete(url)).status_code == 204
    async with database.session(world.agencies["FAO"]) as session:
        with pytest.raises(IntegrityError, match="stays so"):
            await session.execute(
                text("UPDATE feed_tokens SET revoked_at = NULL WHERE id = :id"), {"id": made["id"]}
            )
        await session.rollback()


async def test_it_has_a_rate_of_its_own_and_takes_a_slot_of_its_agency(
    app: FastAPI, admin: Api, feed_token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: Limits = app.state.limits
    monkeypatch.setattr(limits, "_feed", Rate("feed", 1, 2))
    entered: list[str] = []
    enter = limits.bulkhead.enter

    async def watched(key: str, wait_s: float | None = None) -> None:
        entered.append(key)
        await enter(key, wait_s)

    monkeypatch.setattr(limits.bulkhead, "enter", watched)
    answers = [await _ask(app, feed_token) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].headers["ratelimit-policy"] == '"feed";q=2;w=2'
    assert answers[2].json()["code"] == "rate_limited"
    assert entered == ["WFP", "WFP"]
    assert limits.bulkhead.held("WFP") == 0


async def test_its_requests_are_counted_by_outcome(app: FastAPI, feed_token: str) -> None:
    def counted(outcome: str) -> float:
        return registry.get_sample_value("feed_token_requests_total", {"outcome": outcome}) or 0

    before = counted("accepted"), counted("refused")
    await _ask(app, feed_token)
    await _ask(app, "nonsense")
    assert (counted("accepted"), counted("refused")) == (before[0] + 1, before[1] + 1)
