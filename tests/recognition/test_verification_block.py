"""What a clearance says of the verification: the profile's own, of the same snapshot."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from app.core.db import Database
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.partners.verifications.factories import BAD, GOOD, change, complete_partner, verify
from tests.support import Api

NONE = {"status": "pending_verification", "on": None, "until": None, "by": None}


@pytest.fixture
async def unicef(api_for: ApiFor) -> Api:
    return await api_for("UNICEF")


async def cleared(api_for: ApiFor, **partner: Any) -> dict[str, Any]:
    body = {"partner": partner, "country": "KEN", "purpose": "PARTNER_SELECTION"}
    return await (await api_for("WFP")).made("/v1/clearances", body)


@pytest.mark.parametrize(("answers", "status"), [(GOOD, "verified"), (BAD, "unverified")])
async def test_who_verified_when_and_until_when(
    answers: dict[str, bool],
    status: str,
    api_for: ApiFor,
    unicef: Api,
    operator_database: Database,
) -> None:
    partner = await complete_partner(unicef, operator_database)
    made = await verify(unicef, partner, answers=answers)
    found = await cleared(api_for, id=partner)
    assert found["verification"] == {
        "status": status,
        "on": made["verified_on"],
        "until": made["valid_until"],
        "by": "UNICEF",
    }
    assert (
        found["match"]["partner_version"]
        == (await unicef.read(f"/v1/partners/{partner}"))["version"]
    )


async def test_none_and_lapsed_are_none_and_an_unknown_partner_has_no_block(
    api_for: ApiFor, unicef: Api, operator_database: Database
) -> None:
    draft = (await make_partner(unicef))["id"]
    assert (await cleared(api_for, id=draft))["verification"] == NONE
    partner = await complete_partner(unicef, operator_database)
    made = await verify(unicef, partner)
    past = date.fromisoformat(made["verified_on"]) - timedelta(days=1)
    await change(operator_database, partner, verified_until=past)
    assert (await cleared(api_for, id=partner))["verification"] == NONE
    unknown = await cleared(api_for, name="Nobody of this name at all", country="KE")
    assert unknown["verification"] == {"status": "not_recorded"}
