"""Fixtures of the whole suite: one real PostgreSQL, one database and one application per worker.

The process that starts pytest starts the server, creates the roles and migrates a template; each
worker clones the template and runs the application on the clone as reg_app, so that every test
commits for real and row level security is in force. Names a test uses are its own.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from fastapi import FastAPI
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession

# First of all that is ours: it sees the lines of what is imported after it.
from tests.lines import WATCH

# isort: split
from app.audit.stream import AuditStream
from app.auth.keys import SigningKeys
from app.core import migrate, roles
from app.core.crypto import RootKey
from app.core.db import Database
from app.core.embedded import EmbeddedPostgres
from app.core.sequencer import Sequencer
from app.core.settings import Settings
from app.events import service as events
from app.main import create_app
from app.sanctions.feed.stream import FeedStream
from app.worker import CONSUMERS
from tests.support import Api, World, build_world, open_api, plain_logs

_ROOT = Path(__file__).resolve().parents[1]
# A worker would import what lies there by itself; to the tests it only names files to read.
if "REGISTRY_LISTS_DIR" in os.environ:
    os.environ["REGISTRY_TEST_LISTS"] = os.environ.pop("REGISTRY_LISTS_DIR")
LISTS_DIR = Path(os.environ["REGISTRY_TEST_LISTS"]) if "REGISTRY_TEST_LISTS" in os.environ else None
"""Folder of real list files; tests that need them skip without it."""
_URL = "REGISTRY_TEST_DATABASE_URL"
_TEMPLATE = "REGISTRY_TEST_TEMPLATE"
_PASSWORDS = "REGISTRY_TEST_PASSWORDS"
_server: EmbeddedPostgres | None = None


def pytest_configure(config: pytest.Config) -> None:
    global _server
    plain_logs()
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    if _URL not in os.environ:
        # fsync off: the suite proves logic; durability has drills on a server of their own.
        # A folder of this run's own: two runs at once do not meet.
        _server = EmbeddedPostgres(
            _ROOT / "var" / "test-pg" / str(os.getpid()), settings={"fsync": "off"}
        )
        _server.start()
        os.environ[_URL] = _server.url()
    os.environ[_TEMPLATE] = f"registry_test_{secrets.token_hex(4)}"
    os.environ[_PASSWORDS] = secrets.token_hex(16)
    asyncio.run(_prepare())
    migrate.upgrade(_address(os.environ[_TEMPLATE]))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest go first: at the end one worker would wait for the other. The generated ones go
    last, and what they run does not count: of a line others have to assert something. The matrix of
    confidentiality keeps its place, all of it at once: it knows every row since it began.
    """
    for item in items:
        if item.path.parent.name in ("hostile", "contract", "house"):
            item.add_marker(pytest.mark.generated)
        if item.path.parent.name == "confidentiality":
            item.add_marker(pytest.mark.xdist_group("confidentiality"))  # one scene
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    if item.path.parent.name in ("story", "demo"):
        return 0
    return 2 if item.get_closest_marker("generated") else 1


def pytest_runtest_setup(item: pytest.Item) -> None:
    if WATCH is not None and item.get_closest_marker("generated"):
        WATCH.write()


def pytest_sessionfinish() -> None:
    if WATCH is not None:
        WATCH.write()


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or _TEMPLATE not in os.environ:
        return
    asyncio.run(_drop())
    if _server is not None:
        _server.stop("immediate")
        shutil.rmtree(_server.folder)
        del os.environ[_URL]


async def _prepare() -> None:
    connection = await asyncpg.connect(os.environ[_URL])
    try:
        able = await connection.fetchval(
            "SELECT rolsuper OR (rolcreatedb AND rolcreaterole) FROM pg_roles "
            "WHERE rolname = current_user"
        )
        if not able:
            pytest.exit(f"{_URL} must name a role that may create databases and roles.", 4)
        password = os.environ[_PASSWORDS]
        await roles.create_roles(connection, password, password)
        await roles.create_database(connection, os.environ[_TEMPLATE])
    finally:
        await connection.close()


async def _drop() -> None:
    connection = await asyncpg.connect(os.environ[_URL])
    names = await connection.fetch(
        "SELECT datname FROM pg_database WHERE datname LIKE $1 || '%'", os.environ[_TEMPLATE]
    )
    for row in names:
        await connection.execute(f'DROP DATABASE "{row[0]}" WITH (FORCE)')
    await connection.close()


def _address(database: str, role: str | None = None) -> str:
    url = make_url(os.environ[_URL]).set(database=database)
    if role is not None:
        url = url.set(username=role, password=os.environ[_PASSWORDS])
    return url.render_as_string(hide_password=False)


@asynccontextmanager
async def cloned(name: str, template: str | None = None) -> AsyncIterator[str]:
    """A database cloned from the migrated template or another one, dropped afterwards."""
    connection = await asyncpg.connect(os.environ[_URL])
    await roles.create_database(connection, name, template=template or os.environ[_TEMPLATE])
    try:
        yield name
    finally:
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await connection.close()


