"""What a partner is told of who opened assessments of it: agency, day, type; nothing held back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.core.clock import utc_now
from app.core.db import Binding, Database
from tests.assessments.factories import PURPOSE, make_assessment, make_share
from tests.audit.support import add_officer
from tests.audit.test_withholding import body as withholding
from tests.conftest import ApiFor
from tests.partners.claims.support import claimed, claimed_partner
from tests.partners.factories import make_partner
from tests.partners.merges.support import merged
from tests.support import World

URL = "/v1/self/disclosures"


async def _days(api: Any) -> list[tuple[str, str, str]]:
    items = (await api.read(URL))["items"]
    assert all(one.keys() == {"disclosed_on", "agency", "type"} for one in items)
    return [(one["disclosed_on"], one["agency"], one["type"]) for one in items]


async def test_a_partner_sees_agency_day_and_type_and_no_more(
    api_for: ApiFor, world: World
) -> None:
    unicef, wfp, fao = [await api_for(code) for code in ("UNICEF", "WFP", "FAO")]
    partner, client = await claimed_partner(api_for, world)
    today = utc_now().date().isoformat()
    made = (await make_assessment(unicef, partner))["id"]
    other = (await make_assessment(unicef, partner, confidentiality="INTER_AGENCY"))["id"]
    assert await _days(client) == []
    await unicef.read(f"/v1/assessments/{made}/detail")
    assert await _days(client) == [], "the owner's own readings disclose nothing"
    await make_share(unicef, made)
    for _ in range(2):
        await wfp.read(f"/v1/assessments/{made}/detail", headers=PURPOSE)
    await fao.read(f"/v1/assessments/{other}/detail")
    assert (await fao.get(f"/v1/assessments/{made}/detail")).status_code == 404
    assert await _days(client) == [(today, "FAO", "psea"), (today, "WFP", "psea")]
    first = await client.read(f"{URL}?limit=1")
    second = await client.read(f"{URL}?limit=1&cursor={first['next_cursor']}")
    assert [one["agency"] for one in first["items"] + second["items"]] == ["FAO", "WFP"]
    assert second["next_cursor"] is None
    _, stranger = await claimed_partner(api_for, world)
    assert await _days(stranger) == []
    assert (await unicef.get(URL)).status_code == 403


async def test_nothing_is_told_while_it_is_held_back(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner, client = await claimed_partner(api_for, world)
    made = (await make_assessment(unicef, partner))["id"]
    await make_share(unicef, made)
    await wfp.read(f"/v1/assessments/{made}/detail", headers=PURPOSE)
    assert len(await _days(client)) == 1
    owner = await api_for(await add_officer(operator_database, world, "UNICEF", "OVSD", "OVS"))
    reader = await api_for(await add_officer(operator_database, world, "WFP", "OVSD", "OVS"))
    for officer, mark in (
        (owner, withholding("statement", subject_id=made)),
        (reader, withholding(subject_id=made)),
    ):
        kept = await officer.made("/v1/withholdings", mark)
        assert await _days(client) == []
        assert (await officer.delete(f"/v1/withholdings/{kept['id']}")).status_code == 204
        assert len(await _days(client)) == 1
    open_one = (await make_assessment(unicef, partner, confidentiality="INTER_AGENCY"))["id"]
    investigation = {"Access-Purpose": 'INVESTIGATION; ref="OIG-7"'}
    fao = await api_for(await add_officer(operator_database, world, "FAO", "OVSD", "OVS"))
    await fao.read(f"/v1/assessments/{open_one}/detail", headers=investigation)
    assert [agency for _, agency, _ in await _days(client)] == ["WFP"]


async def test_disclosures_of_merged_profiles_are_the_survivor_s_too(
    api_for: ApiFor, world: World
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    loser, survivor = await make_partner(unicef), await make_partner(unicef)
    client, _ = await claimed(api_for, world, survivor["id"])
    made = (await make_assessment(unicef, loser["id"]))["id"]
    await make_share(unicef, made)
    await wfp.read(f"/v1/assessments/{made}/detail", headers=PURPOSE)
    assert await _days(client) == []
    await merged(api_for, loser, survivor)
    assert [agency for _, agency, _ in await _days(client)] == ["WFP"]


async def test_the_function_tells_whoever_is_no_partner_nothing(
    api_for: ApiFor, database: Database, world: World
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    made = await make_assessment(unicef, confidentiality="INTER_AGENCY")
    await wfp.read(f"/v1/assessments/{made['id']}/detail")
    from sqlalchemy import text

    sql = text("SELECT count(*) FROM partner_disclosures(NULL, NULL, NULL, 200)")
    for binding, seen in (
        (Binding(world.agencies["WFP"]), 0),
        (Binding(world.agencies["UNICEF"], oversight=True), 0),
        (Binding(partner_id=UUID(made["partner_id"])), 1),
    ):
        async with database.session(binding) as session:
            assert await session.scalar(sql) == seen
