"""Fixtures of assessments."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from sqlalchemy import update

from app.auth import clients as auth
from app.auth.models import Client
from app.core.db import Database
from app.core.settings import Settings
from tests.support import Api, World, open_api

MACHINE = "UNICEF_MACHINE"


@pytest.fixture(scope="session")
async def machine(app: FastAPI, world: World, settings: Settings) -> AsyncIterator[Api]:
    """A client of UNICEF that is bound to no person."""
    database = Database(settings.require("database_migration_url"), settings)
    async with database.session() as session:
        secret = await auth.create_client(
            session,
            auth.NewClient(
                id=MACHINE,
                agency_id=world.agencies["UNICEF"],
                name=MACHINE,
                scopes=("assessments:read", "assessments:share", "assessments:write"),
                auth_method="client_secret_basic",
                person_id=world.persons["UNICEF"],
            ),
        )
        # As no client is made: a deciding scope without a person.
        await session.execute(update(Client).where(Client.id == MACHINE).values(person_id=None))
    await database.close()
    assert secret is not None
    world.secrets[MACHINE] = secret
    api = await open_api(app, world, MACHINE, ())
    yield api
    await api.aclose()
