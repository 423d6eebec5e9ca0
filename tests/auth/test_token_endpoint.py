"""The token endpoint: two ways to prove a client, and every way that fails."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.auth import clients as auth
from app.auth.scopes import ALL
from app.core.db import Database
from app.core.settings import Settings
from app.main import create_app
from tests.auth.conftest import SCOPES, MakeClient, MakeSigner
from tests.auth.forge import assertion, jwk, new_key
from tests.support import BASE, World, build_world, plain_client, token_for

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


async def _ask(app: FastAPI, auth: Any = None, **form: str) -> httpx.Response:
    fields = {"grant_type": "client_credentials"} | form
    async with plain_client(app) as client:
        return await client.post("/oauth/token", data=fields, auth=auth)


async def _by_assertion(app: FastAPI, token: str, **form: str) -> httpx.Response:
    return await _ask(app, client_assertion_type=ASSERTION_TYPE, client_assertion=token, **form)


def _refused(answer: httpx.Response, error: str = "invalid_client", status: int = 401) -> None:
    assert answer.status_code == status, answer.text
    assert answer.json() == {"error": error}
    assert answer.headers["cache-control"] == "no-store"
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Basic")


async def test_a_secret_gives_a_token_that_works(app: FastAPI, make_client: MakeClient) -> None:
    client_id, secret = await make_client()
    answer = await _ask(app, (client_id, secret))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 300
    assert body["scope"].split() == sorted(SCOPES)
    async with plain_client(app) as client:
        read = await client.get(
            "/v1/agencies", headers={"Authorization": f"bearer {body['access_token']}"}
        )
    assert read.status_code == 200


async def test_a_signed_assertion_gives_a_token(app: FastAPI, make_signer: MakeSigner) -> None:
    client_id, key = await make_signer()
    answer = await _by_assertion(app, assertion(client_id, key), scope="partners:read")
    assert answer.status_code == 200
    assert answer.json()["scope"] == "partners:read"
    named = await _by_assertion(app, assertion(client_id, key), client_id=client_id)
    assert named.status_code == 200


@pytest.mark.parametrize("kind", ["jwt", "JWT", "client-authentication+jwt"])
async def test_an_assertion_may_name_its_type(
    kind: str, app: FastAPI, make_signer: MakeSigner
) -> None:
    client_id, key = await make_signer()
    token = assertion(client_id, key, header={"alg": "ES256", "kid": "k1", "typ": kind})
    assert (await _by_assertion(app, token)).status_code == 200


async def test_an_assertion_works_once(app: FastAPI, make_signer: MakeSigner) -> None:
    client_id, key = await make_signer()
    token = assertion(client_id, key)
    assert (await _by_assertion(app, token)).status_code == 200
    _refused(await _by_assertion(app, token))
    again = assertion(client_id, key, jti="the-same-identifier")
    assert (await _by_assertion(app, again)).status_code == 200
    other = assertion(client_id, key, jti="the-same-identifier", exp=int(time.time()) + 60)
    _refused(await _by_assertion(app, other))


async def test_the_same_assertion_id_of_two_clients_does_not_meet(
    app: FastAPI, make_signer: MakeSigner
) -> None:
    for _ in range(2):
        client_id, key = await make_signer()
        token = assertion(client_id, key, jti="shared-identifier")
        assert (await _by_assertion(app, token)).status_code == 200


_NOW = int(time.time())
_WRONG: dict[str, dict[str, Any]] = {
    "wrong audience": {"aud": "https://elsewhere.example"},
    "token endpoint as audience": {"aud": f"{BASE}/oauth/token"},
    "two audiences": {"aud": [BASE, "https://elsewhere.example"]},
    "no audience": {"aud": ...},
    "old": {"iat": _NOW - 3_000, "exp": _NOW + 500},
    "from the future": {"iat": _NOW + 10_000, "exp": _NOW + 10_200},
    "expired": {"iat": _NOW - 400, "exp": _NOW - 100},
    "lives too long": {"exp": _NOW + 100_000},
    "no expiry": {"exp": ...},
    "no time of issue": {"iat": ...},
    "no identifier": {"jti": ...},
    "short identifier": {"jti": "x"},
    "NUL in the identifier": {"jti": "\x00identifier"},
    "half of a pair in the identifier": {"jti": "\ud800identifier"},
    "long identifier": {"jti": "x" * 129},
    "another subject": {"sub": "UNICEF"},
    "no subject": {"sub": ...},
    "another issuer": {"iss": "UNICEF"},
    "no issuer": {"iss": ...},
    "issuer as list": {"iss": ["UNICEF"]},
    "empty issuer": {"iss": ""},
    "NUL in the issuer": {"iss": "UNI\x00CEF"},
    "half of a pair in the issuer": {"iss": "\ud800"},
    "long issuer": {"iss": "x" * 129},
    "access token type": {"header": {"alg": "ES256", "kid": "k1", "typ": "at+jwt"}},
    "unknown kid": {"header": {"alg": "ES256", "kid": "k2"}},
    "no kid": {"header": {"alg": "ES256"}},
    "own key in the header": {"header": {"alg": "ES256", "kid": "k1", "jwk": {}}},
    "critical extension": {"header": {"alg": "ES256", "kid": "k1", "crit": ["b64"]}},
    "no algorithm": {"header": {"alg": "none", "kid": "k1"}},
}


@pytest.mark.parametrize("name", _WRONG)
async def test_an_assertion_with_one_thing_wrong_is_refused(
    name: str, app: FastAPI, make_signer: MakeSigner
) -> None:
    client_id, key = await make_signer()
    _refused(await _by_assertion(app, assertion(client_id, key, **_WRONG[name])))


async def test_an_assertion_of_a_foreign_key_is_refused(
    app: FastAPI, make_signer: MakeSigner
) -> None:
    client_id, _ = await make_signer()
    _refused(await _by_assertion(app, assertion(client_id, new_key())))


async def test_an_assertion_for_another_client_id_is_refused(
    app: FastAPI, make_signer: MakeSigner
) -> None:
    client_id, key = await make_signer()
    _refused(await _by_assertion(app, assertion(client_id, key), client_id="UNICEF"))


async def test_a_client_with_a_secret_cannot_sign(app: FastAPI, make_client: MakeClient) -> None:
    client_id, _ = await make_client()
    _refused(await _by_assertion(app, assertion(client_id, new_key())))


async def test_wrong_secrets_and_unknown_clients_get_one_answer(
    app: FastAPI, make_client: MakeClient, make_signer: MakeSigner
) -> None:
    client_id, secret = await make_client()
    signer, _ = await make_signer()
    pairs = [
        (client_id, secret + "x"), (client_id, secret[:-1]), (client_id, ""), (client_id, "nobody"),
        ("NOT_THERE", secret), ("", secret), ("NOT\x00THERE", secret), ("x" * 500, secret),
        (client_id.lower(), secret), (signer, ""), (signer, "nobody"),
    ]  # fmt: skip
    for pair in pairs:
        _refused(await _ask(app, pair))


@pytest.mark.parametrize(
    "header",
    ["Basic", "Basic !!!", "Basic " + base64.b64encode(b"nocolon").decode(), "Bearer abc", "",
     "Basic " + base64.b64encode(b"\xff\xfe:x").decode(), "basic\tx", "Digest a:b"],
)  # fmt: skip
async def test_a_broken_authorization_header_is_refused(header: str, app: FastAPI) -> None:
    async with plain_client(app) as client:
        answer = await client.post(
            "/oauth/token",
            data={"grant_type": "client_credentials"},
            headers={"Authorization": header},
        )
    _refused(answer)


async def test_a_revoked_client_gets_no_token(
    app: FastAPI, make_client: MakeClient, make_signer: MakeSigner, operator_database: Database
) -> None:
    client_id, secret = await make_client()
    signer, key = await make_signer()
    async with operator_database.session() as session:
        await auth.revoke_client(session, client_id)
        await auth.revoke_client(session, signer)
    _refused(await _ask(app, (client_id, secret)))
    _refused(await _by_assertion(app, assertion(signer, key)))


async def test_a_client_of_a_suspended_agency_gets_no_token(
    app: FastAPI, make_client: MakeClient, operator_database: Database, world: World
) -> None:
    client_id, secret = await make_client("FAO")
    async with operator_database.connection() as connection:
        suspend = "UPDATE agencies SET status = $1 WHERE id = $2"
        await connection.execute(suspend, "suspended", world.agencies["FAO"])
        try:
            _refused(await _ask(app, (client_id, secret)))
        finally:
            await connection.execute(suspend, "active", world.agencies["FAO"])
    assert (await _ask(app, (client_id, secret))).status_code == 200


async def test_scopes_are_what_was_asked_or_all_never_more(
    app: FastAPI, make_client: MakeClient
) -> None:
    pair = await make_client(scopes=("partners:read", "agencies:read"))
    both = await _ask(app, pair, scope="partners:read agencies:read partners:read")
    assert both.json()["scope"] == "agencies:read partners:read"
    blank = await _ask(app, pair, scope="  ")
    assert blank.json()["scope"] == "agencies:read partners:read"
    for scope in ("partners:write", "partners:read partners:write", "partners:*", "*", "all"):
        _refused(await _ask(app, pair, scope=scope), "invalid_scope", 400)


async def test_the_request_must_be_the_one_grant(app: FastAPI, make_client: MakeClient) -> None:
    pair = await make_client()
    for grant in ("password", "authorization_code", "urn:ietf:params:oauth:grant-type:jwt-bearer"):
        _refused(await _ask(app, pair, grant_type=grant), "unsupported_grant_type", 400)
    _refused(await _ask(app, pair, grant_type=""), "invalid_request", 400)
    _refused(await _ask(app, pair, resource="https://elsewhere.example"), "invalid_target", 400)
    assert (await _ask(app, pair, resource=BASE)).status_code == 200
    assert (await _ask(app, pair, resource="")).status_code == 200
    assert (await _ask(app, pair, unknown="ignored", scopes="x")).status_code == 200
    _refused(await _ask(app), "invalid_client", 401)
    _refused(await _ask(app, client_id=pair[0], client_secret=pair[1]), "invalid_client", 401)


async def test_two_proofs_at_once_or_an_unknown_kind_are_refused(
    app: FastAPI, make_client: MakeClient, make_signer: MakeSigner
) -> None:
    pair = await make_client()
    client_id, key = await make_signer()
    token = assertion(client_id, key)
    both = await _ask(app, pair, client_assertion_type=ASSERTION_TYPE, client_assertion=token)
    _refused(both, "invalid_request", 400)
    _refused(await _ask(app, client_assertion=token), "invalid_request", 400)
    other = await _ask(app, client_assertion=token, client_assertion_type="saml2-bearer")
    _refused(other, "invalid_request", 400)


async def test_a_json_body_is_refused(app: FastAPI, make_client: MakeClient) -> None:
    async with plain_client(app) as client:
        answer = await client.post(
            "/oauth/token", json={"grant_type": "client_credentials"}, auth=await make_client()
        )
    assert answer.status_code == 415


async def _raw(app: FastAPI, body: str, pair: tuple[str, str] | None) -> httpx.Response:
    """Exactly these form bytes."""
    async with plain_client(app) as client:
        return await client.post(
            "/oauth/token",
            content=body.encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            auth=pair or httpx.USE_CLIENT_DEFAULT,
        )


_GRANT = "grant_type=client_credentials"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (f"{_GRANT}&{_GRANT}", 400),
        (f"{_GRANT}&scope=partners:read&scope=partners:read", 400),
        (f"{_GRANT}&scope=partners:read&scope=", 400),
        (f"{_GRANT}&unknown=1&unknown=2", 400),
        (f"{_GRANT}&unknown=1&other=2&scope=&resource=&client_assertion=", 200),
        (f"{_GRANT}&resource={BASE}&resource={BASE}", 200),
        (f"{_GRANT}&scope={'x' * 9_000}", 400),
        (f"{_GRANT}&client_id=another", 400),
        ("", 400),
        ("grant_type", 400),
        ("grant_type=", 400),
    ],
)
async def test_a_form_is_read_by_rfc_6749(
    body: str, status: int, app: FastAPI, make_client: MakeClient
) -> None:
    """3.2: none twice, an empty one is an absent one, an unknown one is ignored."""
    answer = await _raw(app, body, await make_client())
    assert answer.status_code == status, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"
    if status == 400:
        assert answer.json() == {"error": "invalid_request"}


async def test_one_good_and_one_foreign_resource_is_no_target(
    app: FastAPI, make_client: MakeClient
) -> None:
    body = f"{_GRANT}&resource={BASE}&resource=https://elsewhere.example"
    _refused(await _raw(app, body, await make_client()), "invalid_target", 400)


async def test_two_authorization_headers_or_a_huge_one_are_refused(
    app: FastAPI, make_client: MakeClient
) -> None:
    pair = await make_client()
    good = "Basic " + base64.b64encode(":".join(pair).encode()).decode()
    async with plain_client(app) as client:
        for headers in (
            [("Authorization", good), ("Authorization", good)],
            [("Authorization", "Basic " + "A" * 9_000)],
        ):
            answer = await client.post(
                "/oauth/token", data={"grant_type": "client_credentials"}, headers=headers
            )
            _refused(answer, "invalid_request", 400)


async def test_an_upload_is_no_form(app: FastAPI) -> None:
    async with plain_client(app) as client:
        answer = await client.post("/oauth/token", files={"grant_type": b"client_credentials"})
    assert answer.status_code == 415


async def test_an_assertion_may_be_as_ordinary_libraries_make_it(
    app: FastAPI, make_signer: MakeSigner
) -> None:
    client_id, key = await make_signer()
    now = int(time.time())
    good: list[dict[str, Any]] = [
        {"aud": BASE}, {"aud": [BASE]}, {"iat": now - 55, "exp": now + 3_545},
        {"exp": now + 3_600}, {"iat": float(now), "exp": now + 60.5}, {"nbf": now},
        {"jti": "x" * 128}, {"extra": {"a": 1}},
    ]  # fmt: skip
    for more in good:
        answer = await _by_assertion(app, assertion(client_id, key, **more))
        assert answer.status_code == 200, (more, answer.text)
    for more in (
        {"iat": now - 120, "exp": now + 60}, {"exp": now + 3_700}, {"aud": [BASE, BASE]},
        {"aud": []}, {"aud": {BASE: 1}}, {"nbf": now + 600},
    ):  # fmt: skip
        _refused(await _by_assertion(app, assertion(client_id, key, **more)))


async def test_an_assertion_is_kept_until_it_would_expire(
    app: FastAPI, make_signer: MakeSigner, operator_database: Database
) -> None:
    client_id, key = await make_signer()
    expires = int(time.time()) + 3_000
    await _by_assertion(app, assertion(client_id, key, exp=expires))
    async with operator_database.connection() as connection:
        kept = await connection.fetchval(
            "SELECT extract(epoch FROM expires_at) FROM assertion_replays WHERE client_id = $1",
            client_id,
        )
    assert kept >= expires + 30, "and for the leeway that we give clocks"


async def test_a_client_proves_itself_only_by_its_own_method(
    app: FastAPI, make_client: MakeClient, operator_database: Database
) -> None:
    """Not by what is left in the tables of a method it had before."""
    client_id, secret = await make_client()
    assert (await _ask(app, (client_id, secret))).status_code == 200
    key = new_key()
    async with operator_database.connection() as connection:
        await connection.execute(
            "UPDATE clients SET jwks = $2 WHERE id = $1",
            client_id,
            json.dumps({"keys": [jwk(key, alg="ES256")]}),
        )
        _refused(await _by_assertion(app, assertion(client_id, key)))
        await connection.execute(
            "UPDATE clients SET auth_method = 'private_key_jwt' WHERE id = $1", client_id
        )
    assert (await _by_assertion(app, assertion(client_id, key))).status_code == 200
    _refused(await _ask(app, (client_id, secret)))


async def test_a_refused_caller_learns_where_tokens_come_from(app: FastAPI) -> None:
    """RFC 9728 5.1."""
    where = f'resource_metadata="{BASE}/.well-known/oauth-protected-resource"'
    async with plain_client(app) as client:
        bare = await client.get("/v1/agencies")
        wrong = await client.get("/v1/agencies", headers={"Authorization": "Bearer x"})
    assert bare.headers["www-authenticate"] == f"Bearer {where}"
    assert wrong.headers["www-authenticate"] == f'Bearer error="invalid_token", {where}'


async def test_metadata_and_keys_fit_the_tokens(app: FastAPI, make_client: MakeClient) -> None:
    async with plain_client(app) as client:
        server = (await client.get("/.well-known/oauth-authorization-server")).json()
        resource = (await client.get("/.well-known/oauth-protected-resource")).json()
        keys = (await client.get("/oauth/jwks")).json()["keys"]
    assert server["issuer"] == resource["resource"] == BASE
    assert server["token_endpoint"] == f"{BASE}/oauth/token"
    assert set(server["scopes_supported"]) == ALL
    assert resource["authorization_servers"] == [BASE]
    assert keys
    for key in keys:
        assert key.keys() == {"kty", "crv", "x", "y", "kid", "alg", "use"}, "no private member"
    token = (await _ask(app, await make_client())).json()["access_token"]
    header = base64.urlsafe_b64decode(token.split(".")[0] + "==")
    assert any(key["kid"].encode() in header for key in keys)


async def test_keys_are_read_again_though_every_connection_is_wanted(
    empty_database: Settings,
) -> None:
    """Thirty at once with a pool of three, at the moment when keys are due: nobody is refused."""
    world = await build_world(empty_database)
    small = empty_database.model_copy(update={"pool_size": 3})
    app = create_app(small)
    async with app.router.lifespan_context(app):
        for _ in range(2):
            app.state.keys._read_at = float("-inf")
            tokens = await asyncio.gather(
                *(token_for(app, "UNICEF", world.secrets["UNICEF"]) for _ in range(30))
            )
            assert len(set(tokens)) == 30
