"""No measure, suspension or red flag of an agency names a public authority."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.db import Database
from app.partners.types import TYPE_RULES, PartnerType, is_public_authority
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.partners.flags.support import decide as flag_decided
from tests.partners.flags.support import (
    escalate,
    flag_body,
    hq,
    make_flag,
    make_red,
    partner_api,
)
from tests.partners.merges.support import decided, proposed
from tests.sanctions.cases.support import CASES, REASON, Case, day
from tests.sanctions.cases.test_recorded import CERTIFICATE
from tests.sanctions.cases.test_recorded import URL as RECORDED
from tests.sanctions.cases.test_recorded import body as recorded_body
from tests.sanctions.factories import impose, open_case
from tests.sanctions.matches.support import URL as MATCHES
from tests.sanctions.matches.support import (
    Rescreening,
    a_find,
    match_of,
    say,
    standing_reasons,
)
from tests.sanctions.transfer_restrictions.support import government
from tests.support import World

TAG = "EXERCISES_PUBLIC_FUNCTIONS"
KINDS = ({"partner_type": "GOV_LOCAL"}, {"partner_type": "UN_ENTITY"}, {"tags": [TAG]})


def refused(answer: Any) -> bool:
    found = answer.json()
    assert answer.status_code == 422, answer.text
    return (found["code"], found["link"]) == ("government_entity", "/v1/transfer-restrictions")


def case_body(partner: str) -> dict[str, Any]:
    finding = {"reference": "OAI-2026-114", "on": "2026-04-02"}
    return {"partner_id": partner, "practices": ["FRAUDULENT"], "finding": finding}


async def test_the_database_and_the_data_mean_the_same_types(operator_database: Database) -> None:
    async with operator_database.session() as session:
        for kind in PartnerType:
            for tags in ([], ["WOMEN_LED"], [TAG]):
                said = await session.scalar(
                    text("SELECT public_authority(:kind, :tags)"), {"kind": kind, "tags": tags}
                )
                assert said == is_public_authority(kind, tags), (kind, tags)
    named = {kind for kind, rule in TYPE_RULES.types.items() if rule.public_authority}
    assert named == {"GOV_NATIONAL", "GOV_LOCAL", "GOV_OTHER_PUBLIC", "UN_ENTITY"}


@pytest.mark.parametrize("kind", KINDS)
async def test_no_case_names_one(api_for: ApiFor, kind: dict[str, Any]) -> None:
    undp = await api_for("UNDP")
    partner = await government(await api_for("UNICEF"), **{"partner_type": "NGO_NATIONAL"} | kind)
    assert refused(await undp.post(CASES, json=case_body(partner)))
    assert refused(await undp.post(RECORDED, json=recorded_body(partner)))
    other = await Case.open(api_for)
    affiliate = {"partner_id": partner, "relation": "CONTROLLED"}
    assert refused(await undp.post(f"{other.url}/respondents", json=affiliate))
    # Officials are persons like all others.
    official = {"relation": "PRINCIPAL", "individual": {"names": ["Canary Official"]}}
    await undp.made(f"{other.url}/respondents", official)


async def test_a_case_on_what_became_one_imposes_nothing(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    case = await Case.open(api_for, partner=partner)
    await case.to_review()
    changed = await unicef.patch(
        f"/v1/partners/{partner}",
        json={"partner_type": "GOV_LOCAL"},
        headers={"If-Match": '"v1"'},
    )
    assert changed.status_code == 200, changed.text
    assert refused(await case.decide())
    assert (await case.read())["state"] == "UNDER_REVIEW"


@pytest.mark.parametrize("change", [{"partner_type": "GOV_LOCAL", "tags": []}, {"tags": [TAG]}])
async def test_what_bears_a_measure_does_not_become_one(
    api_for: ApiFor, change: dict[str, Any]
) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    await impose(api_for, partner)
    url, v1 = f"/v1/partners/{partner}", {"If-Match": '"v1"'}
    answer = await unicef.patch(url, json=change, headers=v1)
    assert (answer.status_code, answer.json()["code"]) == (409, "measure_in_force")
    assert (await unicef.read(url))["partner_type"] == "NGO_NATIONAL"


async def test_raw_sql_names_none_either(api_for: ApiFor, operator_database: Database) -> None:
    partner = await government(await api_for("UNICEF"))
    entry = await impose(api_for)
    copied = text(
        """INSERT INTO sanction_entries (id, partner_id, imposing_agency, measure, blocking,
          practices, procedure, decided_on, effective_from, effective_to, regime, level,
          new_agreements, renewals, payments_due, running_agreements)
        SELECT gen_random_uuid(), :partner, imposing_agency, measure, blocking, practices,
          procedure, decided_on, effective_from, effective_to, regime, level, new_agreements,
          renewals, payments_due, running_agreements FROM sanction_entries WHERE id = :entry"""
    )
    with pytest.raises(DBAPIError, match="public authority"):
        async with operator_database.session() as session:
            await session.execute(copied, {"partner": partner, "entry": entry["entry_id"]})


async def test_of_a_decision_and_a_change_of_type_at_once_one_wins(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    for _ in range(6):
        partner = (await make_partner(unicef))["id"]
        case = await Case.open(api_for, partner=partner)
        await case.to_review()
        change = unicef.patch(
            f"/v1/partners/{partner}",
            json={"partner_type": "GOV_LOCAL"},
            headers={"If-Match": '"v1"'},
        )
        decided, changed = await asyncio.gather(case.decide(), change)
        assert (decided.status_code, changed.status_code) in ((201, 409), (422, 200))


async def test_the_partner_itself_does_not_say_that_it_is_one(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    partner = (await make_partner(await api_for("UNICEF")))["id"]
    own = await partner_api(api_for, operator_database, world, partner)
    answer = await own.patch("/v1/self/profile", json={"tags": [TAG]}, headers={"If-Match": '"v1"'})
    assert (answer.status_code, answer.json()["code"]) == (403, "tag_not_own")


async def test_the_tag_says_that_it_recognises_nobody(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    items = (await unicef.read("/v1/codelists/partner_tags"))["items"]
    label = next(item for item in items if item["code"] == TAG)["labels"]["en"]
    assert "no recognition" in label
    types = await unicef.read("/v1/partner-types")
    assert types["types"]["GOV_LOCAL"]["public_authority"] is True
    assert TAG not in types["types"]["GOV_LOCAL"]["tags"]
    assert await open_case(api_for, (await make_partner(unicef))["id"])


@pytest.mark.parametrize("sanctioned", [0, 1])
async def test_a_merge_does_not_bring_a_measure_and_an_authority_together(
    api_for: ApiFor, sanctioned: int
) -> None:
    unicef = await api_for("UNICEF")
    both = [await make_partner(unicef), await make_partner(unicef)]
    await impose(api_for, both[sanctioned]["id"])
    tagged = both[1 - sanctioned]
    done = await unicef.patch(
        f"/v1/partners/{tagged['id']}", json={"tags": [TAG]}, headers={"If-Match": '"v1"'}
    )
    assert done.status_code == 200, done.text
    merge = await proposed(unicef, both[0], both[1])
    assert refused(await decided(await api_for("WFP"), merge))


_TAGGED = {"partner_type": "NGO_NATIONAL", "tags": [TAG]}


async def _becomes(api: Any, partner: str, **change: Any) -> None:
    """The profile is that of a United Nations entity from now on."""
    url = f"/v1/partners/{partner}"
    now = (await api.read(url))["version"]
    body = {"partner_type": "UN_ENTITY", "tags": []} | change
    done = await api.patch(url, json=body, headers={"If-Match": f'"v{now}"'})
    assert done.status_code == 200, done.text


async def test_a_case_on_what_became_a_un_entity_ends_without_a_measure(api_for: ApiFor) -> None:
    """By every way: a suspension, the decision on it or on an affiliate, a recorded decision."""
    unicef = await api_for("UNICEF")
    case = await Case.open(api_for)
    decider, undp = await case.decider(), await case.investigator()
    affiliate = (await make_partner(unicef))["id"]
    added = await undp.made(
        f"{case.url}/respondents", {"partner_id": affiliate, "relation": "CONTROLLED"}
    )
    second = added["respondents"][1]["id"]
    await case.to_review()
    await case.to_review(respondent_id=second)
    told = await Case.open(api_for, partner=affiliate)
    await told.told()
    recorded = await undp.made(RECORDED, recorded_body(affiliate))
    await _becomes(unicef, affiliate)
    interim = {"effective_from": day(), "until_on": day(30), **REASON}
    assert refused(await decider.post(f"{told.url}/interim-suspensions", json=interim))
    assert refused(await case.decide(respondent_id=second))
    certified = await decider.post(f"{CASES}/{recorded['id']}/certificate", json=CERTIFICATE)
    assert refused(certified)
    # The others' decision is not in the way of it; and the case itself can be closed.
    assert (await case.decide()).status_code == 201
    closed = await decider.post(f"{case.url}/dismissal", json=REASON | {"respondent_id": second})
    assert closed.status_code == 201, closed.text
    for reader in (undp, unicef):
        url = f"/v1/sanctions/entries?partner_id={affiliate}"
        assert (await reader.read(url))["items"] == []


@pytest.mark.parametrize("authority", [0, 1])
async def test_a_red_flag_does_not_reach_a_un_entity_by_a_merge(
    api_for: ApiFor, world: World, operator_database: Database, authority: int
) -> None:
    unicef = await api_for("UNICEF")
    both = [await make_partner(unicef), await make_partner(unicef)]
    merge = await proposed(unicef, both[0], both[1])
    await make_red(await hq(api_for, operator_database, world), both[1 - authority]["id"])
    await _becomes(unicef, both[authority]["id"])
    answer = await decided(await api_for("WFP"), merge)
    assert (answer.status_code, answer.json()["code"]) == (422, "merge_types_differ")
    # Nor to a body that is handled like one, whose type differs in nothing.
    both = [await make_partner(unicef), await make_partner(unicef)]
    await make_red(await hq(api_for, operator_database, world), both[1 - authority]["id"])
    await _becomes(unicef, both[authority]["id"], **_TAGGED)
    assert refused(await decided(await api_for("WFP"), await proposed(unicef, *both)))


async def test_after_a_merge_no_way_leads_to_the_profile_that_was_merged(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    """What stands on a merged profile would stand on the one that it is: neither gets one."""
    unicef, undp = await api_for("UNICEF"), await api_for("UNDP")
    loser, survivor = await make_partner(unicef), await make_partner(unicef)
    case = await Case.open(api_for, partner=loser["id"])
    await case.to_review()
    await _becomes(unicef, survivor["id"], **_TAGGED)
    done = await decided(await api_for("WFP"), await proposed(unicef, loser, survivor))
    assert done.status_code == 200, done.text
    assert refused(await case.decide())
    for partner in (loser["id"], survivor["id"]):
        opened = await undp.post(CASES, json=case_body(partner))
        assert opened.status_code in (308, 409, 422), opened.text
        red = await (await hq(api_for, operator_database, world)).post(
            f"/v1/partners/{partner}/flags", json=flag_body(kind="RED")
        )
        assert red.status_code in (308, 409, 422), red.text


async def test_what_is_merged_after_its_profile_was_flagged_yellow_does_not_turn_red(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    head = await hq(api_for, operator_database, world)
    loser, survivor = await make_partner(unicef), await make_partner(unicef)
    flag = await escalate(unicef, await make_flag(unicef, loser["id"]))
    await _becomes(unicef, survivor["id"], **_TAGGED)
    done = await decided(await api_for("WFP"), await proposed(unicef, loser, survivor))
    assert done.status_code == 200, done.text
    flag = flag | {"partner_id": survivor["id"]}
    assert refused(await flag_decided(head, flag, "confirm"))


async def test_an_agencys_own_list_says_what_it_says_and_restrains_nobody(
    app: FastAPI, api_for: ApiFor, worker_database: Database, world: World
) -> None:
    """A mapped table is a list: its parties stay as published, and the legal office decides."""
    unicef = await api_for("UNICEF")
    partner = await government(unicef, partner_type="UN_ENTITY")
    found = a_find(partner, holder=world.agencies["UNICEF"], public_office=True)
    await Rescreening(app, worker_database).subject(partner, found)
    match = await match_of(unicef, partner)
    assert match["public_office"] is True
    proposal = (await say(unicef, match, "TRUE_MATCH"))["own"]["pending"]
    other = await api_for("UNICEF_REVIEWER")
    body = {"proposal_id": proposal, "decision": "confirm", **REASON}
    answer = await other.post(f"{MATCHES}/{match['id']}/confirmation", json=body)
    assert answer.status_code == 201, answer.text
    assert await standing_reasons(unicef, partner) == []
    assert await standing_reasons(await api_for("WFP"), partner) == []
