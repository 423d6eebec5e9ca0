"""What tests of exceptions share: persons with roles, and the log as the database has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.auth import clients as auth
from app.auth.scopes import AGENCY
from app.core.db import Database
from tests.support import World


async def add_officer(database: Database, world: World, agency: str, name: str, *roles: str) -> str:
    """A person of the agency with these roles, and a client of its own; the client's id."""
    client = f"{agency}_{name}"
    if client in world.secrets:
        return client
    async with database.session() as session:
        person = await auth.add_person(
            session, world.agencies[agency], f"Person {client}", "HQ", f"role {name.lower()}"
        )
        person.roles = list(roles)
        world.persons[client] = person.id
        secret = await auth.create_client(
            session,
            auth.NewClient(
                id=client,
                agency_id=world.agencies[agency],
                name=client,
                scopes=tuple(sorted(AGENCY)),
                auth_method="client_secret_basic",
                person_id=person.id,
            ),
        )
    assert secret is not None
    world.secrets[client] = secret
    return client


async def events_of(database: Database, subject: str | UUID) -> Sequence[Any]:
    """Everything in the log about one record, oldest first; past all row security."""
    async with database.session() as session:
        rows = await session.execute(
            text(
                "SELECT event, agency_id, client_id, person_id, owner_agency, held, purpose, "
                "request_id, detail FROM audit_events WHERE subject_id = :id ORDER BY id"
            ),
            {"id": UUID(str(subject))},
        )
        return rows.all()
