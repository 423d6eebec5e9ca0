"""Clients of a test's own, made as an operator makes them, and the service's own token key."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from fastapi import FastAPI

from app.auth import clients as auth
from app.auth.keys import SigningKeys
from app.core.db import Database
from tests.auth.forge import EcKey, jwk, new_key
from tests.auth.trust import idp, open_idp, trust
from tests.support import World

__all__ = ["idp", "open_idp", "trust"]

SCOPES = ("agencies:read", "partners:read", "partners:write")
MakeClient = Callable[..., Awaitable[tuple[str, str]]]
MakeSigner = Callable[..., Awaitable[tuple[str, EcKey]]]


@pytest.fixture
def make_client(operator_database: Database, world: World) -> MakeClient:
    """``client_id, secret = await make_client()``: a client with a secret, of UNICEF."""

    async def make(agency: str = "UNICEF", **more: Any) -> tuple[str, str]:
        name = f"TEST_{secrets.token_hex(6)}"
        values: dict[str, Any] = {
            "id": name,
            "agency_id": world.agencies[agency],
            "name": name,
            "scopes": SCOPES,
            "auth_method": "client_secret_basic",
        }
        async with operator_database.session() as session:
            secret = await auth.create_client(session, auth.NewClient(**(values | more)))
        return name, secret or ""

    return make


@pytest.fixture
def make_signer(make_client: MakeClient) -> MakeSigner:
    """``client_id, key = await make_signer()``: a client that signs assertions."""

    async def make(**more: Any) -> tuple[str, EcKey]:
        key = new_key()
        client_id, secret = await make_client(
            auth_method="private_key_jwt", jwks={"keys": [jwk(key, alg="ES256")]}, **more
        )
        assert not secret
        return client_id, key

    return make


@pytest.fixture(scope="session")
async def token_key(app: FastAPI) -> tuple[EcKey, str]:
    """The private key that the service signs tokens with, and its kid."""
    keys: SigningKeys = app.state.keys
    signing = await keys.signing_key("token")
    private = load_pem_private_key(signing.pem, None)
    assert isinstance(private, EcKey)
    return private, signing.kid
