"""RESTRICTED measures: who learns of one, and how much."""

from __future__ import annotations

import pytest

from app.core.db import Database
from tests.audit.support import add_officer
from tests.conftest import ApiFor, Settle
from tests.sanctions.entries.support import changes, clearance, new_partner, reasons
from tests.sanctions.factories import suspend
from tests.support import Api, World

_PURPOSE = {"Access-Purpose": 'CONTRACTING; ref="WFP-KE-1"'}


async def _shown(api: Api, partner: str) -> list[str]:
    url = f"/v1/sanctions/interim-suspensions?partner_id={partner}"
    return [one["entry_id"] for one in (await api.read(url, headers=_PURPOSE))["items"]]


async def test_nobody_else_finds_a_suspension(api_for: ApiFor, settle: Settle) -> None:
    partner = await new_partner(api_for)
    entry = await suspend(api_for, partner)
    assert entry["level"] == "RESTRICTED"
    wfp, url = await api_for("WFP"), f"/v1/sanctions/entries/{entry['entry_id']}"
    assert (await wfp.get(url)).status_code == 404
    assert (await wfp.get(f"{url}/history")).status_code == 404
    body = {"decision": "recognise", "reason": "x"}
    recognised = await (await api_for("WFP_APPROVER")).post(f"{url}/recognitions", json=body)
    assert recognised.status_code == 404
    listed = await wfp.read(f"/v1/sanctions/entries?partner_id={partner}")
    assert listed["items"] == []
    assert await _shown(wfp, partner) == []
    standing = await wfp.read(f"/v1/partners/{partner}/standing")
    assert (standing["locked"], standing["restraints"]) == (False, [])
    await settle()
    for stream in ("inter_agency", "public"):
        assert await changes(api_for, entry, stream) == []
    undp = await api_for("UNDP")
    assert (await undp.read(url))["measure"] == "INTERIM_SUSPENSION"
    assert await _shown(undp, partner) == [entry["entry_id"]]


async def test_its_event_names_no_partner(api_for: ApiFor, operator_database: Database) -> None:
    entry = await suspend(api_for, await new_partner(api_for))
    async with operator_database.connection() as connection:
        data = await connection.fetch(
            "SELECT data::text FROM outbox WHERE subject_id::text = $1", entry["entry_id"]
        )
    assert [row[0] for row in data] == ['{"level": "RESTRICTED"}']


@pytest.mark.parametrize(
    ("role", "sees"), [("SAO", True), ("CO", True), ("ERP", False), ("OVS", False)]
)
async def test_sanctions_authority_and_compliance_officer_read_it_for_a_purpose(
    role: str, sees: bool, api_for: ApiFor, operator_database: Database, world: World
) -> None:
    partner = await new_partner(api_for)
    entry = await suspend(api_for, partner)
    name = await add_officer(operator_database, world, "WFP", f"INT{role}", role)
    officer = await api_for(name)
    url = f"/v1/sanctions/interim-suspensions?partner_id={partner}"
    assert (await officer.get(url)).json()["code"] == "purpose_required"
    assert await _shown(officer, partner) == ([entry["entry_id"]] if sees else [])
    async with operator_database.connection() as connection:
        logged = await connection.fetch(
            "SELECT purpose, reference, basis FROM audit_events WHERE client_id = $1 "
            "AND event = 'sanction:restricted_entry:read'",
            name,
        )
    expected = [("CONTRACTING", "WFP-KE-1", "role")] if sees else []
    assert [tuple(row) for row in logged] == expected


async def test_a_clearance_says_whom_to_ask_and_nothing_else(api_for: ApiFor) -> None:
    partner = await new_partner(api_for)
    entry = await suspend(api_for, partner)
    answer = await clearance(api_for, partner)
    assert reasons(answer) == {"CONSULT_OWNER": "REFER"}
    (reason,) = [one for one in answer["reasons"] if one["code"] == "CONSULT_OWNER"]
    assert reason["source"] == "UNDP"
    assert set(reason["detail"]) == {"alone", "contact_office", "contact"}
    assert answer["restrictions"] == []
    assert entry["entry_id"] not in str(answer)
    own = await clearance(api_for, partner, "UNDP")
    assert reasons(own) == {"INTERIM_SUSPENSION": "BLOCKED"}
    # One that has ended says nothing.
    other = await new_partner(api_for)
    assert reasons(await clearance(api_for, other)) == {}


@pytest.mark.parametrize(
    ("said", "code"),
    [("named", {"INTERIM_SUSPENSION": "REFER"}), ("not_counted", {}),
     ("consult", {"CONSULT_OWNER": "REFER"})],
)  # fmt: skip
async def test_the_owner_says_how_its_suspensions_count(
    said: str, code: dict[str, str], api_for: ApiFor
) -> None:
    partner = await new_partner(api_for)
    await suspend(api_for, partner, "FAO")
    fao, url = await api_for("FAO"), "/v1/agencies/FAO/settings/facts_in_clearances"
    setting = await fao.read(url)
    done = await fao.put(
        url,
        json={"value": {"interim_suspension": said}},
        headers={"If-Match": f'"v{setting["version"]}"'},
    )
    assert done.status_code == 200, done.text
    assert reasons(await clearance(api_for, partner)) == code


async def test_a_purpose_and_a_partner_are_asked_for(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    url = "/v1/sanctions/interim-suspensions"
    assert (await wfp.get(url, headers=_PURPOSE)).status_code == 422
    unknown = f"{url}?partner_id=00000000-0000-4000-8000-000000000000"
    assert (await wfp.get(unknown, headers=_PURPOSE)).status_code == 404
