"""Liveness is always yes; readiness is no when the database is away or has another schema."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from app.core.settings import Settings
from app.main import create_app
from tests.support import plain_client

Probe = tuple[httpx.AsyncClient, asyncpg.Connection, str]


@pytest.fixture
async def probe(empty_database: Settings) -> AsyncIterator[Probe]:
    """A running application, and a superuser's connection to another database of its server."""
    app = create_app(empty_database)
    url = empty_database.require("database_migration_url")
    operator = await asyncpg.connect(url.rpartition("/")[0] + "/postgres")
    async with app.router.lifespan_context(app), plain_client(app) as client:
        yield client, operator, url.rpartition("/")[2]
    await operator.close()


async def _both(client: httpx.AsyncClient) -> tuple[int, dict[str, str | None]]:
    assert (await client.get("/livez")).json() == {"status": "ok", "reason": None}
    ready = await client.get("/readyz")
    return ready.status_code, ready.json()


async def test_a_healthy_service_is_ready(probe: Probe) -> None:
    assert await _both(probe[0]) == (200, {"status": "ok", "reason": None})


async def test_another_schema_is_not_ready(probe: Probe, empty_database: Settings) -> None:
    owner = await asyncpg.connect(empty_database.require("database_migration_url"))
    head = await owner.fetchval("SELECT version_num FROM alembic_version")
    for version in ("0000", "9999"):
        await owner.execute("UPDATE alembic_version SET version_num = $1", version)
        assert await _both(probe[0]) == (503, {"status": "unavailable", "reason": "schema"})
    await owner.execute("DELETE FROM alembic_version")
    assert await _both(probe[0]) == (503, {"status": "unavailable", "reason": "schema"})
    await owner.execute("INSERT INTO alembic_version VALUES ($1)", head)
    assert (await _both(probe[0]))[0] == 200
    await owner.close()


async def test_a_database_that_went_away_is_not_ready_and_comes_back(probe: Probe) -> None:
    client, operator, name = probe
    await operator.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT 0')
    await operator.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
    )
    for _ in range(3):
        assert await _both(client) == (503, {"status": "unavailable", "reason": "database"})
    refused = await client.get("/oauth/jwks")
    assert refused.status_code in (200, 503), "keys may still be fresh"
    await operator.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT -1')
    assert (await _both(client))[0] == 200


async def test_while_the_database_is_away_answers_are_503_with_a_hint(probe: Probe) -> None:
    client, operator, name = probe
    await operator.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT 0')
    await operator.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
    )
    for _ in range(2):
        answer = await client.post(
            "/oauth/token", data={"grant_type": "client_credentials"}, auth=("x", "y")
        )
        assert answer.status_code == 503, answer.text
        assert answer.json()["code"] == "unavailable"
        assert int(answer.headers["retry-after"]) >= 1
    await operator.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT -1')
