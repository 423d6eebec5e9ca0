"""Schema migrations from inside the application: up, down, head, drift.

Alembic is imported where it is used: it brings template and highlighting libraries with it, which
would be a good part of what every command and every process of the service imports.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from sqlalchemy.util import await_only

_ROOT = Path(__file__).resolve().parents[2]


def alembic_config(url: str | None = None) -> Any:
    """Alembic's configuration: pyproject.toml, and the address of the database."""
    from alembic.config import Config

    # Its own default is the output there was when it was imported, which may be closed by now.
    config = Config(toml_file=_ROOT / "pyproject.toml", stdout=sys.stdout)
    config.set_main_option("script_location", str(_ROOT / "migrations"))
    config.attributes["url"] = url
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the schema up. Blocks; runs an event loop of its own."""
    from alembic import command

    command.upgrade(alembic_config(url), revision)


def downgrade(url: str, revision: str) -> None:
    """Take the schema down to ``revision``."""
    from alembic import command

    command.downgrade(alembic_config(url), revision)


def check_drift(url: str) -> None:
    """Raises alembic's CommandError when the models say something the migrations do not."""
    from alembic import command

    command.check(alembic_config(url))


def head() -> str:
    """The newest revision."""
    from alembic.script import ScriptDirectory

    revision = ScriptDirectory.from_config(alembic_config()).get_current_head()
    assert revision is not None
    return revision


def run_script(sql: str) -> None:
    """Run several statements at once inside a migration, as the simple query protocol does."""
    from alembic import op

    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    await_only(connection.execute(sql))


def rekey_security(table: str) -> str:
    """SQL that lets the operator see and rewrite the sealed values of a table with row security,
    in a transaction that says it changes keys and in no other.
    """
    asked = "(SELECT current_setting('app.rekey', true)) = 'on'"
    return f"""
CREATE POLICY {table}_rekey_select ON {table} FOR SELECT TO reg_owner USING ({asked});
CREATE POLICY {table}_rekey_update ON {table} FOR UPDATE TO reg_owner USING ({asked})
  WITH CHECK (true);
"""
