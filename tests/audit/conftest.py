"""A log of its own per test: a database, its sequencer, and hands that may do anything to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from app.audit.stream import AuditStream
from app.audit.verify import Result, verify
from app.auth.keys import SigningKeys
from app.core.crypto import RootKey
from app.core.db import Database
from app.core.sequencer import Sequencer
from app.core.settings import Settings
from tests.audit.support import add_officer
from tests.conftest import ApiFor
from tests.support import Api, World

OfficerOf = Callable[..., Awaitable[Api]]

_FILL = """INSERT INTO audit_events (id, event, client_id, office, role, subject_id, detail)
    SELECT uuidv7(), 'partner:profile:change', 'WFP', 'HQ', 'officer', gen_random_uuid(),
      jsonb_build_object('version', n) FROM generate_series(1, $1::int) n"""


@dataclass
class Log:
    """A log that may be written, numbered, tampered with and verified."""

    settings: Settings
    worker: Database
    operator: Database
    keys: SigningKeys
    stream: AuditStream

    async def write(self, count: int = 1) -> None:
        """Events, by the thousand in a transaction."""
        async with self.operator.connection() as connection:
            for start in range(0, count, 5_000):
                await connection.execute(_FILL, min(5_000, count - start))

    async def number(self) -> int:
        """What the worker would do now; events numbered."""
        sequencer, total = Sequencer(self.worker, [self.stream.as_stream()]), 0
        while taken := await sequencer.step():
            total += taken
        return total

    async def grow(self, *batches: int) -> None:
        """Batches of events, each with its checkpoint."""
        for count in batches:
            await self.write(count)
            await self.number()

    async def tamper(self, *statements: str) -> None:
        """As a superuser who switches every trigger off."""
        async with self.operator.connection() as connection, connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            for statement in statements:
                await connection.execute(statement)

    async def value(self, sql: str, *values: object) -> object:
        async with self.operator.connection() as connection:
            return await connection.fetchval(sql, *values)

    async def event_at(self, seq: int) -> UUID:
        found = await self.value("SELECT event_id FROM log_leaves WHERE seq = $1", seq)
        return UUID(str(found))

    async def note(self) -> str:
        return str(await self.value("SELECT note FROM log_checkpoints ORDER BY size DESC LIMIT 1"))

    async def verify(self, outside: str | None = None) -> Result:
        return await verify(self.worker, lambda *_: None, outside)

    async def faults(self, outside: str | None = None) -> list[str]:
        return [str(fault) for fault in (await self.verify(outside)).faults]


@pytest.fixture
async def audit_log(empty_database: Settings, root_key: Path) -> AsyncIterator[Log]:
    worker = Database(empty_database.require("database_worker_url"), empty_database)
    operator = Database(empty_database.require("database_migration_url"), empty_database)
    keys = SigningKeys(worker, RootKey.load(root_key))
    await keys.ensure()
    yield Log(empty_database, worker, operator, keys, AuditStream(keys, empty_database.issuer))
    await worker.close()
    await operator.close()


@pytest.fixture(scope="session")
def officer(api_for: ApiFor, world: World, operator_database: Database) -> OfficerOf:
    """``await officer("WFP", "OVS")``: a person of the agency with this role; more by number."""

    async def call(agency: str, role: str, number: int = 1) -> Api:
        name = f"{role}{number}"
        return await api_for(await add_officer(operator_database, world, agency, name, role))

    return call
