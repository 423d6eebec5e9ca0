"""Clearances for tests, and a partner about which nothing is to be said."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.core.db import Database
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.partners.verifications.factories import change, complete_partner, verify
from tests.support import Api

SMALL = {"amount_usd": "90000.00"}
"""Of a partnership for which no capacity assessment is asked."""
CERTIFICATE = {"number": "OP.1/2", "authority": "Board", "expires_on": "2190-12-31"}


def ask(partner: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The body of a clearance."""
    return {"partner": partner, "country": "KEN", "purpose": "PARTNER_SELECTION"} | more


async def cleared(api: Api, partner: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The answer."""
    return await api.made("/v1/clearances", ask(partner, **more))


async def good_partner(api_for: ApiFor, operator: Database, name: str, **more: Any) -> str:
    """Id of a partner that is complete, registered and verified by UNICEF; not assessed."""
    unicef = await api_for("UNICEF")
    partner = await complete_partner(unicef, operator, legal_name=name, aliases=[], **more)
    await register(unicef, partner, certificates=[CERTIFICATE])
    await change(operator, partner, complete=True)
    await verify(unicef, partner)
    return partner


async def register(api: Api, partner: str, **body: Any) -> None:
    """State the registration of a profile."""
    url = f"/v1/partners/{partner}/sections/registration"
    read = await api.get(url)
    answer = await api.patch(url, json=body, headers={"If-Match": read.headers["etag"]})
    assert answer.status_code == 200, answer.text


async def inquired(operator: Database, agency: UUID, partner: str, times: int) -> None:
    """So many variations were asked about the partner today."""
    async with operator.session() as session:
        await session.execute(
            text(
                "INSERT INTO clearance_inquiries (agency_id, partner_id, digest) "
                "SELECT :agency, :partner, decode(lpad(to_hex(n), 32, '0'), 'hex') "
                "FROM generate_series(1, :times) n"
            ),
            {"agency": agency, "partner": UUID(partner), "times": times},
        )


def codes(answer: dict[str, Any]) -> list[str]:
    """Codes of the reasons, in order."""
    return [reason["code"] for reason in answer["reasons"]]


_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"


def _word() -> str:
    return "".join(secrets.choice(_CONSONANTS) + secrets.choice(_VOWELS) for _ in range(4)).title()


def lone_name() -> str:
    """A name like no other."""
    return f"{_word()} {_word()} {_word()}"


async def lone_partner(api: Api, **more: Any) -> dict[str, Any]:
    """A profile whose name is like no other's: a measure on another one is no match of it."""
    named: dict[str, Any] = {
        "legal_name": lone_name(),
        "acronym": None,
        "aliases": [],
    }
    return await make_partner(api, **(named | more))
