"""The demo as a whole: a database server, a world in it, the service on top."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import quote

import asyncpg

from app.auth.keys import SigningKeys, published_keys
from app.core import migrate, roles
from app.core.clock import utc_now
from app.core.crypto import RootKey
from app.core.db import Database
from app.core.embedded import EmbeddedPostgres
from app.core.settings import Settings, UnsafeSettings
from app.demo.folder import Folder
from app.demo.processes import Child, DemoFailed, environment, supervise
from app.demo.world import SAMPLES, load_world
from app.sanctions.feed import root_documents, root_keys

Report = Callable[[str, int, int], None]
HOST = "127.0.0.1"
DATABASE = "registry"
_RENEW_BEFORE = timedelta(days=30)


class Stand:
    """A prepared demo. Holds its folder until `close`."""

    def __init__(self, folder: Folder, server: EmbeddedPostgres, port: int) -> None:
        self.folder = folder
        self.server = server
        self.port = port
        self.fresh = False

    @property
    def address(self) -> str:
        """Where the API answers."""
        return f"http://{HOST}:{self.port}"

    def run(self) -> None:
        """Serve until Ctrl-C or SIGTERM, then stop everything that the demo started."""
        try:
            known = self.settings()
            known.pop("REGISTRY_DATABASE_MIGRATION_URL")
            inherited = environment(known)
            children = (
                Child(["serve", "--host", HOST, "--port", str(self.port)], inherited),
                Child(["worker"], inherited),
            )
            supervise(children, self._announce, self.port, _say)
        finally:
            self.close()

    def close(self) -> None:
        """Stop the database server if a demo started it, and give the folder back."""
        # A demo that was killed could not stop its server; the next one does.
        if self.server.pid is not None and self.folder.state().get("server") == self.server.pid:
            self.server.stop()
        self.folder.release()

    def settings(self) -> dict[str, str]:
        """Settings of the service, as its environment."""
        app, worker = self.folder.passwords()
        return {
            "REGISTRY_ENV": "development",
            "REGISTRY_ISSUER": os.environ.get("REGISTRY_ISSUER") or self.address,
            "REGISTRY_ROOT_KEY_FILE": str(self.folder.root_key),
            "REGISTRY_VAR_DIR": str(self.folder.path),
            "REGISTRY_INDEX_DIR": str(self.folder.path / "index"),
            # Without a folder of real lists, the worker checks the small samples we ship.
            "REGISTRY_LISTS_DIR": os.environ.get("REGISTRY_LISTS_DIR") or str(SAMPLES),
            "REGISTRY_DATABASE_URL": self._url(roles.APP, app),
            "REGISTRY_DATABASE_WORKER_URL": self._url(roles.WORKER, worker),
            "REGISTRY_DATABASE_MIGRATION_URL": self.server.url(database=DATABASE),
        }

    def _url(self, role: str, password: str) -> str:
        return f"postgresql://{role}:{quote(password)}@{HOST}:{self.server.port}/{DATABASE}"

    def _announce(self) -> None:
        new = "The demo world is new." if self.fresh else "The data of earlier runs is kept."
        for line in (
            "",
            f"  API           {self.address}/v1",
            f"  Read about it {self.address}/docs",
            f"  Clients       {self.folder.credentials}",
            f"  Trust anchor  {self.folder.anchor}",
            f"  Commands      . {self.folder.environment}; registry --help",
            f"  {new} README.md has a tour to follow. Ctrl-C stops everything.",
            "",
        ):
            _say(line)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def prepare(settings: Settings, port: int, report: Report) -> Stand:
    """Make everything ready: server, roles, schema, keys, world. Nothing listens on ``port`` yet.

    Raises UnsafeSettings in production, DemoFailed when the port or the folder is taken, and
    EmbeddedPostgresError.
    """
    if settings.env == "production":
        raise UnsafeSettings("`registry demo` does not run with REGISTRY_ENV=production.")
    folder = Folder(settings.var_dir)
    folder.hold()
    server = EmbeddedPostgres(folder.postgres)
    stand = Stand(folder, server, port)
    try:
        _check_port(port)
        _start(server, folder, report)
        asyncio.run(_database(server, folder.passwords()))
        migrate.upgrade(server.url(database=DATABASE))
        report("the schema is up to date", 1, 1)
        asyncio.run(_fill(stand, settings, report))
    except BaseException:  # Ctrl-C while it fills ends the server too
        stand.close()
        raise
    return stand


def _check_port(port: int) -> None:
    try:
        socket.create_server((HOST, port)).close()
    except OSError:
        raise DemoFailed(
            f"Port {port} on {HOST} is taken by another program: stop it, or choose another port "
            f"with `registry demo --port {port + 1 if port < 65_535 else port - 1}`."
        ) from None


def _start(server: EmbeddedPostgres, folder: Folder, report: Report) -> None:
    running = server.pid
    server.start()
    if running is None:
        folder.remember(server=server.pid)
    report("the database server is up", 1, 1)


async def _database(server: EmbeddedPostgres, passwords: tuple[str, str]) -> None:
    connection = await asyncpg.connect(server.url())
    try:
        await roles.create_roles(connection, *passwords)
        await roles.create_database(connection, DATABASE)
    finally:
        await connection.close()


async def _fill(stand: Stand, settings: Settings, report: Report) -> None:
    folder = stand.folder
    environment_ = stand.settings()
    issuer = environment_["REGISTRY_ISSUER"]
    moved = folder.ensure_keys(issuer)
    known = {name.removeprefix("REGISTRY_").lower(): value for name, value in environment_.items()}
    inner = Settings(**known)  # type: ignore[arg-type]  # texts, as from the environment
    loaded = await load_world(inner, report, kept_secrets=folder.kept_secrets())
    stand.fresh = loaded.fresh
    folder.write_credentials(f"{stand.address}/oauth/token", loaded.secrets)
    folder.write_environment(environment_)
    await _publish_keys(folder, inner, moved)


async def _publish_keys(folder: Folder, settings: Settings, moved: bool) -> None:
    """Sign a keys document when there is none for these keys and this issuer."""
    app = Database(settings.require("database_url"), settings)
    operator = Database(settings.require("database_migration_url"), settings)
    try:
        await SigningKeys(app, RootKey.load(folder.root_key)).ensure()
        now = utc_now()
        claims = await root_documents.latest_document(operator)
        anchor = root_keys.read_anchor(folder.anchor)
        if (
            claims is None
            or _is_outdated(claims, anchor, now.timestamp())
            or (claims["keys"] != await published_keys(operator))
        ):
            files = sorted(folder.root_keys.glob("root-*.pem"))[: anchor["threshold"]]
            keys = root_keys.read_root_keys(files, anchor)
            await root_documents.root_sign(operator, anchor, keys, settings.issuer, now)
        if moved:
            # Manifests name their issuer: let the worker sign them anew at once.
            async with operator.connection() as connection:
                await connection.execute(
                    "UPDATE feed_heads SET signed_at = now() - interval '1 day'"
                )
    finally:
        await app.close()
        await operator.close()


def _is_outdated(claims: dict[str, object], anchor: dict[str, object], now: float) -> bool:
    expires = claims["exp"]
    assert isinstance(expires, int)
    return claims["iss"] != anchor["issuer"] or expires < now + _RENEW_BEFORE.total_seconds()
