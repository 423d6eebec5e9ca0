"""The life of clients: what can be made, secrets that rotate, revocation."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from fastapi import FastAPI

from app.auth import clients as auth
from app.auth import queries
from app.core.db import Database
from tests.auth.conftest import MakeClient, MakeSigner
from tests.auth.forge import jwk, new_key
from tests.support import World, plain_client

_KEY = jwk(new_key(), alg="ES256")


async def _works(app: FastAPI, client_id: str, secret: str) -> bool:
    async with plain_client(app) as client:
        answer = await client.post(
            "/oauth/token", data={"grant_type": "client_credentials"}, auth=(client_id, secret)
        )
    return answer.status_code == 200


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"scopes": ("partners:read", "partners:*", "all")}, "Unknown scope: all, partners:*."),
        ({"scopes": ("sanctions:decide",)}, "bound to a named person"),
        ({"auth_method": "private_key_jwt"}, "at least one usable public key"),
        ({"auth_method": "private_key_jwt", "jwks": {"keys": [{}]}}, "at least one usable"),
        (
            {"auth_method": "private_key_jwt", "jwks": {"keys": [_KEY, _KEY]}},
            "at least one usable",
        ),
        ({"jwks": {"keys": [_KEY]}}, "Only private_key_jwt takes a JWKS"),
        ({"roles": ("po",)}, "not one of the code list"),
        ({"id": "UNICEF"}, "exists already"),
    ],
)
async def test_an_unfit_client_is_not_made(
    more: dict[str, Any], sentence: str, make_client: MakeClient
) -> None:
    with pytest.raises(auth.ClientProblem, match=sentence.replace("*", r"\*")):
        await make_client(**more)


async def test_a_client_is_never_made_with_a_private_key(make_client: MakeClient) -> None:
    with pytest.raises(auth.ClientProblem):
        await make_client(
            auth_method="private_key_jwt", jwks={"keys": [jwk(new_key(), d="secret")]}
        )


async def test_a_person_makes_a_deciding_client_possible(
    make_client: MakeClient, operator_database: Database, world: World
) -> None:
    async with operator_database.session() as session:
        person = await auth.add_person(session, world.agencies["UNDP"], "A. Person", "HQ", "head")
        assert await queries.find_person(session, person.id) is person
    client_id, secret = await make_client("UNDP", scopes=("sanctions:decide",), person_id=person.id)
    assert client_id
    assert secret


async def test_two_secrets_live_side_by_side_and_a_third_ends_the_oldest(
    app: FastAPI, make_client: MakeClient, operator_database: Database
) -> None:
    client_id, first = await make_client()
    issued = [first]
    for _ in range(2):
        async with operator_database.session() as session:
            issued.append((await auth.rotate_secret(session, client_id)).secret)
        assert await _works(app, client_id, issued[-1])
        assert await _works(app, client_id, issued[-2])
    assert not await _works(app, client_id, first)


async def test_an_expired_secret_does_not_work(
    app: FastAPI, make_client: MakeClient, operator_database: Database
) -> None:
    client_id, secret = await make_client()
    assert await _works(app, client_id, secret)
    async with operator_database.connection() as connection:
        await connection.execute(
            "UPDATE client_secrets SET expires_at = now() WHERE client_id = $1", client_id
        )
    assert not await _works(app, client_id, secret)


async def test_a_secret_is_kept_as_its_digest_only(
    make_client: MakeClient, operator_database: Database
) -> None:
    client_id, secret = await make_client()
    assert len(secret) >= 43, "256 bits"
    async with operator_database.connection() as connection:
        rows = await connection.fetch(
            "SELECT c::text || s::text FROM clients c JOIN client_secrets s ON s.client_id = c.id "
            "WHERE c.id = $1",
            client_id,
        )
    assert len(rows) == 1
    assert secret not in rows[0][0]
    assert secret.encode().hex() not in rows[0][0]


async def test_only_an_active_client_with_a_secret_rotates_it(
    make_client: MakeClient, make_signer: MakeSigner, operator_database: Database
) -> None:
    client_id, _ = await make_client()
    signer, _ = await make_signer()
    async with operator_database.session() as session:
        await auth.revoke_client(session, client_id)
    for unfit in (client_id, signer, f"NOT_{secrets.token_hex(4)}"):
        async with operator_database.session() as session:
            with pytest.raises(auth.ClientProblem):
                await auth.rotate_secret(session, unfit)
    async with operator_database.session() as session:
        with pytest.raises(auth.ClientProblem):
            await auth.revoke_client(session, "NOT_THERE")


async def test_revoking_takes_the_secrets_away(
    make_client: MakeClient, operator_database: Database
) -> None:
    client_id, _ = await make_client()
    async with operator_database.session() as session:
        await auth.revoke_client(session, client_id)
    async with operator_database.connection() as connection:
        left = await connection.fetchval(
            "SELECT count(*) FROM client_secrets WHERE client_id = $1", client_id
        )
    assert left == 0
