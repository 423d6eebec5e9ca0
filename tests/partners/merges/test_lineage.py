"""After a merge every feature reads both profiles' records, and each record keeps its own id."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.core.db import Database
from tests.assessments.factories import assessment_body, make_assessment
from tests.conftest import ApiFor, Settle
from tests.partners.factories import make_partner, partner_body
from tests.partners.merges.support import merged, pair, unmerged
from tests.sanctions.factories import impose, open_case
from tests.support import Api, unique


def _ask(partner: dict[str, Any]) -> dict[str, Any]:
    return {"partner": partner, "country": "KEN", "purpose": "PARTNER_SELECTION"}


def _key(partner: dict[str, Any]) -> dict[str, str]:
    return {name: partner["identifiers"][0][name] for name in ("scheme", "value")}


async def _ids(api: Api, url: str, name: str = "id") -> set[str]:
    return {item[name] for item in (await api.read(url))["items"]}


async def test_a_measure_on_either_profile_blocks_the_partner_from_the_merge_on(
    api_for: ApiFor,
) -> None:
    unicef, undp = await api_for("UNICEF"), await api_for("UNDP")
    loser, survivor = await pair(unicef)
    entry = await impose(api_for, loser["id"])
    filed = await make_assessment(unicef, loser["id"])
    before = await undp.made("/v1/clearances", _ask({"id": survivor["id"]}))
    assert before["outcome"] != "BLOCKED"
    merge = await merged(api_for, loser, survivor)
    for asked in ({"id": survivor["id"]}, {"id": loser["id"]}, {"identifier": _key(loser)}):
        answer = await undp.made("/v1/clearances", _ask(asked))
        assert answer["outcome"] == "BLOCKED", asked
        assert answer["match"]["partner_id"] == survivor["id"]
        restriction = answer["restrictions"][0]
        assert (restriction["entry_id"], restriction["partner_id"]) == (
            entry["entry_id"],
            loser["id"],
        )
        assert restriction["inherited_from"] is None
        assert [item["id"] for item in answer["assessments"]] == [filed["id"]]
        # The measure on the own profile is a restriction, and not a resemblance besides.
        assert entry["entry_id"] not in [hit["entry_id"] for hit in answer["potential_matches"]]
    for partner in (loser, survivor):
        url = f"/v1/clearances?partner_id={partner['id']}"
        assert len(await _ids(undp, url, "clearance_id")) == 4
    await unmerged(api_for, merge)
    after = await undp.made("/v1/clearances", _ask({"id": survivor["id"]}))
    assert after["outcome"] != "BLOCKED"
    assert after["restrictions"] == []
    still = await undp.made("/v1/clearances", _ask({"id": loser["id"]}))
    assert (still["outcome"], still["match"]["partner_id"]) == ("BLOCKED", loser["id"])


async def test_a_measure_on_merged_headquarters_reaches_country_profiles(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    international: dict[str, Any] = {"partner_type": "NGO_INTL", "country": "CHE"}
    loser, survivor = await pair(unicef, **international)
    of_loser = await make_partner(unicef, partner_type="NGO_INTL", hq_id=loser["id"])
    of_survivor = await make_partner(unicef, partner_type="NGO_INTL", hq_id=survivor["id"])
    await impose(api_for, loser["id"])
    await merged(api_for, loser, survivor)
    await impose(api_for, survivor["id"], agency="FAO")
    for office in (of_loser, of_survivor):
        answer = await wfp.made("/v1/clearances", _ask({"id": office["id"]}))
        agencies = {item["imposing_agency"] for item in answer["restrictions"]}
        assert agencies == {"UNDP", "FAO"}
        assert {item["inherited_from"] for item in answer["restrictions"]} == {survivor["id"]}


async def test_lists_answer_by_either_id_and_rows_keep_their_own(api_for: ApiFor) -> None:
    unicef, undp = await api_for("UNICEF"), await api_for("UNDP")
    loser, survivor = await pair(unicef)
    filed = [(await make_assessment(unicef, one["id"]))["id"] for one in (loser, survivor)]
    cases = [(await open_case(api_for, one["id"]))["id"] for one in (loser, survivor)]
    entry = (await impose(api_for, loser["id"]))["entry_id"]
    await merged(api_for, loser, survivor)
    for one in (loser, survivor):
        query = f"?partner_id={one['id']}"
        page = await unicef.read(f"/v1/assessments{query}")
        assert {item["id"] for item in page["items"]} == set(filed)
        about = {item["id"]: item["partner_id"] for item in page["items"]}
        assert about[filed[0]] == loser["id"]
        assert await _ids(undp, f"/v1/sanctions/entries{query}", "entry_id") == {entry}
        assert set(cases) < await _ids(undp, f"/v1/sanctions/cases{query}")
        log = await unicef.read(f"/v1/audit/events{query}&event=assessment:record:file")
        assert {item["subject_id"] for item in log["items"]} == set(filed)


async def test_merged_profiles_are_found_by_all_their_names_and_numbers_but_not_listed(
    api_for: ApiFor,
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    name = unique("Wimbi Jipya Society")
    loser = await make_partner(unicef, legal_name=name, country="BDI")
    survivor = await make_partner(unicef, country="BDI")
    await merged(api_for, loser, survivor)
    listed = await _ids(wfp, "/v1/partners?country=BDI&limit=200")
    assert survivor["id"] in listed
    assert loser["id"] not in listed
    assert loser["id"] in await _ids(wfp, "/v1/partners?country=BDI&status=merged&limit=200")
    found = await wfp.post("/v1/partners/match", json={"legal_name": name, "country": "BDI"})
    assert [one["partner_id"] for one in found.json()["candidates"]][:1] == [survivor["id"]]
    key = _key(loser)
    resolved = await wfp.read("/v1/partners/resolve", params=key)
    assert resolved["id"] == survivor["id"]
    taken = await wfp.post("/v1/partners", json=partner_body(identifiers=[key]))
    assert (taken.status_code, taken.json()["partner_id"]) == (409, survivor["id"])
    by_name = await wfp.made("/v1/clearances", _ask({"name": name, "country": "BDI"}))
    assert by_name["match"]["partner_id"] == survivor["id"]


async def test_new_statements_about_a_merged_profile_are_told_where_to_go(api_for: ApiFor) -> None:
    unicef, undp = await api_for("UNICEF"), await api_for("UNDP")
    loser, survivor = await pair(unicef)
    await merged(api_for, loser, survivor)
    case = {
        "partner_id": loser["id"],
        "practices": ["FRAUDULENT"],
        "finding": {"reference": "OAI-1", "on": "2026-04-02"},
    }
    policy = {
        "shared_with": "WFP",
        "level": "summary",
        "purpose": "MONITORING",
        "partner_id": loser["id"],
    }
    for api, url, body in (
        (unicef, "/v1/assessments", assessment_body(loser["id"])),
        (undp, "/v1/sanctions/cases", case),
        (unicef, "/v1/sharing-policies", policy),
    ):
        answer = await api.post(url, json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "partner_merged"), url
        assert answer.json()["partner_id"] == survivor["id"]


async def _fed(operator_database: Database, entry_id: str) -> dict[str, Any]:
    async with operator_database.connection() as connection:
        body = await connection.fetchval(
            "SELECT entry FROM feed_entries WHERE stream = 'inter_agency' AND entry_id = $1",
            entry_id,
        )
    result: dict[str, Any] = json.loads(body)
    return result


async def test_entries_of_the_feed_move_to_the_survivor_and_back(
    api_for: ApiFor, settle: Settle, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    loser = await make_partner(unicef, legal_name=unique("Old Lantern Trust"))
    survivor = await make_partner(unicef, legal_name=unique("New Lantern Trust"))
    entry = (await impose(api_for, loser["id"]))["entry_id"]
    await settle()
    before = await _fed(operator_database, entry)
    merge = await merged(api_for, loser, survivor)
    await settle()
    during = await _fed(operator_database, entry)
    assert during["entry_id"] == before["entry_id"]
    assert during["partner_id"] == survivor["id"]
    assert during["registry_number"] == survivor["registry_number"]
    names = [(name["type"], name["name"]) for name in during["names"]]
    assert names[0] == ("primary", loser["legal_name"])
    assert ("alias", survivor["legal_name"]) in names
    await unmerged(api_for, merge)
    await settle()
    assert await _fed(operator_database, entry) == before
    page = await unicef.read("/v1/feeds/sanctions/changes?limit=1000")
    ops = [change["op"] for change in page["changes"] if change["entry_id"] == entry]
    assert ops == ["put", "put", "put"]


async def test_a_hold_on_either_profile_keeps_what_is_said_about_both(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    loser, survivor = await pair(unicef)
    await merged(api_for, loser, survivor)
    async with operator_database.session() as session:
        await session.execute(
            text(
                "INSERT INTO legal_holds (id, agency_id, subject_kind, subject_id, sealed_reason, "
                "review_on, set_by) SELECT uuidv7(), p.agency_id, 'partner', :id, '\\x00', "
                "current_date + 9, p.id FROM persons p WHERE p.agency_id IS NOT NULL LIMIT 1"
            ),
            {"id": UUID(survivor["id"])},
        )
        await session.execute(text("SET LOCAL ROLE reg_app"))
        for one in (loser, survivor):
            held = await session.scalar(text("SELECT is_held(:id)"), {"id": UUID(one["id"])})
            assert held is True
        # Its reason opens for nobody: it must not be left for who lists holds.
        await session.rollback()


@pytest.mark.parametrize("bound", ["loser", "survivor"])
async def test_a_partner_sees_who_looked_into_either_profile(
    api_for: ApiFor, database: Database, bound: str
) -> None:
    unicef = await api_for("UNICEF")
    loser, survivor = await pair(unicef)
    filed = await make_assessment(unicef, loser["id"])
    assert filed
    await merged(api_for, loser, survivor)
    client = UUID({"loser": loser, "survivor": survivor}[bound]["id"])
    async with database.session() as session:
        await session.execute(
            text("SELECT set_config('app.partner_id', :id, true)"), {"id": str(client)}
        )
        seen = await session.scalar(
            text("SELECT count(*) FROM partner_audit(NULL, NULL, NULL, 100)")
        )
    assert seen == 5  # two profiles made, one assessment filed, proposed, approved
