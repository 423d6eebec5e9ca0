from __future__ import annotations

import pytest
from fastapi import FastAPI

from app.core.db import Database
from tests.sanctions.matches.support import Rescreening


@pytest.fixture(scope="session")
def rescreening(app: FastAPI, worker_database: Database) -> Rescreening:
    return Rescreening(app, worker_database)
