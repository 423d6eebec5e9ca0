"""The scene, made once a worker."""

from __future__ import annotations

import pytest

from app.core.db import Database
from tests.confidentiality.matrix import PREPARE
from tests.confidentiality.scene import Scene, build_scene
from tests.conftest import ApiFor, Settle
from tests.support import World


@pytest.fixture(scope="session")
async def scene(
    api_for: ApiFor, world: World, operator_database: Database, settle: Settle
) -> Scene:
    async with operator_database.connection() as connection:
        began = await connection.fetchval("SELECT pg_current_xact_id()::text")
    built = await build_scene(api_for, world, operator_database)
    built.ids["began"] = began
    for prepare in PREPARE:
        await prepare(built)
    await settle()
    async with operator_database.connection() as connection:
        built.ids["feed_file"] = await connection.fetchval(
            "SELECT index_sha256 FROM feed_heads WHERE stream = 'inter_agency'"
        )
    return built
