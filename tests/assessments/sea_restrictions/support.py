"""SEA restriction markers for tests."""

from __future__ import annotations

from typing import Any

from app.core.db import Database
from tests.audit.support import add_officer
from tests.conftest import ApiFor
from tests.support import Api, World

PURPOSE = {"Access-Purpose": 'CONTRACTING; ref="WFP-KE-2026-17"'}
URL = "/v1/sea-restrictions"


def restriction_body(partner: str, **more: Any) -> dict[str, Any]:
    """A valid marker."""
    body: dict[str, Any] = {
        "partner_id": partner,
        "contact_office": "Internal audit office",
        "contact_email": "audit@unicef.example",
    }
    return body | more


async def oversight(
    api_for: ApiFor, operator: Database, world: World, agency: str = "UNICEF"
) -> Api:
    """A person of the agency's oversight office."""
    return await api_for(await add_officer(operator, world, agency, "OVSSEA", "OVS"))


async def set_on(api: Api, partner: str, **more: Any) -> dict[str, Any]:
    """A stored marker."""
    return await api.made(URL, restriction_body(partner, **more))
