"""Persons with roles, for tests of exceptions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from app.core.db import Database
from tests.audit.support import add_officer
from tests.conftest import ApiFor
from tests.support import Api, World

OfficerOf = Callable[..., Awaitable[Api]]


@pytest.fixture(scope="session")
def officer(api_for: ApiFor, world: World, operator_database: Database) -> OfficerOf:
    """``await officer("WFP", "OVS")``: a person of the agency with this role; more by number."""

    async def call(agency: str, role: str, number: int = 1) -> Api:
        name = f"{role}{number}"
        return await api_for(await add_officer(operator_database, world, agency, name, role))

    return call
