"""Policies through HTTP: proposed by one, decided by another, never changed, open to all."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.db import Database
from app.recognition.policies.service import ensure_default_policies
from app.recognition.rules import DEFAULTS
from tests.conftest import ApiFor
from tests.recognition.support import cleared, codes, good_partner
from tests.support import Api, World, unique

pytestmark = pytest.mark.usefixtures("lists")
URL = "/v1/recognition-policies"
V1 = {"If-Match": '"v1"'}
PSEA = dict(next(text for text in DEFAULTS.policies if text.requirement == "PSEA").rules[1])
BACKWARDS = {"series": "HACT-MA", "from": "HACT-MA-V2", "to": "HACT-MA-2014"}
SANCTIONS = dict(DEFAULTS.policies[0].rules[0])


def body(requirement: str = "PSEA", *rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "requirement": requirement,
        "rules": list(rules) or [PSEA],
        "effective_from": "2026-01-01",
        "source": "Policy 3.2",
    } | more


async def decided(api: Api, policy: str, decision: str = "approve", **more: Any) -> Any:
    said = {"decision": decision} | more
    return await api.post(f"{URL}/{policy}/approval", json=said, headers=V1)


async def put_in_force(api_for: ApiFor, agency: str, requirement: str, *rules: Any) -> str:
    """A policy in force, by two persons."""
    made = await (await api_for(agency)).made(URL, body(requirement, *rules))
    answer = await decided(await api_for(f"{agency}_APPROVER"), made["id"])
    assert answer.status_code == 200, answer.text
    return str(made["id"])


async def wrong(api: Api, requirement: str, *rules: Any) -> list[tuple[str, str]]:
    answer = await api.post(f"{URL}/check", json={"requirement": requirement, "rules": list(rules)})
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == "policy_invalid"
    return [(item["pointer"], item["code"]) for item in answer.json()["errors"]]


async def test_two_persons_make_a_policy_and_it_changes_the_next_answer(
    api_for: ApiFor, operator_database: Database
) -> None:
    fao, approver = await api_for("FAO"), await api_for("FAO_APPROVER")
    partner = await good_partner(api_for, operator_database, unique("Policy Meadow"))
    before = await cleared(fao, {"id": partner}, amount_usd="40000.00")
    assert "NO_PSEA" in codes(before)
    lenient = PSEA | {"gap": {"regular": "CLEAR_WITH_CONDITIONS", "emergency": "REFER"}}
    made = await fao.post(URL, json=body("PSEA", lenient))
    assert (made.status_code, made.headers["etag"]) == (201, '"v1"')
    policy = made.json()
    assert (policy["state"], policy["agency"], policy["decided_by"]) == ("proposed", "FAO", None)
    assert codes(await cleared(fao, {"id": partner}, amount_usd="40000.00")) == codes(before)
    own = await decided(fao, policy["id"])
    assert (own.status_code, own.json()["code"]) == (409, "same_person")
    done = await decided(approver, policy["id"])
    assert (done.status_code, done.json()["state"]) == (200, "approved")
    after = await cleared(fao, {"id": partner}, amount_usd="40000.00")
    assert (after["outcome"], codes(after)) == ("CLEAR_WITH_CONDITIONS", ["NO_PSEA"])
    line = next(one for one in after["recognition"] if one["requirement"] == "PSEA")
    assert (line["policy_id"], line["policy_version"]) == (policy["id"], policy["version"])
    again = await decided(approver, policy["id"], "refuse", reason="late")
    assert (again.status_code, again.json()["code"]) == (409, "policy_decided")


async def test_a_proposal_is_its_agencys_own_until_it_is_approved(api_for: ApiFor) -> None:
    undp, wfp = await api_for("UNDP"), await api_for("WFP")
    made = await undp.made(URL, body("PERFORMANCE", _performance()))
    url = f"{URL}/{made['id']}"
    assert (await wfp.get(url)).status_code == 404
    listed = await wfp.read(f"{URL}?agency=UNDP&requirement=PERFORMANCE&limit=200")
    assert made["id"] not in [item["id"] for item in listed["items"]]
    strange = await decided(await api_for("WFP_APPROVER"), made["id"])
    assert (strange.status_code, strange.json()["code"]) == (404, "policy_not_found")
    await decided(await api_for("UNDP_APPROVER"), made["id"])
    shown = await wfp.read(url)
    assert shown["rules"] == made["rules"]
    assert (shown["proposed_by"], shown["decided_by"]) == (None, None)
    assert (await undp.read(url))["proposed_by"] is not None


async def test_refused_and_withdrawn_proposals_stay_with_their_agency(api_for: ApiFor) -> None:
    undp, approver = await api_for("UNDP"), await api_for("UNDP_APPROVER")
    refused, gone = [await undp.made(URL, body("TERMS", {"reporting": "R"})) for _ in range(2)]
    assert gone["version"] == refused["version"] + 1
    why = await decided(approver, refused["id"], "refuse")
    assert why.status_code == 422
    answer = await decided(approver, refused["id"], "refuse", reason="not ours")
    assert (answer.json()["state"], answer.json()["reason"]) == ("refused", "not ours")
    assert (await undp.delete(f"{URL}/{gone['id']}")).status_code == 204
    assert (await undp.delete(f"{URL}/{gone['id']}")).json()["code"] == "policy_decided"
    states = {
        item["id"]: item["state"]
        for item in (await undp.read(f"{URL}?agency=UNDP&requirement=TERMS&limit=200"))["items"]
    }
    assert (states[refused["id"]], states[gone["id"]]) == ("refused", "withdrawn")
    page = await undp.read(f"{URL}?agency=UNDP&requirement=TERMS&in_force_on=2026-11-20")
    assert len(page["items"]) == 1


async def test_a_version_begins_no_earlier_than_its_approval_and_may_end(api_for: ApiFor) -> None:
    undp, approver = await api_for("UNDP"), await api_for("UNDP_APPROVER")
    early = await undp.made(URL, body("TERMS", {"reporting": "E"}, effective_from="2020-01-01"))
    told = (await decided(approver, early["id"])).json()
    assert told["effective_from"] > "2026-01-01"
    over = await undp.made(
        URL,
        body("TERMS", {"reporting": "O"}, effective_from="2020-01-01", effective_to="2020-12-31"),
    )
    late = await decided(approver, over["id"])
    assert (late.status_code, late.json()["code"]) == (409, "policy_past")
    backwards = body("TERMS", {}, effective_from="2027-01-02", effective_to="2027-01-01")
    assert (await undp.post(URL, json=backwards)).status_code == 422
    later = await undp.made(URL, body("TERMS", {"reporting": "L"}, effective_from="2190-01-01"))
    await decided(approver, later["id"])
    of_undp = f"{URL}?agency=UNDP&requirement=TERMS&in_force_on="
    now = await undp.read(f"{of_undp}{told['effective_from']}")
    assert [item["id"] for item in now["items"]] == [early["id"]]
    then = await undp.read(f"{of_undp}2190-06-01")
    assert [item["id"] for item in then["items"]] == [later["id"]]


async def test_the_database_keeps_versions_as_they_are(
    api_for: ApiFor, operator_database: Database, world: World, database: Database
) -> None:
    policy = await put_in_force(api_for, "UNHCR", "TERMS", {"reporting": "kept"})
    for statement in (
        "UPDATE recognition_policies SET rules = '[{}]' WHERE id = :id",
        "UPDATE recognition_policies SET effective_to = '2190-01-01' WHERE id = :id",
        "UPDATE recognition_policies SET state = 'refused' WHERE id = :id",
        "DELETE FROM recognition_policies WHERE id = :id",
    ):
        with pytest.raises(DBAPIError):
            async with operator_database.session() as session:
                await session.execute(text(statement), {"id": UUID(policy)})
    waits = await (await api_for("UNHCR")).made(URL, body("TERMS", {"reporting": "waits"}))
    person = world.persons["UNHCR"]
    for decider in (person, world.persons["WFP_APPROVER"]):
        with pytest.raises(DBAPIError):
            async with operator_database.session() as session:
                await session.execute(
                    text(
                        "UPDATE recognition_policies SET state = 'approved', decided_by = :by "
                        "WHERE id = :id"
                    ),
                    {"id": UUID(waits["id"]), "by": decider},
                )


async def test_of_two_deciders_at_once_one_decides(api_for: ApiFor) -> None:
    made = await (await api_for("UNHCR")).made(URL, body("TERMS", {"reporting": "race"}))
    both = [await api_for("UNHCR_APPROVER"), await api_for("UNHCR_REVIEWER")]
    answers = await asyncio.gather(*(decided(api, made["id"]) for api in both))
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_proposals_at_once_have_numbers_of_their_own(api_for: ApiFor) -> None:
    unhcr = await api_for("UNHCR")
    answers = await asyncio.gather(
        *(unhcr.post(URL, json=body("CAPACITY_OTHER", _capacity())) for _ in range(4))
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    numbers = [answer.json()["version"] for answer in answers if answer.status_code == 201]
    assert len(set(numbers)) == len(numbers) >= 1


def _performance() -> dict[str, Any]:
    return dict(next(one for one in DEFAULTS.policies if one.requirement == "PERFORMANCE").rules[0])


def _capacity() -> dict[str, Any]:
    return dict(
        next(one for one in DEFAULTS.policies if one.requirement == "CAPACITY_OTHER").rules[0]
    )


async def test_everything_wrong_is_said_at_once_with_its_place(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    assert await wrong(
        wfp,
        "PSEA",
        PSEA | {"max_age_months": 0, "max_risk": "SOME"},
        PSEA | {"emergency_waiver": {"months": 7}},
        PSEA | {"extra": 1},
    ) == [
        ("/rules/0/max_age_months", "greater_than_equal"),
        ("/rules/0/max_risk", "literal_error"),
        ("/rules/1/emergency_waiver/months", "less_than_equal"),
        ("/rules/2", "extra_forbidden"),
    ]
    assert await wrong(
        wfp,
        "PSEA",
        PSEA | {"accept_from": ["ANY_UN", "NOBODY"], "methodologies": ["HACT-MA-V2"]},
        PSEA | {"outcome": "ACCEPT_WITH_APPROVAL"},
        PSEA,
        PSEA | {"max_age_months": 12},
    ) == [
        ("/rules/0/accept_from/1", "agency_unknown"),
        ("/rules/0/methodologies/0", "methodology_unknown"),
        ("/rules/1/approval", "missing"),
        ("/rules/2", "unreachable"),
        ("/rules/3", "unreachable"),
    ]
    assert await wrong(
        wfp,
        "PSEA",
        PSEA | {"methodologies": ["UN-PSEA-2020", {"series": "NOTHING"}]},
        PSEA | {"methodologies": [{"series": "HACT-MA", "from": "UN-PSEA-2020"}]},
        PSEA | {"methodologies": [BACKWARDS]},
        PSEA | {"methodologies": [{"series": "UN-PSEA", "of": "all"}]},
        PSEA | {"methodologies": [3]},
        PSEA | {"methodologies": []},
    ) == [
        ("/rules/0/methodologies/1", "value_error"),
        ("/rules/1/methodologies/0", "value_error"),
        ("/rules/2/methodologies/0", "value_error"),
        ("/rules/3/methodologies/0", "extra_forbidden"),
        ("/rules/4/methodologies/0", "model_type"),
        ("/rules/5/methodologies", "too_short"),
    ]
    assert await wrong(wfp, "PSEA", PSEA | {"methodologies": [{"series": "HACT-MA"}]}) == [
        ("/rules/0/methodologies/0", "methodology_unknown")
    ]
    assert await wrong(
        wfp,
        "PSEA",
        PSEA | {"gap": {"regular": "CLEAR", "emergency": "REFER"}},
        PSEA | {"accept_from": ["WFP"], "gap": {"regular": "REFER", "emergency": "CLEAR"}},
    ) == [("/rules/0/gap/regular", "gap_clear"), ("/rules/1/gap/emergency", "gap_clear")]
    assert await wrong(wfp, "PSEA", *(PSEA | {"max_age_months": one} for one in (True, "12"))) == [
        ("/rules/0/max_age_months", "int_type"),
        ("/rules/1/max_age_months", "int_type"),
    ]
    assert await wrong(wfp, "SANCTIONS", SANCTIONS, SANCTIONS) == [("/rules", "one_rule")]
    unknown = await wfp.post(URL, json=body("NOTHING", {}))
    assert unknown.json()["errors"][0]["pointer"] == "/requirement"
    refused = await wfp.post(URL, json=body("PSEA", PSEA | {"max_risk": "SOME"}))
    assert refused.json()["errors"][0]["pointer"] == "/rules/0/max_risk"
    read = await wfp.post(f"{URL}/check", json={"requirement": "PSEA", "rules": [PSEA]})
    assert read.json()["rules"][0]["country_scope"] == "HQ_INHERIT"


async def test_what_policies_may_say_is_told(api_for: ApiFor) -> None:
    told = await (await api_for("WFP")).read(f"{URL}/requirements")
    kinds = {kind["code"]: kind for kind in told["requirements"]}
    assert kinds["SANCTIONS"]["one_rule"]
    assert "max_risk" in kinds["PSEA"]["rule_schema"]["properties"]
    groups = {group["code"]: group for group in told["groups"]}
    assert groups["ANY_UN"]["members"] is None
    assert (groups["MRS_SIGNATORIES"]["confirmed"], groups["HACT_AGENCIES"]["source"] != "") == (
        False,
        True,
    )


async def test_two_agencies_are_compared_place_by_place(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    url = f"{URL}/comparison?left=UNDP&right=WFP&requirement=HACT_MICRO&on=2026-11-20"
    (item,) = (await wfp.read(url))["items"]
    assert not item["same"]
    assert "/0/applies_when/above_usd" in [one["pointer"] for one in item["differences"]]
    same = await wfp.read(f"{URL}/comparison?left=UNICEF&right=WFP&requirement=PSEA&on=2026-11-20")
    assert (same["items"][0]["same"], same["items"][0]["differences"]) == (True, [])
    nobody = await wfp.get(f"{URL}/comparison?left=UNICEF&right=XYZ")
    assert (nobody.status_code, nobody.json()["code"]) == (422, "agency_unknown")


async def test_a_dry_run_says_what_would_change_and_stores_nothing(
    api_for: ApiFor, operator_database: Database
) -> None:
    unhcr = await api_for("UNHCR")
    partner = await good_partner(api_for, operator_database, unique("Dry Gulch"))
    asked = {"amount_usd": "40000.00", "modality": "direct_payment"}
    given, _ = [await cleared(unhcr, {"id": partner}, **asked) for _ in range(2)]
    assert codes(given) == ["NO_PSEA"]
    strict = PSEA | {"gap": {"regular": "BLOCKED", "emergency": "REFER"}}
    tried = await unhcr.post(f"{URL}/dry-run", json={"requirement": "PSEA", "rules": [strict]})
    assert tried.status_code == 200, tried.text
    line = next(
        one for one in tried.json()["items"] if one["clearance_id"] == given["clearance_id"]
    )
    assert (line["outcome_given"], line["outcome_before"], line["outcome_after"]) == (
        *("REFER", "REFER", "BLOCKED"),
    )
    free = PSEA | {"applies_when": {"above_usd": "90000.00"}}
    freed = await unhcr.post(f"{URL}/dry-run", json={"requirement": "PSEA", "rules": [free]})
    line = next(
        one for one in freed.json()["items"] if one["clearance_id"] == given["clearance_id"]
    )
    assert (line["outcome_after"], line["reasons_removed"]) == ("CLEAR", ["NO_PSEA"])
    same = await unhcr.read(f"{URL}?agency=UNHCR&requirement=PSEA&limit=200")
    assert [item["version"] for item in same["items"]] == [1]
    bad = await unhcr.post(f"{URL}/dry-run", json={"requirement": "PSEA", "rules": [{}]})
    assert (bad.status_code, bad.json()["code"]) == (422, "policy_invalid")


async def test_an_unknown_policy_is_absent(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    for answer in (
        await wfp.get(f"{URL}/{uuid4()}"),
        await wfp.delete(f"{URL}/{uuid4()}"),
        await decided(wfp, str(uuid4())),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "policy_not_found")


async def test_an_agency_is_given_what_it_lacks_once(
    operator_database: Database, world: World
) -> None:
    async with operator_database.session() as session:
        assert await ensure_default_policies(session, world.agencies["WFP"]) == []
