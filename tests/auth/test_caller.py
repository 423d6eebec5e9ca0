"""Who calls: status and agency come from our tables on every request, whatever a token says."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
import time_machine
from fastapi import FastAPI, Request

from app.auth import caller as auth_caller
from app.auth import clients as auth
from app.auth.caller import Caller, TokenVerifier, caller_from
from app.auth.errors import NotAuthenticated, PersonRequired, ScopeMissing
from app.auth.scopes import DECIDING, Scope
from app.core.db import Database
from tests.auth.conftest import MakeClient
from tests.auth.forge import EcKey, claims, forge
from tests.partners.factories import partner_body
from tests.support import World, plain_client, token_for

TokenKey = tuple[EcKey, str]


async def _get(app: FastAPI, token: str, path: str = "/v1/partners?limit=1") -> httpx.Response:
    async with plain_client(app) as client:
        return await client.get(path, headers={"Authorization": f"Bearer {token}"})


async def _post(app: FastAPI, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid4().hex}
    async with plain_client(app) as client:
        return await client.post("/v1/partners", json=partner_body(), headers=headers)


def _token(token_key: TokenKey, subject: str, **more: object) -> str:
    key, kid = token_key
    return forge({"alg": "ES256", "typ": "at+jwt", "kid": kid}, claims(subject, **more), key)


async def test_a_revoked_client_is_refused_on_its_next_request(
    app: FastAPI, make_client: MakeClient, operator_database: Database
) -> None:
    client_id, secret = await make_client()
    token = await token_for(app, client_id, secret)
    for path in ("/v1/partners?limit=1", "/v1/agencies"):  # a fast read and an ordinary one
        assert (await _get(app, token, path)).status_code == 200
    assert (await _post(app, token)).status_code == 201
    async with operator_database.session() as session:
        await auth.revoke_client(session, client_id)
    for path in ("/v1/partners?limit=1", "/v1/agencies"):
        assert (await _get(app, token, path)).json()["code"] == "not_authenticated"
    assert (await _post(app, token)).status_code == 401


async def test_a_scope_taken_from_a_client_is_gone_on_its_next_request(
    app: FastAPI, make_client: MakeClient, operator_database: Database
) -> None:
    client_id, secret = await make_client()
    token = await token_for(app, client_id, secret)
    assert (await _get(app, token)).status_code == 200
    async with operator_database.connection() as connection:
        await connection.execute(
            "UPDATE clients SET scopes = '{agencies:read}' WHERE id = $1", client_id
        )
    refused = await _get(app, token)
    assert refused.json()["code"] == "scope_missing"
    assert 'scope="partners:read"' in refused.headers["www-authenticate"]


async def test_a_token_never_gives_more_than_its_client_has(
    app: FastAPI, token_key: TokenKey, make_client: MakeClient
) -> None:
    client_id, _ = await make_client(scopes=("agencies:read",))
    token = _token(token_key, client_id, scope="partners:read agencies:read")
    assert (await _get(app, token)).status_code == 403
    assert (await _get(app, token, "/v1/agencies")).status_code == 200
    narrow = _token(token_key, client_id, scope="")
    assert (await _get(app, narrow, "/v1/agencies")).status_code == 403
    unknown = _token(token_key, client_id, scope=...)
    assert (await _get(app, unknown, "/v1/agencies")).status_code == 403


async def test_the_agency_comes_from_our_tables_whatever_a_token_says(
    app: FastAPI, token_key: TokenKey, make_client: MakeClient, world: World
) -> None:
    client_id, _ = await make_client("UNHCR")
    for lie in ("WFP", str(world.agencies["WFP"]), ["WFP"], {"code": "WFP"}, None):
        token = _token(
            token_key, client_id, scope="partners:write", agency=lie, agency_id=lie, client_id="WFP"
        )
        made = await _post(app, token)
        assert made.status_code == 201, made.text
        assert made.json()["created_by"] == "UNHCR"


async def test_a_token_of_a_client_that_never_was_is_refused(
    app: FastAPI, token_key: TokenKey
) -> None:
    for subject in ("NOT_THERE", "x" * 5_000, "a'b", " UNICEF", "unicef"):
        assert (await _get(app, _token(token_key, subject))).status_code == 401, subject
        assert (await _get(app, _token(token_key, subject), "/v1/agencies")).status_code == 401


async def test_a_token_is_not_remembered_past_its_end(app: FastAPI, token_key: TokenKey) -> None:
    token = _token(token_key, "UNICEF")
    assert (await _get(app, token)).status_code == 200
    with time_machine.travel(time.time() + 299, tick=False):
        assert (await _get(app, token)).status_code == 200
    with time_machine.travel(time.time() + 301, tick=False):
        for _ in range(2):
            assert (await _get(app, token)).status_code == 401


async def test_the_memory_of_tokens_is_bounded(
    app: FastAPI, token_key: TokenKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth_caller, "_CACHE_SIZE", 3)
    verifier = TokenVerifier(app.state.keys, app.state.settings.issuer)
    for number in range(8):
        await verifier.verify(_token(token_key, f"client {number}"))
        assert len(verifier._cache) <= 3


async def test_a_retired_key_still_verifies_only_while_it_is_published(
    app: FastAPI, token_key: TokenKey
) -> None:
    class NoKeys:
        async def verification_keys(self, use: str) -> dict[tuple[str, str], object]:
            assert use == "token"
            return {}

        async def checked(self, use: str, check: Callable[[Any], Any]) -> object:
            return check(await self.verification_keys(use))

    verifier = TokenVerifier(NoKeys(), app.state.settings.issuer)  # type: ignore[arg-type]  # it has what the verifier calls
    with pytest.raises(NotAuthenticated):
        await verifier.verify(_token(token_key, "UNICEF"))


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Token x", "bearerx", "Bearer\tx"]
)
async def test_without_a_bearer_token_there_is_a_challenge(
    header: str | None, app: FastAPI
) -> None:
    async with plain_client(app) as client:
        headers = {} if header is None else {"Authorization": header}
        answer = await client.get("/v1/partners", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


_REST: tuple[Any, ...] = (None, [], [], "AGENCY_ONLY")
"""Partner, roles, countries and level of a status row."""


async def test_a_decision_needs_a_person(app: FastAPI, token_key: TokenKey) -> None:
    request = Request({"type": "http"})
    token = await TokenVerifier(app.state.keys, app.state.settings.issuer).verify(
        _token(token_key, "UNICEF", scope=" ".join(Scope))
    )
    deciding = Scope(min(DECIDING))
    machine = (uuid4(), "UNICEF", [str(scope) for scope in Scope], None, None, None, None, *_REST)
    with pytest.raises(PersonRequired):
        caller_from(request, token, machine, deciding)
    plain = caller_from(request, token, machine, Scope.PARTNERS_READ)
    with pytest.raises(PersonRequired):
        plain.require_person()
    person = (uuid4(), "UNICEF", ["partners:read", deciding], uuid4(), "A", "HQ", "head", *_REST)
    named: Caller = caller_from(request, token, person, deciding)
    assert named.require_person().office == "HQ"
    with pytest.raises(ScopeMissing):
        caller_from(request, token, person, Scope.PARTNERS_WRITE)
    for row in (None, (None,) * 11):
        with pytest.raises(NotAuthenticated):
            caller_from(request, token, row, Scope.PARTNERS_READ)


async def test_a_fast_write_asks_for_its_key_and_knows_every_client_it_serves(
    app: FastAPI, token_key: TokenKey, make_client: MakeClient, operator_database: Database
) -> None:
    client_id, _ = await make_client(scopes=("screening:run",))
    token = _token(token_key, client_id, scope="screening:run")
    body = {"subject": {"kind": "organisation", "names": ["Amani Relief Trust"]}}

    async def screen(token: str, **headers: str) -> httpx.Response:
        headers["Authorization"] = f"Bearer {token}"
        async with plain_client(app) as client:
            return await client.post("/v1/screenings", json=body, headers=headers)

    missing = await screen(token)
    assert missing.json()["code"] == "idempotency_key_required"
    for _ in range(2):
        made = await screen(token, **{"Idempotency-Key": uuid4().hex})
        assert made.status_code == 201, made.text
    stranger = _token(token_key, "NOT_THERE", scope="screening:run")
    assert (await screen(stranger, **{"Idempotency-Key": uuid4().hex})).status_code == 401
    async with operator_database.session() as session:
        await auth.revoke_client(session, client_id)
    assert (await screen(token, **{"Idempotency-Key": uuid4().hex})).status_code == 401
