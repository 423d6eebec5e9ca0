"""Agencies of a test's own: taken in as the operator does, with three persons' clients."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from fastapi import FastAPI
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import life_cycle
from app.auth import clients as auth
from app.auth.models import Client
from app.auth.scopes import AGENCY
from app.core.db import Database
from app.demo.agencies import take_in
from app.recognition.policies.service import ensure_default_policies
from tests.support import Api, World, open_api

WHY = {"reason": "a test", "by": "tester"}


def new_code() -> str:
    """The code of an agency that no other test has."""
    return "T" + secrets.token_hex(4).upper()


async def without_person(session: AsyncSession, client_id: str) -> None:
    """Bind a client to nobody and leave it its scopes: nobody makes one like that."""
    await session.execute(update(Client).where(Client.id == client_id).values(person_id=None))


async def new_agency(database: Database, world: World, *, machine: bool = False) -> str:
    """An active agency with clients CODE, CODE_REVIEWER, CODE_APPROVER; of the operator.

    ``machine`` adds CODE_MACHINE, bound to nobody.
    """
    code = new_code()
    async with database.session() as session:
        agency = await take_in(session, code, f"{code} (test)")
        world.agencies[code] = agency.id
        await ensure_default_policies(session, agency.id)
        for suffix in ("", "_REVIEWER", "_APPROVER") + (("_MACHINE",) if machine else ()):
            person = await auth.add_person(session, agency.id, f"{code}{suffix}", "HQ", "officer")
            world.persons[code + suffix] = person.id
            secret = await auth.create_client(
                session,
                auth.NewClient(
                    id=code + suffix,
                    agency_id=agency.id,
                    name=code + suffix,
                    scopes=tuple(sorted(AGENCY)),
                    auth_method="client_secret_basic",
                    person_id=person.id,
                ),
            )
            world.secrets[code + suffix] = secret or ""
        if machine:
            await without_person(session, f"{code}_MACHINE")
    return code


@asynccontextmanager
async def calling(app: FastAPI, world: World, name: str) -> AsyncIterator[Api]:
    """A caller with all its scopes."""
    api = await open_api(app, world, name, ())
    try:
        yield api
    finally:
        await api.aclose()


async def do(database: Database, step: Any, *arguments: Any, **more: Any) -> Any:
    """One step of `life_cycle` or of custody in a transaction of the operator."""
    async with database.session() as session:
        return await step(session, *arguments, **(WHY | more))


async def withdraw(database: Database, code: str, custodian: str) -> None:
    """The agency leaves."""
    await do(database, life_cycle.withdraw, code, custodian=custodian)


async def refusal(api: Api, method: str, url: str, **kwargs: Any) -> tuple[int, str]:
    """Status and problem code of a request that must be refused."""
    response = await api.request(method, url, **kwargs)
    assert response.status_code >= 400, response.text
    return response.status_code, response.json()["code"]


async def one(database: Database, sql: str, *values: object) -> Any:
    """The first column of a statement's first row, as the operator."""
    async with database.connection() as connection:
        return await connection.fetchval(sql, *values)


async def events_of(database: Database, subject: UUID | str) -> list[str]:
    """Names of the audit events about a record, in order."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT event FROM audit_events WHERE subject_id = $1 ORDER BY id", UUID(str(subject))
        )
    return [row["event"] for row in rows]
