"""An application on a database of its own: what hostile requests manage to store stays there."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from app.main import create_app
from tests.conftest import cloned, settings_for
from tests.hostile.calls import Known, caller, store_examples
from tests.support import World, build_world


@pytest.fixture(scope="session")
async def own_world(database_name: str, root_key: Path) -> AsyncIterator[tuple[FastAPI, World]]:
    """The application and its agencies."""
    async with cloned(f"{database_name}_{secrets.token_hex(3)}") as name:
        settings = settings_for(name, root_key)
        world = await build_world(settings)
        app = create_app(settings)
        async with app.router.lifespan_context(app):
            yield app, world


@pytest.fixture(scope="session")
def own_app(own_world: tuple[FastAPI, World]) -> FastAPI:
    return own_world[0]


@pytest.fixture(scope="session")
def agencies(own_world: tuple[FastAPI, World]) -> World:
    return own_world[1]


@pytest.fixture(scope="session")
async def known(own_app: FastAPI, agencies: World) -> Known:
    """Stored records, so that hostile values reach the database and not only the first check."""
    async with caller(own_app, agencies) as client:
        found = await store_examples(client)
    assert "/v1/partners" in found
    return found
