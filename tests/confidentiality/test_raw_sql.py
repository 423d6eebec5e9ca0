"""The confidentiality matrix below HTTP: raw SQL as reg_app, and every policy is needed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg

from app.core.settings import Settings
from tests.confidentiality.matrix import STAGED, TABLES
from tests.confidentiality.model import Who
from tests.confidentiality.raw import Matrix, protected_tables
from tests.confidentiality.scene import AGENCIES, Scene


def relations(scene: Scene) -> dict[str, Who]:
    """Each agency of the scene, its oversight where that matters, a partner, and nobody."""
    found = {name: Who(scene.agency(name)) for name in AGENCIES}
    found["owner_oversight"] = Who(scene.agency("owner"), oversight=True)
    found["shared_oversight"] = Who(scene.agency("shared"), oversight=True)
    found["partner"] = Who(partner=UUID(scene.ids["partner"]))
    for name in ("kept", "parted"):
        found[f"{name}_partner"] = Who(partner=UUID(scene.ids[name]))
    found["nobody"] = Who()
    return found


_WORLD = frozenset(
    {
        "agencies", "agency_agreements", "agency_settings", "agency_signatories",
        "agency_status_changes", "clients", "client_secrets", "focal_points", "offices",
        "operators", "persons", "trusted_issuers", "identifier_digest_keys", "partner_keys",
        "blind_keys",
    }
)  # fmt: skip
"""Tables that hold rows which the scene uses and did not make."""


async def _leave_the_scene(connection: asyncpg.Connection, scene: Scene) -> None:
    """Take away what other tests made before: every row is tried in many names, many times."""
    for table in sorted(TABLES.keys() - _WORLD):
        await connection.execute(
            f"DELETE FROM {table} WHERE xmin::text::bigint < $1", int(scene.ids["began"])
        )


@asynccontextmanager
async def matrix(
    settings: Settings, scene: Scene
) -> AsyncIterator[tuple[asyncpg.Connection, Matrix]]:
    """A superuser's transaction that is rolled back."""
    connection = await asyncpg.connect(settings.require("database_migration_url"))
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute("SET LOCAL session_replication_role = replica")
        await _leave_the_scene(connection, scene)
        for statement in STAGED:
            await connection.execute(statement)
        await connection.execute("SET LOCAL session_replication_role = origin")
        made = Matrix(connection, relations(scene))
        await made.load()
        yield connection, made
    finally:
        await transaction.rollback()
        await connection.close()


async def test_every_protected_table_is_in_the_model(settings: Settings, scene: Scene) -> None:
    async with matrix(settings, scene) as (connection, _):
        assert await protected_tables(connection) == sorted(TABLES)


async def test_raw_sql_says_what_the_model_says(settings: Settings, scene: Scene) -> None:
    """Each table by itself, all in one matrix: to make it takes longer than to ask one table."""
    wrong: dict[str, Any] = {}
    async with matrix(settings, scene) as (_, made):
        for table in sorted(TABLES):
            if not TABLES[table].closed and not made.rows(table):
                wrong[table] = "no row: nothing would be proved"
            elif found := await made.findings([table]):
                wrong[table] = found
    assert wrong == {}


_POLICIES = """SELECT c.relname AS table, y.polname AS name,
    pg_get_expr(y.polqual, y.polrelid) AS using, pg_get_expr(y.polwithcheck, y.polrelid) AS checks
  FROM pg_policy y JOIN pg_class c ON c.oid = y.polrelid
  WHERE 'reg_app'::regrole = ANY (y.polroles) ORDER BY 1, 2"""


async def test_no_policy_can_be_dropped_or_opened_unnoticed(
    settings: Settings, scene: Scene
) -> None:
    """Take away each policy, then let it say yes to everything: the matrix turns red each time.

    That it is not red before says `test_raw_sql_says_what_the_model_says`.
    """
    unnoticed = []
    async with matrix(settings, scene) as (connection, made):
        for policy in await connection.fetch(_POLICIES):
            table, name = policy["table"], policy["name"]
            opened = " ".join(
                f"{clause} (true)"
                for clause, text in (("USING", policy["using"]), ("WITH CHECK", policy["checks"]))
                if text not in (None, "true")
            )
            changes = [f"DROP POLICY {name} ON {table}"]
            if opened:
                changes.append(f"ALTER POLICY {name} ON {table} {opened}")
            for change in changes:
                savepoint = connection.transaction()
                await savepoint.start()
                await connection.execute(change)
                if not await made.findings([table], first=True):
                    unnoticed.append(change)
                await savepoint.rollback()
    assert unnoticed == []
