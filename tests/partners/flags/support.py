"""Flags for tests: bodies, steps, and persons of the units that take part."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from app.auth import clients as auth
from app.auth.scopes import PARTNER
from app.core.db import Database
from tests.audit.support import add_officer
from tests.conftest import ApiFor
from tests.support import Api, World

PURPOSE = {"Access-Purpose": 'PARTNER_SELECTION; ref="WFP-KE-2026-17"'}
COMMENT = {"comment": "Canary: looked at again with the auditors."}
REASON = "Canary: the auditors' letter says so."


def flag_body(**more: Any) -> dict[str, Any]:
    """A valid yellow flag."""
    body: dict[str, Any] = {
        "kind": "YELLOW",
        "category": "FINANCIAL",
        "risk_category": "FINANCIAL",
        "text": "Canary: two of five advances were not supported by documents in 2025.",
        "factual_basis": {
            "kind": "report",
            "on": "2026-03-01",
            "description": "Canary: audit report 2025, section 4.",
        },
        "contact_office": "Nairobi country office",
        "contact_email": "nairobi@unicef.example",
    }
    return body | more


async def make_flag(api: Api, partner: str, **more: Any) -> dict[str, Any]:
    """A stored flag."""
    return await api.made(f"/v1/partners/{partner}/flags", flag_body(**more))


def url_of(flag: dict[str, Any]) -> str:
    return f"/v1/partners/{flag['partner_id']}/flags/{flag['id']}"


async def escalate(api: Api, flag: dict[str, Any]) -> dict[str, Any]:
    answer = await api.post(f"{url_of(flag)}/escalation", json=COMMENT)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def decide(api: Api, flag: dict[str, Any], decision: str) -> httpx.Response:
    """An answer to the version of ``flag``."""
    return await api.post(
        f"{url_of(flag)}/decision",
        json={"decision": decision, "reason": REASON},
        headers={"If-Match": f'"v{flag["version"]}"'},
    )


async def hq(api_for: ApiFor, operator: Database, world: World, name: str = "IPUA") -> Api:
    """A person of UNICEF's headquarters unit."""
    return await api_for(await add_officer(operator, world, "UNICEF", name, "IPU"))


async def make_red(head: Api, partner: str, **more: Any) -> dict[str, Any]:
    return await make_flag(head, partner, kind="RED", **more)


async def partner_api(api_for: ApiFor, operator: Database, world: World, partner: str) -> Api:
    """A client of the partner itself."""
    name = f"PARTNER_{partner[-12:]}".upper()
    if name not in world.secrets:
        async with operator.session() as session:
            secret = await auth.create_client(
                session,
                auth.NewClient(
                    id=name,
                    partner_id=UUID(partner),
                    name=name,
                    scopes=tuple(sorted(PARTNER)),
                    auth_method="client_secret_basic",
                ),
            )
        assert secret is not None
        world.secrets[name] = secret
    return await api_for(name)


async def locked(database: Database, partner: str) -> bool:
    """Whether any restraint in force locks the partner; past all row security."""
    async with database.session() as session:
        return bool(
            await session.scalar(
                text(
                    "SELECT EXISTS (SELECT 1 FROM restraints_in_force(:id) f "
                    "JOIN restraint_reasons k ON k.code = f.reason WHERE k.locks)"
                ),
                {"id": UUID(partner)},
            )
        )


async def age(database: Database, flag: str, days: int) -> None:
    """Let a red flag be this many days older, as only time could."""
    async with database.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        for table, columns, key in (
            ("partner_flags", ("decided_at", "until", "renewed_at"), "id"),
            ("restraints", ("since", "until"), "source_id"),
        ):
            moved = ", ".join(f"{name} = {name} - make_interval(days => :days)" for name in columns)
            await session.execute(
                text(f"UPDATE {table} SET {moved} WHERE {key} = :id"),
                {"days": days, "id": UUID(flag)},
            )
