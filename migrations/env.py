"""Alembic environment: runs as reg_owner, one at a time, and never waits long for a lock."""

from __future__ import annotations

import asyncio
import os

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.core.db import engine_url
from app.core.roles import OWNER
from app.models import Base

_LOCK = 7_021_003


def _run(connection: Connection) -> None:
    # Taking turns may take as long as the other's migrations; a lock of theirs may not.
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
    # Role and timeouts are set here once, so that no migration can forget them.
    for statement in (
        f"SET ROLE {OWNER}",
        "SET lock_timeout = '2s'",
        "SET statement_timeout = '15min'",
        # Under FORCE row security a data migration would change nothing; this makes it fail.
        "SET row_security = off",
    ):
        connection.execute(text(statement))
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        transaction_per_migration=True,
        compare_server_default=True,
        compare_type=True,
        include_object=_include,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
    connection.commit()


def _include(item: object, name: str | None, kind: str, reflected: bool, other: object) -> bool:
    # Views are made by hand in migrations; the models know tables only.
    return not (kind == "table" and name == "client_status")


async def _connect() -> None:
    url = context.config.attributes.get("url") or os.environ["REGISTRY_DATABASE_MIGRATION_URL"]
    engine = create_async_engine(engine_url(url), poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_run)
    await engine.dispose()


asyncio.run(_connect())
