"""The access list of a feature that does not exist yet: one helper gives it the whole floor."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import MetaData
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.schema import CreateTable

from app.core.acl import AclColumns, acl_security, detail_security
from app.core.db import NAMING
from app.core.settings import Settings


class _Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


class _NotesAcl(AclColumns, _Base):
    __tablename__ = "notes_acl"
    __record_table__ = "notes"


_NOTES = """
CREATE TABLE notes (id uuid PRIMARY KEY, owner_agency uuid NOT NULL, UNIQUE (id, owner_agency));
GRANT SELECT, INSERT ON notes TO reg_app;
CREATE TABLE note_details (note_id uuid PRIMARY KEY, owner_agency uuid NOT NULL,
  level text NOT NULL);
GRANT UPDATE (level) ON note_details TO reg_app;
"""
OWNER, FRIEND, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
NOW = datetime.now(UTC)
DAY = timedelta(days=1)


async def _as(connection: asyncpg.Connection, agency: UUID | None, sql: str, *args: object) -> int:
    """Rows of a statement of reg_app bound to the agency; errors leave nothing behind."""
    async with connection.transaction():
        await connection.execute("SET LOCAL ROLE reg_app")
        bound = str(agency) if agency else ""
        await connection.execute("SELECT set_config('app.agency_id', $1, true)", bound)
        return len(await connection.fetch(sql, *args))


_ADD = (
    "INSERT INTO notes_acl (agency_id, record_id, share_id, owner_agency, level, purpose, "
    "valid_from, valid_to) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
)


async def test_a_new_feature_has_the_whole_floor_by_one_line_each(
    empty_database: Settings,
) -> None:
    connection = await asyncpg.connect(empty_database.require("database_migration_url"))
    await connection.execute(_NOTES)
    # The records' table is not modelled; its key is made by hand as a migration would.
    table = cast(Any, _NotesAcl.__table__)
    for key in list(table.foreign_key_constraints):
        table.constraints.discard(key)
    create = CreateTable(table).compile(dialect=cast(Any, postgresql).dialect())
    await connection.execute(str(create))
    await connection.execute(
        "ALTER TABLE notes_acl ADD FOREIGN KEY (record_id, owner_agency) "
        "REFERENCES notes (id, owner_agency) ON DELETE CASCADE"
    )
    await connection.execute(acl_security("notes_acl"))
    await connection.execute(detail_security("note_details", "note_id", "notes_acl"))
    notes = {level: uuid4() for level in ("INTER_AGENCY", "RESTRICTED", "AGENCY_ONLY")}
    for level, note in notes.items():
        await connection.execute("INSERT INTO notes VALUES ($1, $2)", note, OWNER)
        insert = "INSERT INTO note_details VALUES ($1, $2, $3)"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await _as(connection, FRIEND, insert, note, OWNER, level)
        await _as(connection, OWNER, insert, note, OWNER, level)

    async def add(bound: UUID, note: UUID, **more: object) -> None:
        entry: dict[str, object] = {
            "agency": FRIEND,
            "owner": OWNER,
            "level": "detail",
            "purpose": "AUDIT",
            "start": NOW - DAY,
            "end": NOW + DAY,
        }
        v = entry | more
        await _as(
            connection,
            bound,
            _ADD,
            *(v["agency"], note, uuid4(), v["owner"], v["level"], v["purpose"]),
            *(v["start"], v["end"]),
        )

    async def readers(level: str) -> list[bool]:
        sql = "SELECT 1 FROM note_details WHERE note_id = $1"
        return [
            await _as(connection, one, sql, notes[level]) == 1
            for one in (OWNER, FRIEND, OTHER, None)
        ]

    closed = notes["RESTRICTED"]
    for useless in (
        {"start": NOW - 2 * DAY, "end": NOW - DAY},
        {"start": NOW + DAY, "end": NOW + 2 * DAY},
        {"level": "summary"},
    ):
        await add(OWNER, closed, **useless)
    assert await readers("RESTRICTED") == [True, False, False, False]
    assert await readers("INTER_AGENCY") == [True, True, True, False]
    for note in notes.values():
        await add(OWNER, note, end=None)
    assert await readers("RESTRICTED") == [True, True, False, False]
    assert await readers("AGENCY_ONLY") == [True, False, False, False]

    for bound, error, more in (
        (FRIEND, asyncpg.InsufficientPrivilegeError, {"agency": OTHER}),
        (FRIEND, asyncpg.ForeignKeyViolationError, {"agency": OTHER, "owner": FRIEND}),
        (OWNER, asyncpg.CheckViolationError, {"agency": OWNER}),
        (OWNER, asyncpg.CheckViolationError, {"level": "everything"}),
        (OWNER, asyncpg.CheckViolationError, {"purpose": "curiosity"}),
        (OWNER, asyncpg.CheckViolationError, {"end": NOW - 2 * DAY}),
    ):
        with pytest.raises(error):
            await add(bound, closed, **more)
    count, remove = "SELECT 1 FROM notes_acl", "DELETE FROM notes_acl RETURNING 1"
    found = [await _as(connection, one, count) for one in (OWNER, FRIEND, OTHER, None)]
    assert found == [6, 6, 0, 0]
    assert [await _as(connection, one, remove) for one in (OTHER, FRIEND, OWNER)] == [0, 0, 6]
    assert await readers("RESTRICTED") == [True, False, False, False]
    await connection.close()
