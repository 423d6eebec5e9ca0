"""The database that a command works on. Not in `shell`, because help needs none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.core.db import Database
from app.core.settings import Settings


@asynccontextmanager
async def operator(settings: Settings) -> AsyncIterator[Database]:
    """The database as the operator: REGISTRY_DATABASE_MIGRATION_URL."""
    async with opened(settings, "database_migration_url") as database:
        yield database


@asynccontextmanager
async def opened(settings: Settings, url: str) -> AsyncIterator[Database]:
    """The database at one of the URLs of the settings."""
    database = Database(settings.require(url), settings, application="registry-cli")
    try:
        yield database
    finally:
        await database.close()
