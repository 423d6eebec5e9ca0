"""The database roles. Migrations never create them; `registry db roles` does."""

from __future__ import annotations

import asyncpg

OWNER, APP, WORKER, FACTS = "reg_owner", "reg_app", "reg_worker", "reg_facts"
"""Owner of the tables; the API; the background process; owner of the few functions that tell a
caller a fact (never contents) that row security would hide."""


def role_statements(app_password: str | None, worker_password: str | None) -> list[str]:
    """Idempotent SQL that creates the roles; a role whose password is None keeps its own."""
    statements = [
        _create(OWNER, "NOLOGIN"),
        _create(FACTS, "NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS"),
        # Migrations run as the owner and hand those functions over.
        f"GRANT {FACTS} TO {OWNER}",
    ]
    for role, password in ((APP, app_password), (WORKER, worker_password)):
        statements.append(_create(role, "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS"))
        if password is not None:
            statements.append(f"ALTER ROLE {role} PASSWORD {_literal(password)}")
    # The worker decides an open clearance again as its agency would: it says so in the transaction
    # (SET LOCAL ROLE), and has none of the API's rights without saying so.
    statements.append(f"GRANT {APP} TO {WORKER} WITH INHERIT FALSE, SET TRUE")
    statements.append(f"GRANT {OWNER} TO CURRENT_USER")
    return statements


def _create(role: str, options: str) -> str:
    return (
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') "
        f"THEN CREATE ROLE {role} {options}; END IF; END $$"
    )


def _literal(text: str) -> str:
    if "\\" in text or "\x00" in text:
        raise ValueError("a password must not hold a backslash")
    return "'" + text.replace("'", "''") + "'"


async def create_roles(
    connection: asyncpg.Connection, app_password: str | None, worker_password: str | None
) -> None:
    """Create or update the roles. Needs a role that may create roles."""
    async with connection.transaction():
        # Roles belong to the whole server: two set-ups at once take turns.
        await connection.execute("SELECT pg_advisory_xact_lock(7021002)")
        for statement in role_statements(app_password, worker_password):
            await connection.execute(statement)


async def create_database(
    connection: asyncpg.Connection, name: str, template: str | None = None
) -> None:
    """Create a database owned by reg_owner, unless it exists."""
    if await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
        return
    quoted = '"' + name.replace('"', '""') + '"'
    suffix = f' TEMPLATE "{template}"' if template else ""
    await connection.execute(f"CREATE DATABASE {quoted} OWNER {OWNER}{suffix}")