CloneDatabase = Callable[[str], Awaitable[Settings]]


@pytest.fixture(scope="session")
def worker_name(request: pytest.FixtureRequest) -> str:
    """Name of this xdist worker, or ``main``."""
    worker: dict[str, str] = getattr(request.config, "workerinput", {})
    return worker.get("workerid", "main")


@pytest.fixture(scope="session")
def root_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "root.key"
    RootKey.generate("demo").save(path)
    return path


def settings_for(database: str, root_key: Path, **more: Any) -> Settings:
    """Settings of an application on this database of the test server."""
    values: dict[str, Any] = {
        "env": "test",
        "database_url": _address(database, roles.APP),
        "database_worker_url": _address(database, roles.WORKER),
        "database_migration_url": _address(database),
        "root_key_file": root_key,
        # Hostile tests fail on purpose, and races wait on a slow machine; both limits have tests
        # of their own.
        "token_failures_client": 1_000_000,
        "token_failures_address": 1_000_000,
        "agency_wait_ms": 10_000,
    }
    return Settings(**(values | more))


@pytest.fixture(scope="session")
async def database_name(worker_name: str) -> AsyncIterator[str]:
    async with cloned(f"{os.environ[_TEMPLATE]}_{worker_name}") as name:
        yield name


@pytest.fixture
async def empty_database(worker_name: str, root_key: Path) -> AsyncIterator[Settings]:
    """Settings on a database of this test's own."""
    name = f"{os.environ[_TEMPLATE]}_{worker_name}_{secrets.token_hex(3)}"
    async with cloned(name):
        yield settings_for(name, root_key)


@pytest.fixture(scope="session")
def settings(database_name: str, root_key: Path) -> Settings:
    return settings_for(database_name, root_key)


@pytest.fixture(scope="session")
async def world(settings: Settings) -> World:
    """Five agencies with three clients each, bound to named persons."""
    return await build_world(settings)


@pytest.fixture(scope="session")
async def app(settings: Settings, world: World) -> AsyncIterator[FastAPI]:
    application = create_app(settings)
    async with application.router.lifespan_context(application):
        yield application


@pytest.fixture(scope="session")
def database(app: FastAPI) -> Database:
    """The application's own database, as reg_app."""
    result: Database = app.state.database
    return result


@pytest.fixture(scope="session")
async def worker_database(settings: Settings, app: FastAPI) -> AsyncIterator[Database]:
    """The same database as reg_worker."""
    database = Database(settings.require("database_worker_url"), settings)
    yield database
    await database.close()


@pytest.fixture(scope="session")
async def operator_database(settings: Settings, app: FastAPI) -> AsyncIterator[Database]:
    """The same database as its superuser: for what only an operator, or a fault, could do."""
    database = Database(settings.require("database_migration_url"), settings)
    yield database
    await database.close()


Settle = Callable[[], Awaitable[None]]


@pytest.fixture(scope="session")
async def settle(worker_database: Database, app: FastAPI, settings: Settings) -> Settle:
    """``await settle()``: what the worker process would do now, done: numbered and consumed."""
    keys = SigningKeys(worker_database, app.state.root)
    stream = FeedStream(keys, settings.issuer)
    log = AuditStream(keys, settings.issuer).as_stream()
    sequencer = Sequencer(worker_database, [events.STREAM, stream.as_stream(), log])
    async with worker_database.connection() as connection:
        await stream.heartbeat(connection, ("public", "inter_agency", "source.unsc"))

    async def run() -> None:
        taken = 1
        while taken:
            taken = await sequencer.step()
            for consumer in CONSUMERS:
                taken += await events.consume(worker_database, consumer)

    return run


@pytest.fixture
async def savepoint_session(database: Database) -> AsyncIterator[AsyncSession]:
    """A session joined to an outer transaction that is rolled back: for single-feature tests."""
    async with database.engine.connect() as connection:
        outer = await connection.begin()
        async with database.sessions(
            bind=connection, join_transaction_mode="create_savepoint"
        ) as session:
            yield session
        await outer.rollback()


ApiFor = Callable[..., Awaitable[Api]]


@pytest.fixture(scope="session")
async def _apis() -> AsyncIterator[dict[tuple[str, tuple[str, ...]], Api]]:
    opened: dict[tuple[str, tuple[str, ...]], Api] = {}
    yield opened
    for api in opened.values():
        await api.aclose()


@pytest.fixture(scope="session")
def api_for(app: FastAPI, world: World, _apis: dict[tuple[str, tuple[str, ...]], Api]) -> ApiFor:
    """``await api_for("WFP", "partners:read")``: a caller; without scopes it has all its own."""

    async def call(name: str, *scopes: str) -> Api:
        key = (name, scopes)
        if key not in _apis:
            _apis[key] = await open_api(app, world, name, scopes)
        return _apis[key]

    return call
