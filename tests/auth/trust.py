"""Making an issuer trusted as its agency does, and those who come by it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from app.auth import clients as auth
from app.auth.models import Client
from app.core.db import Database
from tests.conftest import ApiFor
from tests.idp import Idp, terms
from tests.support import World, plain_client

SCOPES = ("partners:read", "partners:write", "agencies:read")


@dataclass
class Trust:
    """What the tests of trusted issuers do again and again."""

    app: FastAPI
    world: World
    operator: Database
    api_for: ApiFor

    async def trust(self, idp: Idp, agency: str = "UNICEF", **more: Any) -> str:
        """Propose and approve an identity provider; the id of the issuer."""
        proposed = await (await self.api_for(agency)).made(
            "/v1/trusted-issuers", terms(idp, **more)
        )
        answer = await self.approve(proposed["id"], agency + "_APPROVER")
        assert answer.status_code == 200, answer.text
        return str(proposed["id"])

    async def approve(self, issuer_id: str, name: str, **more: Any) -> httpx.Response:
        api = await self.api_for(name)
        body = {"decision": "approve", "reason": "checked"} | more
        return await api.post(
            f"/v1/trusted-issuers/{issuer_id}/approval", json=body, headers={"If-Match": '"v1"'}
        )

    async def machine(self, issuer_id: str, agency: str = "UNICEF", **more: Any) -> str:
        """A machine known by a subject of the issuer; the subject."""
        subject = f"machine-{secrets.token_hex(4)}"
        values: dict[str, Any] = {
            "id": f"M_{subject}",
            "agency_id": self.world.agencies[agency],
            "name": subject,
            "scopes": sorted(SCOPES),
            "auth_method": "trusted_issuer",
            "issuer_id": UUID(issuer_id),
            "subject": subject,
        }
        async with self.operator.session() as session:
            session.add(Client(**(values | more)))
        return subject

    async def person(self, issuer_id: str, agency: str = "UNICEF") -> tuple[str, UUID]:
        """A person known by a subject of the issuer: subject and id."""
        subject = f"person-{secrets.token_hex(4)}"
        async with self.operator.session() as session:
            person = await auth.add_person(
                session, self.world.agencies[agency], f"P. {subject}", "Nairobi", "officer"
            )
            person.issuer_id, person.subject = UUID(issuer_id), subject
        return subject, person.id

    async def execute(self, statement: str, *values: Any) -> str:
        async with self.operator.connection() as connection:
            return str(await connection.execute(statement, *values))

    async def value(self, statement: str, *values: Any) -> Any:
        async with self.operator.connection() as connection:
            return await connection.fetchval(statement, *values)

    async def get(self, token: str, path: str = "/v1/partners?limit=1") -> httpx.Response:
        async with plain_client(self.app) as client:
            return await client.get(path, headers={"Authorization": f"Bearer {token}"})

    async def refused(self, token: str, path: str = "/v1/partners?limit=1") -> None:
        """It is a 401, now and again."""
        for _ in range(2):
            answer = await self.get(token, path)
            assert answer.status_code == 401, answer.text
            assert answer.json()["code"] == "not_authenticated"


OpenIdp = Callable[[], Awaitable[Idp]]


@pytest.fixture
async def trust(app: FastAPI, world: World, operator_database: Database, api_for: ApiFor) -> Trust:
    return Trust(app, world, operator_database, api_for)


@pytest.fixture
async def open_idp() -> AsyncIterator[OpenIdp]:
    opened: list[Idp] = []

    async def make() -> Idp:
        idp = Idp()
        await idp.open()
        opened.append(idp)
        return idp

    yield make
    for idp in opened:
        await idp.close()


@pytest.fixture
async def idp(open_idp: OpenIdp) -> Idp:
    return await open_idp()
