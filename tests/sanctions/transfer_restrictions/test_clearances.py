"""What a transfer restriction means in a clearance, and to whom."""

from __future__ import annotations

from typing import Any

import pytest

from app.core.db import Database
from app.recognition.measures import Asked, held_back
from tests.audit.support import add_officer
from tests.conftest import ApiFor
from tests.sanctions.cases.support import version
from tests.sanctions.transfer_restrictions.support import (
    URL,
    close_offices,
    government,
    offices,
    open_head_office,
    open_office,
    set_on,
)
from tests.support import Api, World

ITEM = {
    "id": "1",
    "agency": "UNICEF",
    "country": "KEN",
    "suspended": ["direct_cash_transfer"],
    "allowed": ["direct_payment"],
    "starts_on": "2026-01-01",
    "ends_on": None,
    "contact_office": None,
    "contact_email": None,
}


@pytest.mark.parametrize(
    ("country", "modality", "shown", "told"),
    [
        ("KEN", "direct_cash_transfer", True, ("TRANSFER_RESTRICTION", "REFER")),
        ("KEN", None, True, ("TRANSFER_RESTRICTION", "REFER")),
        ("KEN", "direct_payment", True, ("TRANSFER_RESTRICTION", "CLEAR_WITH_CONDITIONS")),
        ("UGA", None, True, ("TRANSFER_RESTRICTION", "CLEAR_WITH_CONDITIONS")),
        ("KEN", "direct_payment", False, ("CONSULT_OWNER", "REFER")),
    ],
)
def test_what_one_means(
    country: str, modality: str | None, shown: bool, told: tuple[str, str]
) -> None:
    (found,) = held_back([ITEM | {"shown": shown}], Asked("WFP", country, modality))
    assert (found.code, found.outcome) == told
    assert shown or set(found.detail) == {"contact_office", "contact"}


async def _asked(api: Api, partner: str, **more: Any) -> dict[str, dict[str, Any]]:
    body = {"partner": {"id": partner}, "country": "KEN", "purpose": "CONTRACTING"} | more
    given = await api.made("/v1/clearances", body)
    return {reason["code"]: reason for reason in given["reasons"]}


async def test_those_engaged_are_told_and_others_are_not(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    before = await offices(operator_database)
    await open_head_office(operator_database, world, "UNDP")
    await open_office(operator_database, world, "UNDP", "KEN")
    unicef, undp = await api_for("UNICEF"), await api_for("UNDP")
    partner = await government(unicef)
    made = await set_on(unicef, partner)
    for api in (unicef, undp):
        reason = (await _asked(api, partner))["TRANSFER_RESTRICTION"]
        assert reason["source"] == "UNICEF"
        assert reason["detail"]["transfer_restriction_id"] == made["id"]
        assert reason["detail"]["alone"] == "REFER"
        assert "owner_id" not in reason["detail"]
    paid = await _asked(undp, partner, modality="direct_payment")
    assert paid["TRANSFER_RESTRICTION"]["detail"]["alone"] == "CLEAR_WITH_CONDITIONS"
    machine = await api_for("UNDP", "clearance:run")
    blind = await _asked(machine, partner)
    assert "TRANSFER_RESTRICTION" not in blind
    assert blind["CONSULT_OWNER"]["source"] == "UNICEF"
    psea = await add_officer(operator_database, world, "UNDP", "TRSAO", "CO")
    assert "TRANSFER_RESTRICTION" in await _asked(await api_for(psea), partner)
    # For whoever is not in the country there is nothing, not even a hint (domain.md 5.6).
    free = await government(unicef)
    elsewhere = await api_for("UNHCR")
    assert set(await _asked(elsewhere, partner)) == set(await _asked(elsewhere, free))
    await unicef.post(f"{URL}/{made['id']}/lift", headers=version(1))
    assert "TRANSFER_RESTRICTION" not in await _asked(undp, partner)
    await close_offices(operator_database, before)
