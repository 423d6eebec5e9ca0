"""Online signing keys: made once for all processes, rotated, sealed under the root key."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import FastAPI

from app.auth import jose
from app.auth.keys import USES, NoSigningKey, SigningKeys, published_keys
from app.core.crypto import RootKey, Undecipherable
from app.core.db import Database
from app.core.settings import Settings


async def _database(settings: Settings) -> Database:
    return Database(settings.require("database_url"), settings)


async def test_many_processes_starting_at_once_make_one_key_of_each_use(
    empty_database: Settings,
) -> None:
    root = RootKey.generate("demo")
    database = await _database(empty_database)
    rings = [SigningKeys(database, root) for _ in range(6)]
    await asyncio.gather(*(ring.ensure() for ring in rings))
    assert (await rings[0].note_key()).public_key() in await rings[5].note_verifiers()
    for use in (use for use in USES if use != "checkpoint"):
        found = {(await ring.signing_key(use)).kid for ring in rings}
        assert len(found) == 1
        assert len(await rings[0].public_keys(use)) == 1
        assert set(await rings[0].verification_keys(use)) == {(found.pop(), "ES256")}
    await database.close()


async def test_many_requests_at_once_read_the_keys_once(empty_database: Settings) -> None:
    database = await _database(empty_database)
    ring = SigningKeys(database, RootKey.generate("demo"))
    await ring.ensure()
    found = await asyncio.gather(*(ring.signing_key("token") for _ in range(20)))
    assert all(key is found[0] for key in found), "loaded once, not twenty times"
    await database.close()


async def test_without_a_key_nothing_is_signed(empty_database: Settings) -> None:
    database = await _database(empty_database)
    ring = SigningKeys(database, RootKey.generate("demo"))
    with pytest.raises(NoSigningKey):
        await ring.signing_key("token")
    assert await ring.public_keys("token") == []
    assert await ring.verification_keys("token") == {}
    await database.close()


async def test_another_root_key_opens_no_signing_key(empty_database: Settings) -> None:
    database = await _database(empty_database)
    await SigningKeys(database, RootKey.generate("demo")).ensure()
    with pytest.raises(Undecipherable):
        await SigningKeys(database, RootKey.generate("demo")).signing_key("token")
    await database.close()


async def test_a_rotation_is_seen_within_half_a_minute_and_the_old_key_still_verifies(
    empty_database: Settings,
) -> None:
    database = await _database(empty_database)
    operator = Database(empty_database.require("database_migration_url"), empty_database)
    ring = SigningKeys(database, RootKey.generate("demo"))
    await ring.ensure()
    old = await ring.signing_key("token")
    async with operator.connection() as connection:
        await connection.execute(
            "UPDATE signing_keys SET state = 'retired', not_after = now() WHERE use = 'token'"
        )
    await ring.ensure()
    assert (await ring.signing_key("token")).kid == old.kid, "not read again yet"
    ring._read_at -= 31
    new = await ring.signing_key("token")
    assert new.kid != old.kid
    assert {kid for kid, _ in await ring.verification_keys("token")} == {old.kid, new.kid}
    await operator.close()
    await database.close()


async def test_published_keys_hold_no_token_key_and_no_private_half(
    app: FastAPI, database: Database
) -> None:
    keys = await published_keys(database)
    assert {key["use"] for key in keys} == {"list", "receipt", "checkpoint"}
    for key in keys:
        if key["use"] == "checkpoint":
            assert key["jwk"].keys() == {"kty", "crv", "x"}
        else:
            assert key["kid"] == jose.thumbprint(key["jwk"])
            assert key["jwk"].keys() == {"kty", "crv", "x", "y"}
        assert isinstance(key["not_before"], int)
        assert key["not_after"] is None


async def test_an_ended_key_says_when(empty_database: Settings) -> None:
    database = await _database(empty_database)
    await SigningKeys(database, RootKey.generate("demo")).ensure()
    operator = Database(empty_database.require("database_migration_url"), empty_database)
    async with operator.connection() as connection:
        await connection.execute("UPDATE signing_keys SET not_after = to_timestamp(2000000000)")
    assert {key["not_after"] for key in await published_keys(database)} == {2_000_000_000}
    await operator.close()
    await database.close()
