"""What tests of assessments share: statements as a database role, and the code of an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.db import BINDING, Binding, Database
from app.core.errors import sqlstate
from app.core.settings import Settings
from tests.support import Api

TABLES = (
    "assessments",
    "assessment_details",
    "assessments_acl",
    "assessment_shares",
    "access_requests",
    "sharing_policies",
)
DENIED = "42501"


async def code(api: Api, url: str, **kwargs: Any) -> tuple[int, str]:
    """Status and problem code of a GET."""
    response = await api.get(url, **kwargs)
    return response.status_code, response.json().get("code", "")


@asynccontextmanager
async def as_superuser(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(settings.require("database_migration_url"))
    try:
        yield connection
    finally:
        await connection.close()


async def run(
    database: Database, bound: UUID | Binding | None, sql: str, **values: Any
) -> Sequence[Any]:
    """Rows of a statement in a committed transaction bound to the agency."""
    async with database.session(bound) as session:
        result = await session.execute(text(sql), values)
        return result.all() if result.returns_rows else ()  # type: ignore[attr-defined]  # text() says nothing of its result


async def touched(database: Database, agency: UUID | None, sql: str, **values: Any) -> int:
    """How many rows a statement changed; rolled back."""
    async with database.sessions(info={BINDING: Binding(agency)}) as session, session.begin():
        result = await session.execute(text(sql), values)
        await session.rollback()
        return int(result.rowcount)  # type: ignore[attr-defined]  # as above


async def denied(
    database: Database, bound: UUID | Binding | None, sql: str, **values: Any
) -> str | None:
    """SQLSTATE of a statement that must fail."""
    with pytest.raises(DBAPIError) as caught:
        await run(database, bound, sql, **values)
    return sqlstate(caught.value)
