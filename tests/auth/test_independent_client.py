"""An OAuth library that is not ours gets and uses tokens by both methods, over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fastapi import FastAPI
from joserfc.jwk import ECKey, RSAKey

from tests.auth.conftest import MakeClient
from tests.auth.forge import jwk, rsa_jwk
from tests.sockets import served
from tests.support import BASE, plain_client


@pytest.fixture
async def address(app: FastAPI) -> AsyncIterator[str]:
    """The application on a loopback port, as `registry serve` runs it."""
    async with served(app) as port:
        yield f"http://127.0.0.1:{port}"


async def _get_and_use(client: Any, address: str, **more: Any) -> None:
    token = await client.fetch_token(
        f"{address}/oauth/token", grant_type="client_credentials", scope="partners:read", **more
    )
    assert token["token_type"] == "Bearer"
    assert token["scope"] == "partners:read"
    assert 0 < token["expires_in"] <= 300
    answer = await client.get(f"{address}/v1/partners?limit=1")
    assert answer.status_code == 200, answer.text
    assert answer.headers["ratelimit-policy"].startswith('"client";q=')
    assert "server" not in answer.headers


async def test_authlib_with_a_secret(address: str, make_client: MakeClient) -> None:
    client_id, secret = await make_client()
    async with AsyncOAuth2Client(
        client_id, secret, token_endpoint_auth_method="client_secret_basic"
    ) as client:
        await _get_and_use(client, address)


@pytest.mark.parametrize("alg", ["ES256", "ES384", "RS256"])
async def test_authlib_with_a_key(alg: str, address: str, make_client: MakeClient) -> None:
    private: Any
    if alg == "RS256":
        private = rsa.generate_private_key(65_537, 2_048)
        public = rsa_jwk(private, "k1")
    else:
        private = ec.generate_private_key(ec.SECP256R1() if alg == "ES256" else ec.SECP384R1())
        public = jwk(private, "k1", alg=alg)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key = (RSAKey if alg == "RS256" else ECKey).import_key(pem)
    client_id, _ = await make_client(auth_method="private_key_jwt", jwks={"keys": [public]})
    async with AsyncOAuth2Client(
        client_id, key, token_endpoint_auth_method="private_key_jwt"
    ) as client:
        # RFC 10070: the audience is the issuer, not the endpoint that the library takes by default.
        client.register_client_auth_method(
            PrivateKeyJWT(token_endpoint=BASE, headers={"kid": "k1"}, alg=alg)
        )
        await _get_and_use(client, address)


async def test_authlib_reads_our_refusals(address: str, make_client: MakeClient) -> None:
    client_id, _ = await make_client()
    async with AsyncOAuth2Client(client_id, "wrong") as client:
        with pytest.raises(Exception, match="invalid_client"):
            await client.fetch_token(f"{address}/oauth/token", grant_type="client_credentials")


async def test_authlib_accepts_our_metadata(app: FastAPI) -> None:
    async with plain_client(app) as client:
        body = (await client.get("/.well-known/oauth-authorization-server")).json()
    # The library wants https, which only a deployment has.
    secure = {
        name: value.replace("http://", "https://") if isinstance(value, str) else value
        for name, value in body.items()
    }
    metadata = AuthorizationServerMetadata(secure)
    for name in AuthorizationServerMetadata.REGISTRY_KEYS:
        # Nobody logs in here: there is no such endpoint, and the list of its answers is empty.
        if name not in ("authorization_endpoint", "response_types_supported"):
            getattr(metadata, f"validate_{name}")()
