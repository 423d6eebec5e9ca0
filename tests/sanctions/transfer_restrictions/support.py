"""Transfer restrictions for tests."""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import text

from app.core.db import Database
from tests.partners.factories import make_partner
from tests.sanctions.cases.support import day
from tests.support import Api, World

URL = "/v1/transfer-restrictions"
PURPOSE = {"Access-Purpose": 'CONTRACTING; ref="WFP-KE-2026-17"'}
STATEMENT = "Canary: direct payment only until advances are accounted for."


def body(partner: str, **more: Any) -> dict[str, Any]:
    """A valid restriction that one person may set."""
    found: dict[str, Any] = {
        "partner_id": partner,
        "suspended": ["direct_cash_transfer"],
        "allowed": ["direct_payment"],
        "reason": "LIQUIDATION_OVERDUE",
        "statement": STATEMENT,
        "ends_on": day(30),
    }
    return found | more


async def government(api: Api, **more: Any) -> str:
    """A new profile of a ministry; its id."""
    made = await make_partner(api, **{"partner_type": "GOV_NATIONAL", "tags": []} | more)
    return str(made["id"])


async def set_on(api: Api, partner: str, **more: Any) -> dict[str, Any]:
    """A stored restriction."""
    return await api.made(URL, body(partner, **more))


async def open_office(
    operator: Database, world: World, agency: str, country: str, kind: str = "country"
) -> None:
    """An office of the agency in a country: what stands for an engagement there."""
    async with operator.session() as session:
        await session.execute(
            text(
                "INSERT INTO offices (id, agency_id, code, name, kind, parent_id, countries) "
                "SELECT gen_random_uuid(), :agency, :code, :code, :kind, h.id, :countries "
                "FROM (SELECT id FROM offices WHERE agency_id = :agency AND kind = 'hq') h"
            ),
            {
                "agency": world.agencies[agency],
                "code": f"T{secrets.token_hex(4)}".upper(),
                "kind": kind,
                "countries": [country],
            },
        )


async def open_head_office(operator: Database, world: World, agency: str) -> None:
    """A headquarters, where the agency has none."""
    async with operator.session() as session:
        await session.execute(
            text(
                "INSERT INTO offices (id, agency_id, code, name, kind) "
                "SELECT gen_random_uuid(), :agency, 'HQ', 'Headquarters', 'hq' WHERE NOT EXISTS "
                "(SELECT FROM offices WHERE agency_id = :agency AND kind = 'hq')"
            ),
            {"agency": world.agencies[agency]},
        )


async def offices(operator: Database) -> list[Any]:
    """Ids of the offices that there are."""
    async with operator.session() as session:
        return list((await session.scalars(text("SELECT id FROM offices"))).all())


async def close_offices(operator: Database, but: list[Any]) -> None:
    """Take away all offices but these, so that other tests meet the agencies as they were."""
    async with operator.session() as session:
        for kinds in (["country", "multi_country"], ["region"], ["hq"]):
            await session.execute(
                text("DELETE FROM offices WHERE kind = ANY (:kinds) AND id <> ALL (:but)"),
                {"kinds": kinds, "but": but},
            )
