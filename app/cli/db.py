"""``registry db``: roles, schema, and whether a database is fit for the service."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import asyncpg
import typer
from sqlalchemy.engine import make_url

from app.auth.scopes import DECIDING
from app.cli.databases import opened
from app.cli.shell import Refused, group, load_settings, run
from app.core import migrate, roles
from app.core.db import wait_for_database
from app.core.embedded import EmbeddedPostgres
from app.core.safety import check_database
from app.core.settings import Settings

app = group()
_PASSWORDS = ("REGISTRY_REG_APP_PASSWORD", "REGISTRY_REG_WORKER_PASSWORD")


@app.command("roles")
def create_roles(
    print_only: Annotated[
        bool, typer.Option("--print", help="only show the SQL, for a managed server")
    ] = False,
) -> None:
    """Create reg_owner, reg_app and reg_worker, and hand the database to reg_owner.

    Works by REGISTRY_DATABASE_MIGRATION_URL; may be repeated. The passwords come from
    REGISTRY_REG_APP_PASSWORD and REGISTRY_REG_WORKER_PASSWORD; without one, a role keeps its own.
    """
    settings = load_settings()
    if print_only:
        _print_sql(settings)
        return
    run(_create_roles(settings, [os.environ.get(name) or None for name in _PASSWORDS]))
    typer.echo("Roles reg_owner, reg_app and reg_worker are ready.")


def _print_sql(settings: Settings) -> None:
    url = settings.database_migration_url
    name = make_url(url.get_secret_value()).database if url else None
    for statement in roles.role_statements(None, None):
        typer.echo(f"{statement};")
    quoted = '"' + (name or "registry").replace('"', '""') + '"'
    typer.echo(f"ALTER DATABASE {quoted} OWNER TO {roles.OWNER};")
    # A password on a terminal ends up in a log.
    for role, variable in zip((roles.APP, roles.WORKER), _PASSWORDS, strict=True):
        typer.echo(f"-- then set a password, in psql by: \\password {role}  ({variable})")


async def _create_roles(settings: Settings, passwords: list[str | None]) -> None:
    url = settings.require("database_migration_url")
    await wait_for_database(url, settings)
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await roles.create_roles(connection, passwords[0], passwords[1])
        name, owner = await connection.fetchrow(
            "SELECT datname, pg_get_userbyid(datdba) FROM pg_database "
            "WHERE datname = current_database()"
        )
        # Who owns the database may create in it: migrations run as reg_owner.
        if owner != roles.OWNER and name not in ("postgres", "template0", "template1"):
            quoted = '"' + name.replace('"', '""') + '"'
            await connection.execute(f"ALTER DATABASE {quoted} OWNER TO {roles.OWNER}")
    except ValueError as error:
        raise Refused(str(error)) from None
    finally:
        await connection.close()


@app.command("upgrade")
def upgrade() -> None:
    """Bring the schema up to this release, by REGISTRY_DATABASE_MIGRATION_URL."""
    settings = load_settings()
    url = settings.require("database_migration_url")
    run(wait_for_database(url, settings))
    migrate.upgrade(url)
    typer.echo(f"The schema is at revision {migrate.head()}.")


@app.command("check")
def check(
    drift: Annotated[
        bool,
        typer.Option(
            "--drift", help="instead: do the migrations make the tables that the code describes?"
        ),
    ] = False,
) -> None:
    """Check roles, durability and schema of REGISTRY_DATABASE_URL and _WORKER_URL.

    With --drift, the database of REGISTRY_DATABASE_MIGRATION_URL is compared with the code, or
    an empty one of its own when that is not set.
    """
    settings = load_settings()
    if not drift:
        for line in run(_check(settings)):
            typer.echo(line)
        return
    if settings.database_migration_url is not None:
        migrate.check_drift(settings.database_migration_url.get_secret_value())
    else:
        with _empty_database(settings) as url:
            migrate.upgrade(url)
            migrate.check_drift(url)
    typer.echo("Migrations and code describe the same tables.")


async def _check(settings: Settings) -> list[str]:
    settings.require("database_url")
    lines = []
    for name in ("database_url", "database_worker_url"):
        if getattr(settings, name) is None:
            continue
        async with opened(settings, name) as database:
            await check_database(database, settings, deciding=DECIDING)
            async with database.connection() as connection:
                role = await connection.fetchval("SELECT current_user")
                fsync = await connection.fetchval("SHOW fsync")
                commit = await connection.fetchval("SHOW synchronous_commit")
                revision = await connection.fetchval("SELECT version_num FROM alembic_version")
        if revision != migrate.head():
            raise Refused(
                f"The schema is at revision {revision}, this release needs {migrate.head()}: "
                "run `registry db upgrade`."
            )
        lines.append(
            f"{role}: fit; fsync {fsync}, synchronous_commit {commit}, schema at {revision}"
        )
    return lines


@contextmanager
def _empty_database(settings: Settings) -> Iterator[str]:
    """A server of its own with an empty database, gone afterwards."""
    folder = settings.var_dir / "drift-pg" / str(os.getpid())
    # Nothing in it outlives the check.
    server = EmbeddedPostgres(folder, settings={"fsync": "off"})
    try:
        server.start()
        run(_prepare(server.url()))
        yield server.url(database="registry")
    finally:
        server.stop("immediate")
        if folder.exists():
            shutil.rmtree(server.data, ignore_errors=True)
            shutil.rmtree(folder)


async def _prepare(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await roles.create_roles(connection, None, None)
        await roles.create_database(connection, "registry")
    finally:
        await connection.close()
