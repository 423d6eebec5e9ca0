"""Callers with roles, countries and a level of their own."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import update

from app.auth import clients as auth
from app.auth.models import Client
from app.auth.scopes import AGENCY
from app.core.db import Database
from tests.support import Api, World, open_api

ScopedApi = Callable[..., Awaitable[Api]]


@pytest.fixture
async def scoped(
    app: FastAPI, world: World, operator_database: Database
) -> AsyncIterator[ScopedApi]:
    """``await scoped("WFP", roles=("CO",), countries=("KEN",), max_level="RESTRICTED")``."""
    opened: list[Api] = []

    async def make(
        agency: str,
        *,
        roles: tuple[str, ...] = (),
        countries: tuple[str, ...] = (),
        max_level: str = "AGENCY_ONLY",
    ) -> Api:
        name = f"SCOPED_{secrets.token_hex(5)}"
        limits: dict[str, Any] = {"countries": list(countries), "max_level": max_level}
        async with operator_database.session() as session:
            person = await auth.add_person(session, world.agencies[agency], name, "Field", "role")
            person.roles = list(roles)
            new = auth.NewClient(
                id=name,
                agency_id=world.agencies[agency],
                name=name,
                scopes=tuple(sorted(AGENCY)),
                auth_method="client_secret_basic",
                person_id=person.id,
            )
            world.secrets[name] = await auth.create_client(session, new) or ""
            await session.execute(update(Client).where(Client.id == name).values(**limits))
        api = await open_api(app, world, name, ())
        opened.append(api)
        return api

    yield make
    for api in opened:
        await api.aclose()
