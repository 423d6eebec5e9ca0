"""An invented list that counts for all, one of an agency's own, and what was decided of both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.core.db import Database
from app.sanctions.lists.importer import import_list
from app.sanctions.lists.streams import Terms, ensure_all
from tests.conftest import ApiFor, Settle
from tests.sanctions.lists.support import LinesSource, party, registered, switch_on, write
from tests.sanctions.matches.support import Rescreening
from tests.sanctions.screening.support import ALL, OWN, PEOPLE
from tests.sockets import served

Put = Callable[..., Awaitable[None]]


@pytest.fixture(scope="package")
async def lists(
    worker_database: Database, settle: Settle, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Put]:
    """``await lists(party(...), code=...)``: a list says this from now on."""
    folder, issue = tmp_path_factory.mktemp("lists"), iter(range(1, 1000))
    with registered(
        LinesSource(ALL, audience="shared", shrink_limit=1.0), LinesSource(OWN, shrink_limit=1.0)
    ):
        await ensure_all(worker_database, Terms())

        async def put(*parties: dict[str, Any], code: str = ALL) -> None:
            at = f"2026-01-01T00:{next(issue):02d}:00+00:00"
            file = write(Path(folder / code), code, list(parties), at)
            await import_list(worker_database, code, file)
            await settle()

        yield put


@pytest.fixture(scope="package")
async def filled(lists: Put, api_for: ApiFor, settle: Settle) -> Put:
    """Both lists hold somebody; UNHCR switched the second one on."""
    await lists(*PEOPLE)
    await lists(party("1", "Brassica Tidewater Holdings"), code=OWN)
    await switch_on(api_for, OWN, "UNHCR")
    await settle()
    return lists


@pytest.fixture(autouse=True)
async def _fresh(operator_database: Database) -> None:
    """Every list was looked at just now."""
    async with operator_database.session() as session:
        await session.execute(
            text("UPDATE list_sources SET last_success = now() WHERE code = ANY(:codes)"),
            {"codes": ["unsc", ALL, OWN]},
        )


@pytest.fixture(scope="session")
def rescreening(app: FastAPI, worker_database: Database) -> Rescreening:
    return Rescreening(app, worker_database)


@pytest.fixture
async def port(app: FastAPI) -> AsyncIterator[int]:
    async with served(app) as number:
        yield number
