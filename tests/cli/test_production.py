"""REGISTRY_ENV=production starts nothing of the demo and nothing unsafe: one sentence each.

Not async: the worker's command handles signals, which only a main thread without a loop may.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from app.core import migrate, roles
from app.core.crypto import RootKey
from app.core.embedded import EmbeddedPostgres
from tests.cli.commands import free_port, registry_here

_PASSWORD = "production-test"
Environment = dict[str, str]
pytestmark = pytest.mark.xdist_group("production")  # one server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server as durable as in production; the one of the other tests may not be."""
    folder = tmp_path_factory.mktemp("production") / "pg"
    with EmbeddedPostgres(folder, settings={"shared_buffers": "16MB"}) as running:
        yield running


@pytest.fixture(scope="module")
def database(server: EmbeddedPostgres) -> str:
    asyncio.run(_prepare(server.url()))
    url = server.url(database="registry")
    migrate.upgrade(url)
    return url


async def _prepare(url: str) -> None:
    connection = await asyncpg.connect(url)
    await roles.create_roles(connection, _PASSWORD, _PASSWORD)
    await roles.create_database(connection, "registry")
    await connection.close()


@pytest.fixture
def env(server: EmbeddedPostgres, database: str, tmp_path: Path) -> Iterator[Environment]:
    """Settings that production accepts, on a database that is a production one."""
    key = tmp_path / "root.key"
    RootKey.generate("production").save(key)
    yield {
        "REGISTRY_ENV": "production",
        "REGISTRY_ISSUER": "https://registry.example.org",
        "REGISTRY_ROOT_KEY_FILE": str(key),
        "REGISTRY_DATABASE_URL": server.url(roles.APP, "registry", _PASSWORD),
        "REGISTRY_DATABASE_WORKER_URL": server.url(roles.WORKER, "registry", _PASSWORD),
    }
    execute(database, "DELETE FROM instance")


def execute(url: str, statement: str) -> str | None:
    """Run one statement as the superuser; its first value."""

    async def work() -> str | None:
        connection = await asyncpg.connect(url)
        try:
            value: str | None = await connection.fetchval(statement)
            return value
        finally:
            await connection.close()

    return asyncio.run(work())


def refused(env: Environment, words: str, *commands: str) -> None:
    """These commands refuse to start, each with exactly this sentence."""
    for command in commands or ("serve", "worker"):
        arguments = ["serve", "--port", str(free_port())] if command == "serve" else command.split()
        result = registry_here(*arguments, env=env)
        assert isinstance(result.exception, SystemExit), repr(result.exception)
        assert result.exit_code == 1
        assert result.stderr == f"{words}\n"


def test_safe_settings_pass(env: Environment) -> None:
    result = registry_here("db", "check", env=env)
    assert result.exit_code == 0, result.output
    assert f"fsync on, synchronous_commit on, schema at {migrate.head()}" in result.stdout


def test_a_demo_key(env: Environment, tmp_path: Path) -> None:
    RootKey.generate("demo").save(tmp_path / "demo.key")
    refused(
        env | {"REGISTRY_ROOT_KEY_FILE": str(tmp_path / "demo.key")},
        "The root key was made for the demo; production refuses it.",
    )


def test_no_key(env: Environment) -> None:
    del env["REGISTRY_ROOT_KEY_FILE"]
    refused(env, "REGISTRY_ROOT_KEY_FILE must be set in production.")


def test_a_demo_database(env: Environment, database: str) -> None:
    execute(database, "INSERT INTO instance (kind) VALUES ('demo')")
    refused(env, "This database holds the demo world; production refuses it.")


def test_demo_clients(env: Environment, database: str) -> None:
    execute(
        database,
        "WITH a AS (INSERT INTO agencies (id, code, name, contact_office, contact_email) "
        "VALUES (uuidv7(), 'WFP', 'x', 'x', 'x') RETURNING id) INSERT INTO clients "
        "(id, agency_id, name, scopes, auth_method, demo) "
        "SELECT 'x', id, 'x', '{}', 'private_key_jwt', true FROM a",
    )
    refused(env, "This database holds demo clients; production refuses them.")
    execute(database, "DELETE FROM clients")


def test_a_machine_client_that_decides(env: Environment, database: str) -> None:
    execute(
        database,
        "WITH a AS (INSERT INTO agencies (id, code, name, contact_office, contact_email) "
        "VALUES (uuidv7(), 'FAO', 'x', 'x', 'x') RETURNING id) INSERT INTO clients "
        "(id, agency_id, name, scopes, auth_method) SELECT 'ERP', id, 'x', "
        "'{partners:read,sanctions:decide}', 'private_key_jwt' FROM a",
    )
    words = "The machine client ERP holds a deciding scope; only clients of named persons decide."
    refused(env, words)
    execute(database, "UPDATE clients SET status = 'revoked'")
    assert registry_here("db", "check", env=env).exit_code == 0
    execute(database, "DELETE FROM clients")


def test_a_superuser(env: Environment, database: str) -> None:
    words = "The database role postgres passes by row level security; use reg_app."
    both = {"REGISTRY_DATABASE_URL": database, "REGISTRY_DATABASE_WORKER_URL": database}
    refused(env | both, words)


def test_the_owner_of_the_tables(env: Environment, database: str, server: EmbeddedPostgres) -> None:
    execute(database, f"ALTER ROLE {roles.OWNER} LOGIN PASSWORD '{_PASSWORD}'")
    owner = server.url(roles.OWNER, "registry", _PASSWORD)
    words = "The database role reg_owner owns tables; use reg_app."
    both = {"REGISTRY_DATABASE_URL": owner, "REGISTRY_DATABASE_WORKER_URL": owner}
    refused(env | both, words)


def test_commits_that_do_not_wait(env: Environment, database: str) -> None:
    for role in (roles.APP, roles.WORKER):
        execute(database, f"ALTER ROLE {role} SET synchronous_commit = off")
    refused(env, "The database runs with synchronous_commit off.")
    for role in (roles.APP, roles.WORKER):
        execute(database, f"ALTER ROLE {role} RESET synchronous_commit")


def test_a_server_that_does_not_sync(env: Environment, database: str) -> None:
    execute(database, "ALTER SYSTEM SET full_page_writes = off")
    execute(database, "SELECT pg_reload_conf()")
    try:
        _until(database, "full_page_writes", "off")
        refused(env, "The database runs with fsync or full_page_writes off.")
    finally:
        execute(database, "ALTER SYSTEM RESET full_page_writes")
        execute(database, "SELECT pg_reload_conf()")


def _until(url: str, name: str, value: str) -> None:
    for _ in range(100):
        if execute(url, f"SHOW {name}") == value:
            return
    raise AssertionError(name)


def test_the_demo_itself(env: Environment, tmp_path: Path) -> None:
    folder = tmp_path / "var"
    result = registry_here("demo", env=env | {"REGISTRY_VAR_DIR": str(folder)})
    assert result.exit_code == 1
    assert result.stderr == "`registry demo` does not run with REGISTRY_ENV=production.\n"
    assert not folder.exists()
