"""Refuses to start on a database that would make promises hollow."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import CheckConstraint, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Database
from app.core.key_provider import KeyProvider
from app.core.settings import Settings, UnsafeSettings

_FACTS = text(
    """SELECT r.rolname, r.rolsuper, r.rolbypassrls,
        EXISTS (SELECT FROM pg_class c
                WHERE pg_has_role(r.oid, c.relowner, 'MEMBER')
                  AND c.relkind IN ('r', 'p')) AS owner,
        current_setting('fsync') AS fsync,
        current_setting('synchronous_commit') AS synchronous_commit,
        current_setting('full_page_writes') AS full_page_writes,
        (SELECT kind FROM instance) AS kind,
        EXISTS (SELECT FROM clients WHERE demo AND status = 'active') AS demo_clients,
        (SELECT min(id) FROM clients WHERE status = 'active' AND person_id IS NULL
          AND scopes && cast(:deciding AS text[])) AS deciding_machine
    FROM pg_roles r WHERE r.rolname = current_user"""
)


class Instance(Base):
    """What this database was set up for; one row at most."""

    __tablename__ = "instance"

    id: Mapped[bool] = mapped_column(primary_key=True, server_default="true")
    kind: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        CheckConstraint("id", name="single"),
        CheckConstraint("kind IN ('demo', 'production')", name="kind"),
    )


async def check_database(
    database: Database, settings: Settings, *, deciding: Collection[str]
) -> None:
    """Raises UnsafeSettings with one sentence when the role or the server is not fit.

    A superuser, an owner of tables or a role that passes by row security is refused everywhere;
    in production only: unsafe durability, a demo database, and a machine client with one of the
    ``deciding`` scopes, for only persons decide.
    """
    async with database.session() as session:
        facts = (await session.execute(_FACTS, {"deciding": sorted(deciding)})).one()
    if facts.rolsuper or facts.rolbypassrls:
        raise UnsafeSettings(
            f"The database role {facts.rolname} passes by row level security; use reg_app."
        )
    if facts.owner:
        raise UnsafeSettings(f"The database role {facts.rolname} owns tables; use reg_app.")
    if settings.env != "production":
        return
    if facts.fsync != "on" or facts.full_page_writes != "on":
        raise UnsafeSettings("The database runs with fsync or full_page_writes off.")
    if facts.synchronous_commit in ("off", "local"):
        raise UnsafeSettings("The database runs with synchronous_commit off.")
    if facts.kind == "demo":
        raise UnsafeSettings("This database holds the demo world; production refuses it.")
    if facts.demo_clients:
        raise UnsafeSettings("This database holds demo clients; production refuses them.")
    if facts.deciding_machine is not None:
        raise UnsafeSettings(
            f"The machine client {facts.deciding_machine} holds a deciding scope; only clients of "
            "named persons decide."
        )


def check_root_key(root: KeyProvider, settings: Settings) -> None:
    """Raises UnsafeSettings for a demo key in production."""
    if settings.env == "production" and root.purpose != "production":
        raise UnsafeSettings("The root key was made for the demo; production refuses it.")
