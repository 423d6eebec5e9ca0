"""Statements that store in one message: whose refusal by the database is whose."""

from __future__ import annotations

import asyncpg
import pytest

from app.auth.bound import store
from app.core.db import Database


async def test_only_a_key_that_is_kept_already_is_a_twin(operator_database: Database) -> None:
    async with operator_database.connection() as connection:
        await connection.execute("CREATE TEMPORARY TABLE once (number integer PRIMARY KEY)")
        await store(connection, "INSERT INTO once VALUES ($1)", 1)
        with pytest.raises(asyncpg.UniqueViolationError):
            await store(connection, "INSERT INTO once VALUES ($1)", 1)
        await connection.execute("DROP TABLE once")
