"""Partners for tests."""

from __future__ import annotations

import secrets
from typing import Any

from tests.support import Api, unique


def partner_body(**more: Any) -> dict[str, Any]:
    """A valid new profile with a name and an identifier of its own."""
    body: dict[str, Any] = {
        "legal_name": unique("Amani Relief Trust"),
        "acronym": "ART",
        "aliases": ["Amani Trust"],
        "partner_type": "NGO_NATIONAL",
        "country": "KE",
        "year_established": 1998,
        "identifiers": [{"scheme": "ORG_ID", "value": f"KE-NCB-{secrets.token_hex(6)}"}],
    }
    return body | more


async def make_partner(api: Api, **more: Any) -> dict[str, Any]:
    """A stored profile."""
    return await api.made("/v1/partners", partner_body(**more))
