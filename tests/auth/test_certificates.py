"""Tokens bound to a client certificate (RFC 8705) that a proxy vouches for (RFC 9440)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.auth.exchange import GRANT_TYPE, JWT
from app.core.db import Database
from app.core.settings import Settings
from app.main import create_app
from tests.auth.conftest import MakeClient, MakeSigner
from tests.auth.forge import EcKey, assertion, b64, claims, forge
from tests.auth.test_token_endpoint import ASSERTION_TYPE
from tests.auth.trust import Trust
from tests.idp import Idp
from tests.support import World, plain_client

_DER, _OTHER = b"a certificate of ours" * 30, b"another certificate" * 30


def _header(der: bytes) -> str:
    return f":{base64.b64encode(der).decode()}:"


def _thumbprint(der: bytes) -> str:
    return b64(hashlib.sha256(der).digest())


@pytest.fixture(scope="module")
async def proxied(settings: Settings, world: World) -> AsyncIterator[FastAPI]:
    """The application behind a proxy that sets Client-Cert."""
    app = create_app(settings.model_copy(update={"client_cert_header": True}))
    async with app.router.lifespan_context(app):
        yield app


async def _read(app: FastAPI, token: str, *certificates: str) -> httpx.Response:
    headers = [("Authorization", f"Bearer {token}")]
    headers += [("Client-Cert", value) for value in certificates]
    async with plain_client(app) as client:
        return await client.get("/v1/partners?limit=1", headers=headers)


_BOUND = {"x5t#S256": _thumbprint(_DER)}
_CNF: dict[str, tuple[Any, list[str], int]] = {
    "free token, no certificate": (..., [], 200),
    "free token, some certificate": (..., [_header(_OTHER)], 200),
    "bound, its certificate": (_BOUND, [_header(_DER)], 200),
    "bound, none": (_BOUND, [], 401),
    "bound, another one": (_BOUND, [_header(_OTHER)], 401),
    "bound, two headers": (_BOUND, [_header(_DER), _header(_DER)], 401),
    "bound, two in one header": (_BOUND, [f"{_header(_DER)}, {_header(_OTHER)}"], 401),
    "bound, no byte sequence": (_BOUND, [base64.b64encode(_DER).decode()], 401),
    "bound, PEM": (_BOUND, ["-----BEGIN CERTIFICATE-----"], 401),
    "bound, broken base64": (_BOUND, [":AAAAA:"], 401),
    "bound, base64 of the other alphabet": (_BOUND, [":-_-_:"], 401),
    "bound, parameters": (_BOUND, [_header(_DER) + ";a=1"], 401),
    "bound, far too long": (_BOUND, [_header(b"x" * 9_500)], 401),
    "bound, larger than a head may be": (_BOUND, [_header(b"x" * 12_000)], 431),
    "bound, empty": (_BOUND, ["::"], 401),
    "confirmation of another kind": ({"jkt": "x" * 43}, [_header(_DER)], 401),
    "a second member": (_BOUND | {"jkt": "x" * 43}, [_header(_DER)], 401),
    "key in the token": ({"jwk": {}}, [_header(_DER)], 401),
    "empty confirmation": ({}, [_header(_DER)], 401),
    "confirmation null": (None, [_header(_DER)], 401),
    "confirmation text": (_thumbprint(_DER), [_header(_DER)], 401),
    "confirmation list": ([_BOUND], [_header(_DER)], 401),
    "thumbprint of no certificate": ({"x5t#S256": ""}, [], 401),
    "thumbprint null": ({"x5t#S256": None}, [_header(_DER)], 401),
    "thumbprint number": ({"x5t#S256": 7}, [_header(_DER)], 401),
    "thumbprint padded": ({"x5t#S256": _thumbprint(_DER) + "="}, [_header(_DER)], 401),
    "thumbprint by SHA-1": ({"x5t": "x" * 27}, [_header(_DER)], 401),
}


@pytest.mark.parametrize("name", _CNF)
async def test_a_token_is_good_only_with_what_it_is_bound_to(
    name: str, proxied: FastAPI, token_key: tuple[EcKey, str]
) -> None:
    cnf, certificates, status = _CNF[name]
    key, kid = token_key
    token = forge({"alg": "ES256", "typ": "at+jwt", "kid": kid}, claims("UNICEF", cnf=cnf), key)
    for _ in range(2):  # the second time from the cache of good tokens
        answer = await _read(proxied, token, *certificates)
        assert answer.status_code == status, answer.text
    if status == 401:
        assert answer.json()["code"] == "not_authenticated"
        assert answer.headers["www-authenticate"].startswith('Bearer error="invalid_token"')


async def test_without_the_setting_the_header_is_anybodys(
    app: FastAPI, token_key: tuple[EcKey, str]
) -> None:
    key, kid = token_key
    token = forge({"alg": "ES256", "typ": "at+jwt", "kid": kid}, claims("UNICEF", cnf=_BOUND), key)
    assert (await _read(app, token, _header(_DER))).status_code == 401


async def _bind(database: Database, client_id: str) -> None:
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE clients SET certificate_bound = true WHERE id = $1", client_id
        )


async def test_a_bound_client_gets_bound_tokens_or_none(
    app: FastAPI,
    proxied: FastAPI,
    make_client: MakeClient,
    make_signer: MakeSigner,
    operator_database: Database,
) -> None:
    client_id, secret = await make_client()
    signer, key = await make_signer()
    free, free_secret = await make_client()
    for name in (client_id, signer):
        await _bind(operator_database, name)

    async def ask(app: FastAPI, name: str, certificate: str | None) -> httpx.Response:
        form = {"grant_type": "client_credentials"}
        if name == signer:
            form |= {
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": assertion(name, key),
            }
        auth = {client_id: (client_id, secret), free: (free, free_secret)}.get(name)
        async with plain_client(app) as client:
            return await client.post(
                "/oauth/token",
                data=form,
                auth=auth or httpx.USE_CLIENT_DEFAULT,
                headers={"Client-Cert": certificate} if certificate else {},
            )

    for name in (client_id, signer):
        answer = await ask(proxied, name, _header(_DER))
        assert answer.status_code == 200, answer.text
        token = answer.json()["access_token"]
        assert (await _read(proxied, token, _header(_DER))).status_code == 200
        assert (await _read(proxied, token, _header(_OTHER))).status_code == 401
        assert (await _read(proxied, token)).status_code == 401
        for refused in (await ask(proxied, name, None), await ask(proxied, name, "x"),
                        await ask(app, name, _header(_DER))):  # fmt: skip
            assert refused.status_code == 401
            assert refused.json() == {"error": "invalid_client"}
    token = (await ask(proxied, free, _header(_DER))).json()["access_token"]
    assert (await _read(proxied, token)).status_code == 200, "only a bound client's is bound"


async def test_a_person_through_a_bound_machine_is_bound_to_its_certificate(
    proxied: FastAPI, trust: Trust, idp: Idp, make_client: MakeClient
) -> None:
    subject, _ = await trust.person(await trust.trust(idp))
    machine = await make_client()
    await _bind(trust.operator, machine[0])

    async def exchange(headers: dict[str, str]) -> httpx.Response:
        form = {
            "grant_type": GRANT_TYPE,
            "subject_token": idp.token(subject),
            "subject_token_type": JWT,
        }
        async with plain_client(proxied) as client:
            return await client.post("/oauth/token", data=form, auth=machine, headers=headers)

    assert (await exchange({})).json() == {"error": "invalid_client"}
    answer = await exchange({"Client-Cert": _header(_DER)})
    assert answer.status_code == 200, answer.text
    token = answer.json()["access_token"]
    assert (await _read(proxied, token, _header(_DER))).status_code == 200
    assert (await _read(proxied, token, _header(_OTHER))).status_code == 401
    assert (await _read(proxied, token)).status_code == 401
    assert await trust.value(
        "SELECT certificate_bound FROM clients WHERE acts_through = $1", machine[0]
    )


async def test_the_metadata_says_whether_tokens_can_be_bound(
    app: FastAPI, proxied: FastAPI
) -> None:
    for application, able in ((app, False), (proxied, True)):
        async with plain_client(application) as client:
            for name in ("oauth-authorization-server", "oauth-protected-resource"):
                body = (await client.get(f"/.well-known/{name}")).json()
                assert body["tls_client_certificate_bound_access_tokens"] is able
