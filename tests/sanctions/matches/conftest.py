"""An invented list, and a re-screening that keeps what it finds for the test to see."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.core.crypto import KeyRing
from app.core.db import Database
from app.sanctions.lists.importer import import_list
from app.sanctions.lists.streams import Terms, ensure_all
from app.sanctions.matches.found import Found, SubjectRef
from app.sanctions.matches.rescreen import Rescreener
from tests.conftest import Settle
from tests.sanctions.lists.support import LinesSource, registered, write
from tests.sanctions.matches.support import Rescreening

SHARED, OWN = "zz_match", "zz_match_own"
Put = Callable[..., Awaitable[None]]


@dataclass
class Seen:
    """What was said last of each subject and of each listed party, and in which order."""

    subjects: dict[SubjectRef, Sequence[Found]] = field(default_factory=dict)
    entries: dict[UUID, Sequence[Found]] = field(default_factory=dict)

    async def to_subject(
        self, session: Any, keyring: KeyRing, ref: SubjectRef, found: Sequence[Found]
    ) -> None:
        self.subjects[ref] = found

    async def to_entry(
        self, session: Any, keyring: KeyRing, entry_id: UUID, found: Sequence[Found]
    ) -> None:
        self.entries[entry_id] = found

    def forget(self) -> None:
        self.subjects.clear()
        self.entries.clear()


@dataclass
class Again:
    """The worker's work, done at once."""

    rescreener: Rescreener
    seen: Seen
    settle: Settle

    async def __call__(self) -> Seen:
        """Everything that waits is numbered, queued and compared; what was said meanwhile."""
        self.seen.forget()
        await self.settle()
        while await self.rescreener.round():
            continue
        return self.seen


@pytest.fixture(scope="package")
async def lists(
    worker_database: Database, settle: Settle, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Put]:
    """``await lists(party(...), ...)``: the shared list, or another one, says this from now on."""
    folder, issue = tmp_path_factory.mktemp("lists"), iter(range(1, 1000))
    with registered(
        LinesSource(SHARED, audience="shared", shrink_limit=1.0),
        LinesSource(OWN, shrink_limit=1.0),
    ):
        await ensure_all(worker_database, Terms())

        async def put(*parties: dict[str, Any], code: str = SHARED) -> None:
            at = f"2026-01-01T00:{next(issue):02d}:00+00:00"
            await import_list(
                worker_database, code, write(Path(folder / code), code, list(parties), at)
            )
            await settle()

        yield put


@pytest.fixture(scope="package")
def keyring(app: FastAPI) -> KeyRing:
    return KeyRing(app.state.root)


@pytest.fixture
async def again(
    worker_database: Database, operator_database: Database, keyring: KeyRing, settle: Settle
) -> Again:
    """Nothing waits from before, and what is said is kept."""
    await settle()
    async with operator_database.session() as session:
        await session.execute(text("DELETE FROM rescreen_tasks"))
    seen = Seen()
    work = Rescreener(worker_database, keyring, to_subject=seen.to_subject, to_entry=seen.to_entry)
    return Again(work, seen, settle)


@pytest.fixture(scope="session")
def rescreening(app: FastAPI, worker_database: Database) -> Rescreening:
    return Rescreening(app, worker_database)
