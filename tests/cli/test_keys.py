"""``registry keys``: what an operator sees and is refused, on a database of the test's own."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from app.auth.keys import SigningKeys
from app.core.crypto import KeyRing, RootKey
from app.core.db import Database
from app.core.settings import Settings
from tests.cli.commands import environment_of, registry

KEYS = ("list", "receipt", "checkpoint")
AGED = (
    "UPDATE encryption_keys SET retired_at = retired_at - interval '1 h' WHERE retired_at < now()"
)


@pytest.fixture
async def env(empty_database: Settings) -> dict[str, str]:
    """Settings of a registry that has started once and sealed two values."""
    database = Database(empty_database.require("database_url"), empty_database)
    root = RootKey.load(Path(empty_database.require("root_key_file")))
    await SigningKeys(database, root).ensure()
    async with database.session() as session:
        for scope in ("agency:1", "partners"):
            await KeyRing(root).seal(session, scope, "r", b"x")
    await database.close()
    return environment_of(empty_database)


async def execute(env: dict[str, str], sql: str) -> list[str]:
    """As an operator at the database's own prompt; the first column."""
    connection = await asyncpg.connect(env["REGISTRY_DATABASE_MIGRATION_URL"])
    try:
        return [str(row[0]) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def events(env: dict[str, str]) -> list[str]:
    return await execute(env, "SELECT event FROM audit_events ORDER BY at, id")


async def said(*arguments: str | Path, env: dict[str, str]) -> str:
    """What a command that works says."""
    result = await registry("keys", *arguments, env=env)
    assert result.exit_code == 0, result.output
    return result.stdout


async def refused(*arguments: str | Path, env: dict[str, str]) -> str:
    """The one sentence of a command that refuses."""
    result = await registry("keys", *arguments, env=env)
    assert result.exit_code == 1, result.output
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
    return result.stderr


async def test_keys_are_listed_without_their_secrets(env: dict[str, str]) -> None:
    lines = [line.split("\t") for line in (await said("list", env=env)).splitlines()]
    assert lines[0] == ["use", "key", "state", "made", "ended"]
    assert [line[0] for line in lines[1:]] == [
        *("checkpoint", "list", "receipt", "token"), "agency:1", "partners"
    ]  # fmt: skip
    assert {line[2] for line in lines[1:]} == {"current"}
    assert {line[4] for line in lines[1:]} == {"-"}


async def test_the_life_of_a_token_key(env: dict[str, str]) -> None:
    assert "There is no next token key" in await refused("rotate", "token", env=env)
    made = await said("prepare", "token", env=env)
    coming = made.split()[0]
    assert made == f"{coming} is the next token key.\n"
    assert "already" in await refused("prepare", "token", env=env)
    assert "may sign from" in await refused("rotate", "token", env=env)
    await execute(env, "UPDATE signing_keys SET not_before = not_before - interval '25 h'")
    assert (await said("rotate", "token", env=env)).startswith(f"{coming} signs now, ")
    listed = await said("list", env=env)
    assert f"token\t{coming}\tcurrent" in listed
    assert "\tretired\t" in listed
    assert await events(env) == ["keys:signing:prepare", "keys:signing:rotate"]


async def test_the_life_of_a_list_key(env: dict[str, str], tmp_path: Path) -> None:
    await said("root", "init", tmp_path, env=env)
    sign = ("root", "sign", "--key", tmp_path / "root-1.pem", "--key", tmp_path / "root-3.pem")
    await said(*sign, env=env)
    for use in KEYS:
        assert "Run `registry keys root sign` now" in await said("prepare", use, env=env)
        assert "not in the newest keys document" in await refused("rotate", use, env=env)
    await said(*sign, env=env)
    await said(*sign, env=env)
    for use in KEYS:
        assert "was published at" in await refused("rotate", use, env=env)
    # Published is what a keys document says, however old the key itself is.
    await execute(env, "UPDATE signing_keys SET not_before = not_before - interval '30 d'")
    assert "was published at" in await refused("rotate", "list", env=env)
    await execute(
        env,
        "UPDATE keys_documents SET created_at = created_at - "
        "make_interval(days => 10 - version::int)",
    )
    for use in KEYS:
        assert "Run `registry keys root sign` now" in await said("rotate", use, env=env)
    assert (await said("list", env=env)).count("\tretired\t") == 3


async def test_an_emergency(env: dict[str, str]) -> None:
    for use in ("token", *KEYS):
        assert "signs now" in await said("rotate", use, "--now", env=env)
    listed = await said("list", env=env)
    assert listed.count("\twithdrawn\t") == 4
    assert listed.count("\tcurrent\t") == 6
    assert await events(env) == ["keys:signing:replace"] * 4


async def test_encryption_keys_rotate(env: dict[str, str]) -> None:
    unknown = await refused("rotate", "encryption", "--scope", "agency:2", env=env)
    assert unknown == "There is no encryption key of scope agency:2.\n"
    one = await said("rotate", "encryption", "--scope", "partners", "--no-wait", env=env)
    assert one.splitlines() == [
        "1 new keys; 0 values moved; 0 old keys deleted.",
        "1 old keys may be in use: run this again in 3 minutes.",
    ]
    await execute(
        env,
        AGED,
    )
    rest = await said("rotate", "encryption", "--scope", "partners", "--no-wait", env=env)
    assert rest == "0 new keys; 0 values moved; 1 old keys deleted.\n"
    assert "partners" in await said("list", env=env)
    assert await events(env) == ["keys:encryption:rotate"] * 5


async def test_a_value_of_the_first_format_is_counted(env: dict[str, str]) -> None:
    await execute(
        env,
        "INSERT INTO idempotency_keys (agency_id, client_id, route, key, fingerprint, status, "
        "headers, sealed_body) SELECT gen_random_uuid(), 'x', 'x', 'x', '', 201, '{}', "
        "'\\x01' || uuid_send(id) || decode(repeat('00', 88), 'hex') FROM encryption_keys "
        "WHERE scope = 'partners'",
    )
    await said("rotate", "encryption", "--no-wait", env=env)
    await execute(
        env,
        AGED,
    )
    last = await said("rotate", "encryption", "--no-wait", env=env)
    assert "0 values moved; 1 old keys deleted." in last
    assert "stays for 1 values of the first format." in last


async def test_the_root_key_rotates_in_steps(env: dict[str, str], tmp_path: Path) -> None:
    new, former = tmp_path / "new.key", env["REGISTRY_ROOT_KEY_FILE"]
    assert "holds the root key" in await said("create-root-key", new, "--demo", env=env)
    rotate = ("rotate", "root", "--new", new)
    assert "REGISTRY_ROOT_KEY_SECOND_FILE" in await refused(*rotate, env=env)
    both = env | {"REGISTRY_ROOT_KEY_SECOND_FILE": str(new)}
    first = await said(*rotate, env=both)
    assert "6 were wrapped anew" in first
    assert "Now make it REGISTRY_ROOT_KEY_FILE" in first
    swapped = {"REGISTRY_ROOT_KEY_FILE": str(new), "REGISTRY_ROOT_KEY_SECOND_FILE": former}
    last = await said(*rotate, env=env | swapped)
    assert "0 were wrapped anew" in last
    assert "not needed any more" in last
    # The former root key alone is of no use now.
    alone = await refused("rotate", "encryption", "--no-wait", env=env)
    assert alone.startswith("A key of the database was wrapped by a root key that the settings")
    assert "settings do not name" in await refused("prepare", "token", env=env)
    assert "settings do not name" in await refused("rotate", "token", "--now", env=env)
    await said("rotate", "encryption", "--no-wait", env=env | {"REGISTRY_ROOT_KEY_FILE": str(new)})
    assert (await events(env))[:4] == ["keys:root:rotate"] * 4


async def test_production_prepares_nothing_under_a_demo_key(env: dict[str, str]) -> None:
    production = env | {
        "REGISTRY_ENV": "production",
        "REGISTRY_ISSUER": "https://registry.example.org",
    }
    for command in (("prepare", "token"), ("rotate", "token", "--now")):
        assert "made for the demo" in await refused(*command, env=production)
