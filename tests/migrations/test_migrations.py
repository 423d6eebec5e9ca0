"""Migrations: one line of them, up and down and up, and no table that they do not make."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError, ProgrammingError

from app.core import migrate, roles
from app.core.settings import Settings
from tests.conftest import _URL, _address

_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
_LEFT = """
SELECT 'function ' || p.oid::regprocedure FROM pg_proc p
  WHERE p.pronamespace = 'public'::regnamespace
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
UNION ALL SELECT 'type ' || t.typname FROM pg_type t
  WHERE t.typnamespace = 'public'::regnamespace AND t.typtype IN ('e', 'd', 'c')
  AND t.typname NOT LIKE 'alembic_version%' AND t.typrelid = 0
UNION ALL SELECT relkind::text || ' ' || relname FROM pg_class
  WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
  AND relname <> 'alembic_version'
UNION ALL SELECT 'extension ' || extname FROM pg_extension WHERE extname <> 'plpgsql'
"""


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(migrate.alembic_config())


@pytest.fixture
async def bare_database() -> AsyncIterator[str]:
    """URL of a database of reg_owner with nothing in it."""
    name = f"registry_bare_{secrets.token_hex(4)}"
    connection = await asyncpg.connect(os.environ[_URL])
    await roles.create_database(connection, name)
    yield _address(name)
    await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await connection.close()


@pytest.fixture
def migrated(empty_database: Settings) -> str:
    """URL of a database of this release, as reg_owner."""
    return empty_database.require("database_migration_url")


async def _column(url: str, sql: str) -> list[str]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(sql)
    await connection.close()
    return [str(row[0]) for row in rows]


def test_there_is_one_line_of_migrations() -> None:
    scripts = _scripts()
    assert len(scripts.get_heads()) == 1
    assert len(scripts.get_bases()) == 1
    assert migrate.head() == scripts.get_current_head()
    for script in scripts.walk_revisions():
        assert not script.is_branch_point
        assert not script.is_merge_point


def test_every_migration_is_dated_and_can_be_taken_back() -> None:
    for script in _scripts().walk_revisions():
        text = Path(script.path).read_text("utf-8")
        assert re.search(r"/\d{4}-\d{2}-\d{2}_[a-z0-9_]+\.py$", script.path)
        down = text.partition("def downgrade() -> None:")[2].strip()
        assert down, f"{script.path} has no downgrade"
        assert not down.startswith("pass"), f"{script.path} takes nothing back"


async def test_up_down_up_leaves_nothing_behind_and_makes_the_same(bare_database: str) -> None:
    await asyncio.to_thread(migrate.upgrade, bare_database)
    first = await _column(bare_database, _TABLES)
    await asyncio.to_thread(migrate.check_drift, bare_database)
    await asyncio.to_thread(migrate.downgrade, bare_database, "base")
    assert await _column(bare_database, _LEFT) == []
    await asyncio.to_thread(migrate.upgrade, bare_database)
    assert await _column(bare_database, _TABLES) == first
    await asyncio.to_thread(migrate.check_drift, bare_database)


async def test_each_step_can_be_taken_back_alone(bare_database: str) -> None:
    for script in reversed(list(_scripts().walk_revisions())):
        await asyncio.to_thread(migrate.upgrade, bare_database, script.revision)
        await asyncio.to_thread(migrate.downgrade, bare_database, "-1")
    # Each next step was made on top of one that was taken back and made again; so is the last.
    await asyncio.to_thread(migrate.upgrade, bare_database)
    assert await _column(bare_database, "SELECT version_num FROM alembic_version") == [
        migrate.head()
    ]


async def test_every_table_belongs_to_the_owner_role(migrated: str) -> None:
    owners = await _column(
        migrated,
        "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'S')",
    )
    assert owners == [roles.OWNER]


async def test_drift_is_noticed(migrated: str) -> None:
    connection = await asyncpg.connect(migrated)
    await connection.execute("ALTER TABLE agencies ADD COLUMN forgotten text")
    await connection.close()
    with pytest.raises(Exception, match="forgotten"):
        await asyncio.to_thread(migrate.check_drift, migrated)


async def test_a_role_that_may_not_become_the_owner_changes_nothing(bare_database: str) -> None:
    name = bare_database.rsplit("/", 1)[1]
    with pytest.raises(ProgrammingError, match='permission denied to set role "reg_owner"'):
        await asyncio.to_thread(migrate.upgrade, _address(name, roles.APP))
    assert await _column(bare_database, _TABLES) == []


async def test_two_migrations_at_once_take_turns(bare_database: str) -> None:
    program = "import sys; from app.core import migrate; migrate.upgrade(sys.argv[1])"
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, bare_database, cwd=migrate._ROOT
        )
        for _ in range(3)
    ]
    assert [await process.wait() for process in started] == [0, 0, 0]
    assert await _column(bare_database, "SELECT version_num FROM alembic_version") == [
        migrate.head()
    ]


async def test_a_lock_held_by_somebody_ends_a_migration_soon(migrated: str) -> None:
    holder = await asyncpg.connect(migrated)
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute("LOCK TABLE partners IN ACCESS SHARE MODE")
    with pytest.raises((DBAPIError, asyncpg.LockNotAvailableError), match="lock timeout"):
        await asyncio.to_thread(migrate.downgrade, migrated, "base")
    await transaction.rollback()
    await holder.close()
