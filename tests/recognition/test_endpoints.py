"""Clearances through HTTP: complete, stored, re-read byte for byte, signed once."""

from __future__ import annotations

import asyncio
import hashlib
import json
from uuid import uuid4

import pytest

from app.auth import jose
from app.core.db import Database
from app.recognition.requirements import ALL
from tests.assessments.factories import make_assessment
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.recognition.support import ask, cleared, good_partner
from tests.sanctions.factories import impose
from tests.support import unique

pytestmark = pytest.mark.usefixtures("lists")


async def test_a_partner_with_anothers_good_assessments_is_clear(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = await good_partner(api_for, operator_database, unique("Quokka Meadow"))
    made = await make_assessment(unicef, partner)
    answer = await cleared(wfp, {"id": partner}, amount_usd="90000.00")
    assert answer["outcome"] == "CLEAR", answer["reasons"]
    assert answer["reasons"] == []
    assert answer["legal"]["registration"] == "valid"
    assert answer["assurance"]["last_opinion"] is None
    least = next(step for step in answer["required_next"] if step["kind"] == "assurance")
    assert (least["detail"]["programmatic_visits"], least["detail"]["risk"]) == (1, "low")
    line = answer["recognition"][0]
    assert (line["by"], line["from_agency"]) == ("recognised", "UNICEF")
    assert line["assessment_id"] == made["id"]
    assert answer["match"]["by"] == "id"
    assert answer["list"]["stale_sources"] == []
    assert answer["status"] == "open"


async def test_another_agencys_measure_is_referred_at_once(api_for: ApiFor) -> None:
    entry = await impose(api_for)
    answer = await cleared(await api_for("WFP"), {"id": entry["partner_id"]})
    assert answer["outcome"] == "REFER"
    reason = answer["reasons"][0]
    assert (reason["code"], reason["source"]) == ("SANCTIONED_OTHER_AGENCY", "UNDP")
    assert answer["restrictions"][0]["entry_id"] == entry["entry_id"]
    own = await cleared(await api_for("UNDP"), {"id": entry["partner_id"]})
    assert own["outcome"] == "BLOCKED"


async def test_a_measure_on_headquarters_reaches_its_country_profile(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    headquarters = await make_partner(unicef, partner_type="NGO_INTL", country="CHE")
    office = await make_partner(unicef, partner_type="NGO_INTL", hq_id=headquarters["id"])
    await impose(api_for, headquarters["id"])
    answer = await cleared(await api_for("WFP"), {"id": office["id"]})
    assert "SANCTIONED_OTHER_AGENCY" in [reason["code"] for reason in answer["reasons"]]
    assert answer["restrictions"][0]["inherited_from"] == headquarters["id"]


async def test_partners_are_found_by_identifier_and_by_name(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = await make_partner(unicef, legal_name=unique("Zephyr Valley Foundation"))
    identifier = {key: partner["identifiers"][0][key] for key in ("scheme", "value")}
    by_identifier = await cleared(wfp, {"identifier": identifier})
    assert by_identifier["match"]["partner_id"] == partner["id"]
    by_name = await cleared(wfp, {"name": partner["legal_name"], "country": "KEN"})
    assert by_name["match"]["partner_id"] == partner["id"]
    assert by_name["match"]["by"] == "name"


async def test_an_unknown_partner_is_never_clear(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    gone = await wfp.post("/v1/clearances", json=ask({"id": str(uuid4())}))
    assert (gone.status_code, gone.json()["code"]) == (404, "partner_not_found")
    by_identifier = await cleared(wfp, {"identifier": {"scheme": "ORG_ID", "value": "KE-NCB-none"}})
    by_name = await cleared(wfp, {"name": unique("Nobody knows us"), "country": "KEN"})
    for answer in (by_identifier, by_name):
        assert answer["outcome"] == "REFER"
        assert answer["match"] is None
        assert answer["reasons"][0]["code"] == "IDENTITY_UNKNOWN"


async def test_two_profiles_of_one_name_are_ambiguous(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    name = unique("Baobab Twin Society")
    made = {(await make_partner(unicef, legal_name=name))["id"] for _ in range(2)}
    answer = await cleared(await api_for("WFP"), {"name": name, "country": "KEN"})
    assert answer["reasons"][0]["code"] == "IDENTITY_AMBIGUOUS"
    assert made <= {candidate["partner_id"] for candidate in answer["candidates"]}


async def test_a_listed_name_is_a_potential_match_not_a_sanction(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    page = await wfp.read("/v1/feeds/sanctions/changes?stream=source.unsc&limit=1000")
    listed = next(c["entry"] for c in page["changes"] if c["entry"]["kind"] == "organisation")
    partner = await make_partner(wfp, legal_name=listed["names"][0]["name"], aliases=[])
    answer = await cleared(wfp, {"id": partner["id"]})
    reason = next(r for r in answer["reasons"] if r["code"] == "POTENTIAL_MATCH_OPEN")
    assert reason["source"] == "unsc"
    assert answer["outcome"] == "REFER"
    assert answer["restrictions"] == []


async def test_the_answer_is_reread_byte_for_byte_and_by_its_agency_only(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = await make_partner(unicef)
    given = await wfp.post("/v1/clearances", json=ask({"id": partner["id"]}))
    url = given.headers["location"]
    assert (await wfp.get(url)).content == given.content
    assert (await unicef.get(url)).status_code == 404
    assert (await unicef.get(f"{url}/receipt")).status_code == 404
    listed = await wfp.read(f"/v1/clearances?partner_id={partner['id']}")
    assert [item["clearance_id"] for item in listed["items"]] == [given.json()["clearance_id"]]
    assert (await unicef.read(f"/v1/clearances?partner_id={partner['id']}"))["items"] == []


async def test_the_receipt_is_signed_once_and_speaks_of_exactly_this_answer(
    api_for: ApiFor,
) -> None:
    wfp = await api_for("WFP")
    partner = await make_partner(await api_for("UNICEF"))
    given = await wfp.post("/v1/clearances", json=ask({"id": partner["id"]}))
    url = f"{given.headers['location']}/receipt"
    answers = await asyncio.gather(*(wfp.get(url) for _ in range(8)))
    assert len({answer.content for answer in answers}) == 1
    assert (await wfp.get(url)).content == answers[0].content
    claims = jose.unverified_claims(answers[0].text)
    assert claims["aud"] == "WFP"
    assert claims["sub"] == partner["id"]
    assert claims["jti"] == given.json()["clearance_id"]
    assert claims["outcome"] == given.json()["outcome"]
    assert claims["answer_sha256"] == hashlib.sha256(given.content).hexdigest()
    assert partner["legal_name"] not in json.dumps(claims)


async def test_a_replayed_request_is_the_same_clearance(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    partner = await make_partner(await api_for("UNICEF"))
    headers = {"Idempotency-Key": uuid4().hex}
    body = ask({"id": partner["id"]})
    answers = [await wfp.post("/v1/clearances", json=body, headers=headers) for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert answers[1].headers["idempotency-replayed"] == "true"
    assert answers[1].headers["location"] == answers[0].headers["location"]


async def test_of_many_equal_requests_at_once_one_is_stored(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    partner = await make_partner(await api_for("UNICEF"))
    headers = {"Idempotency-Key": uuid4().hex}
    body = ask({"id": partner["id"]})
    answers = await asyncio.gather(
        *(wfp.post("/v1/clearances", json=body, headers=headers) for _ in range(8))
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    listed = await wfp.read(f"/v1/clearances?partner_id={partner['id']}")
    assert len(listed["items"]) == 1


async def test_another_agencys_hidden_record_changes_no_byte_of_the_decision(
    api_for: ApiFor,
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = await make_partner(unicef, legal_name=unique("Okapi Ridge"), aliases=[])
    before = await cleared(wfp, {"id": partner["id"]})
    await make_assessment(unicef, partner["id"], confidentiality="AGENCY_ONLY")
    after = await cleared(wfp, {"id": partner["id"]})
    own = ("clearance_id", "evaluated_at", "expires_at")
    assert {k: v for k, v in before.items() if k not in own} == {
        k: v for k, v in after.items() if k not in own
    }


@pytest.mark.parametrize(
    "partner",
    [
        {},
        {"id": str(uuid4()), "name": "Two ways", "country": "KEN"},
        {"name": "No country"},
        {"country": "KEN"},
    ],
)
async def test_a_partner_is_named_in_exactly_one_way(
    api_for: ApiFor, partner: dict[str, str]
) -> None:
    answer = await (await api_for("WFP")).post("/v1/clearances", json=ask(partner))
    assert answer.status_code == 422


async def test_a_period_is_none_that_thins_an_amount_out(api_for: ApiFor) -> None:
    partner = {"id": str(uuid4())}
    for ends, status in (("2036-01-01", 404), ("2036-01-02", 422)):
        body = ask(partner, period={"from": "2026-01-01", "to": ends})
        answer = await (await api_for("WFP")).post("/v1/clearances", json=body)
        assert answer.status_code == status


async def test_policies_and_scales_are_open_to_all(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    page = await wfp.read("/v1/recognition-policies?agency=UNDP")
    assert {item["requirement"] for item in page["items"]} == set(ALL)
    scales = await wfp.read("/v1/rating-scales")
    assert scales["scales"][0]["values"]["LOW_CAPACITY"] == "HIGH"


async def test_own_clearances_page_by_page(api_for: ApiFor) -> None:
    fao = await api_for("FAO")
    partner = await make_partner(await api_for("UNICEF"))
    made = [(await cleared(fao, {"id": partner["id"]}))["clearance_id"] for _ in range(3)]
    url = f"/v1/clearances?partner_id={partner['id']}&limit=2"
    first = await fao.read(url)
    second = await fao.read(f"{url}&cursor={first['next_cursor']}")
    seen = [item["clearance_id"] for item in (*first["items"], *second["items"])]
    assert seen == made[::-1]
    assert second["next_cursor"] is None


async def test_a_reread_that_is_up_to_date_is_a_304(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    partner = await make_partner(await api_for("UNICEF"))
    given = await cleared(wfp, {"id": partner["id"]})
    url = f"/v1/clearances/{given['clearance_id']}"
    tag = (await wfp.get(url)).headers["etag"]
    assert (await wfp.get(url, headers={"If-None-Match": tag})).status_code == 304


async def test_a_period_ends_after_it_begins_and_an_amount_is_more_than_nothing(
    api_for: ApiFor,
) -> None:
    wfp = await api_for("WFP")
    partner = {"id": str(uuid4())}
    backwards = ask(partner, period={"from": "2026-07-01", "to": "2026-06-30"})
    assert (await wfp.post("/v1/clearances", json=backwards)).status_code == 422
    nothing = ask(partner, amount_usd="0.00")
    assert (await wfp.post("/v1/clearances", json=nothing)).status_code == 422
