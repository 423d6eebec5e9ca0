"""The row of the permission matrix about the case file, role by role."""

from __future__ import annotations

import pytest

from app.core.db import Database
from tests.audit.support import add_officer
from tests.conftest import ApiFor
from tests.sanctions.cases.support import NOTICE, REASON, REVIEW, Case
from tests.support import World

# What a role of the own agency gets of: reading, a step of the investigation, a review.
ROLES = {
    "OVS": (200, 201, 403),
    "SAO": (200, 201, 201),
    "IPU": (200, 403, 403),
    "LEGAL": (200, 403, 201),
    "CO": (403, 403, 403),
    "PO": (403, 403, 403),
}


@pytest.mark.parametrize("role", ROLES)
async def test_what_a_role_gets_of_a_case(
    api_for: ApiFor, operator_database: Database, world: World, role: str
) -> None:
    client = await add_officer(operator_database, world, "UNDP", f"ROLE_{role}", role)
    officer = await api_for(client)
    read, create, approve = ROLES[role]
    case = await Case.open(api_for)
    assert (await officer.get(case.url)).status_code == read
    assert (await officer.post(f"{case.url}/notice", json=NOTICE)).status_code == create
    if create != 201:
        await case.told()
    assert (await officer.post(f"{case.url}/review", json=REVIEW)).status_code == approve
    dismissed = await officer.post(f"{case.url}/dismissal", json=REASON)
    # Who reviewed does not decide.
    assert dismissed.status_code == (409 if approve == 201 else approve)
    listed = await officer.get("/v1/sanctions/cases?limit=200")
    assert listed.status_code == read
    assert (case.opened["id"] in listed.text) == (read == 200)
