"""Whom a token of a trusted issuer stands for: a registered machine, or a registered person.

A machine must have been registered. A person's client is made on first use. The issuer's subject
is never enough: it must stand in our tables, under the issuer's own agency.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import jose
from app.auth.key_sets import IssuerTerms
from app.auth.models import Client, Person
from app.auth.scopes import AGENCY, DECIDING
from app.core.db import Database, touched
from app.core.ids import new_id

# What identity providers put into tokens of people only. A token that carries one of them never
# stands for a machine: with a client claim such as `azp` it would name the program a person used.
_OF_A_HUMAN = frozenset({"amr", "auth_time", "nonce", "sid", "upn"})
_MAX_SUBJECT = 255


@dataclass(frozen=True, slots=True)
class NewPrincipal:
    """A client made for a person who came by a trusted issuer."""

    client_id: str
    terms: IssuerTerms
    person: Person
    acts_through: str | None


Recorder = Callable[[AsyncSession, NewPrincipal], Awaitable[None]]
"""Writes the audit event of a new principal; the log lies above this package."""


class Principals:
    """Finds the client that a token's claims stand for."""

    def __init__(self, database: Database, record: Recorder) -> None:
        self._database = database
        self._record = record

    async def of(self, terms: IssuerTerms, claims: Mapping[str, Any]) -> str:
        """Id of the client a bearer token stands for. Raises AuthError for a stranger."""
        human = subject_of(claims, "sub")
        async with self._database.fast_read() as connection:
            person = await _person(connection, terms, human)
            if person is None:
                return await _machine(connection, terms, claims)
            found = await _client(connection, terms, human)
        if person["status"] != "active":
            raise jose.AuthError("person")
        if found is None:
            async with self._database.session(terms.agency_id) as session:
                return await self.admit(session, terms, UUID(str(person["id"])), human)
        if str(found["person_id"]) != str(person["id"]):
            # Another person, or a machine, was known by this subject before.
            raise jose.AuthError("principal")
        return str(found["id"])

    async def admit(
        self,
        session: AsyncSession,
        terms: IssuerTerms,
        person_id: UUID,
        subject: str,
        through: Client | None = None,
    ) -> str:
        """The person's client, made if it is not there. Raises AuthError if it is another's.

        ``session`` is bound to the issuer's agency. ``through`` is the machine by which the
        person acts: the client has its limits, and of its scopes all but the deciding ones, which
        come from the person.
        """
        allowed, limits = await _rights(session, terms, through)
        person = await session.get_one(Person, person_id)
        new_client = f"person-{new_id()}"
        made = await session.execute(
            insert(Client)
            .values(
                id=new_client,
                agency_id=terms.agency_id,
                person_id=person_id,
                name=f"{person.role} ({person.office})",
                scopes=sorted(allowed),
                auth_method="trusted_issuer",
                issuer_id=terms.id,
                subject=subject,
                acts_through=through.id if through else None,
                **limits,
            )
            .on_conflict_do_nothing()
        )
        if touched(made):
            through_id = through.id if through else None
            await self._record(session, NewPrincipal(new_client, terms, person, through_id))
            return new_client
        client = (
            await session.scalars(
                select(Client).where(
                    Client.issuer_id == terms.id,
                    Client.subject == subject,
                    Client.acts_through.is_not_distinct_from(through.id if through else None),
                )
            )
        ).one()
        if client.person_id != person_id:
            raise jose.AuthError("principal")
        if through is not None:
            # What the machine may do can have changed since.
            await session.execute(
                update(Client)
                .where(Client.id == client.id)
                .values(scopes=sorted(allowed), **limits)
            )
        return client.id


async def _rights(
    session: AsyncSession, terms: IssuerTerms, machine: Client | None
) -> tuple[frozenset[str], dict[str, Any]]:
    """Scopes and limits of a person's client; by a machine, those that it has now.

    Who narrows the machine waits for us, and then narrows the person's client, too (trigger
    ``clients_narrowed``); or we wait, and see what is left.
    """
    allowed = AGENCY & terms.scope_ceiling
    if machine is None:
        return allowed, {}
    await session.refresh(machine, with_for_update={"read": True})
    limits = {
        "countries": machine.countries,
        "max_level": machine.max_level,
        "certificate_bound": machine.certificate_bound,
    }
    return allowed & DECIDING.union(machine.scopes), limits


def subject_of(claims: Mapping[str, Any], claim: str) -> str:
    """A claim that names somebody. Raises AuthError unless it is a usable text."""
    value = claims.get(claim)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_SUBJECT or not value.isprintable():
        raise jose.AuthError(claim)
    return value


async def _person(
    connection: asyncpg.Connection, terms: IssuerTerms, subject: str
) -> asyncpg.Record | None:
    return await connection.fetchrow(
        "SELECT id, status FROM persons WHERE issuer_id = $1 AND subject = $2", terms.id, subject
    )


async def _client(
    connection: asyncpg.Connection, terms: IssuerTerms, subject: str
) -> asyncpg.Record | None:
    return await connection.fetchrow(
        "SELECT id, person_id FROM clients "
        "WHERE issuer_id = $1 AND subject = $2 AND acts_through IS NULL",
        terms.id,
        subject,
    )


async def _machine(
    connection: asyncpg.Connection, terms: IssuerTerms, claims: Mapping[str, Any]
) -> str:
    # `scp` as a text is how a delegated token of a person looks at the most common provider.
    if _OF_A_HUMAN & claims.keys() or isinstance(claims.get("scp"), str):
        raise jose.AuthError("person unknown")
    found = await _client(connection, terms, subject_of(claims, terms.client_claim))
    if found is None or found["person_id"] is not None:
        raise jose.AuthError("client unknown")
    return str(found["id"])
