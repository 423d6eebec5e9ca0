"""Two invented lists: one that agencies switch on, one that counts once two agencies enabled it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.core.db import Database
from app.sanctions.lists.importer import import_list
from app.sanctions.lists.streams import Terms, ensure_all
from tests.conftest import Settle
from tests.sanctions.lists.support import LinesSource, party, registered, write

OPT_IN, JOINT = "zz_opt", "zz_joint"


@pytest.fixture(scope="package")
async def two_lists(
    worker_database: Database, settle: Settle, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Path]:
    """Both lists are imported; the folder of their files."""
    folder = tmp_path_factory.mktemp("lists")
    with registered(LinesSource(OPT_IN), LinesSource(JOINT, audience="shared", joint=True)):
        await ensure_all(worker_database, Terms())
        parties = [
            party("1", "Zephyrine Quartz Holdings", "ZQ Group"),
            party("2", "Zephyrine Quartz Person", kind="person"),
            party("3", "Zephyrine Quartz Vessel", kind="vessel"),
            party("4", "Zephyrine Unknowable", kind="unknown"),
        ]
        await import_list(worker_database, OPT_IN, write(folder / "opt", OPT_IN, parties))
        parties = [party("1", "Wolframite Cascade Builders"), party("2", "Wolframite Other")]
        await import_list(worker_database, JOINT, write(folder / "joint", JOINT, parties))
        await settle()
        yield folder
