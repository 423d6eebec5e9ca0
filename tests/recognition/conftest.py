"""What tests of clearances share: a list that is fresh."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI

from app.core.db import Database
from app.sanctions.lists.importer import import_list
from tests.conftest import Settle
from tests.recognition.watch import Watch

SAMPLE = Path(__file__).parents[2] / "app/sanctions/sources/samples/unsc.xml"


@pytest.fixture(scope="module")
async def lists(worker_database: Database, settle: Settle) -> None:
    """The Security Council's list, just imported."""
    await import_list(worker_database, "unsc", SAMPLE)
    await settle()


@pytest.fixture(scope="module")
async def watch(
    settle: Settle, app: FastAPI, worker_database: Database, operator_database: Database
) -> Watch:
    await import_list(worker_database, "unsc", SAMPLE)
    found = Watch(settle, app, worker_database, operator_database)
    await found.settle()
    return found
