"""Affiliates and individuals answer for themselves."""

from __future__ import annotations

from sqlalchemy import text

from app.core.db import Database
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.sanctions.cases.support import REASON, Case, code
from tests.support import World

PERSON = {"names": ["Canary Person"], "birth_date": "1975-02", "nationalities": ["KE"]}


async def test_an_affiliate_has_its_own_notice_reply_review_and_decision(api_for: ApiFor) -> None:
    case = await Case.open(api_for)
    other = (await make_partner(await api_for("UNICEF")))["id"]
    investigator = await case.investigator()
    url = f"{case.url}/respondents"
    body = {"relation": "CONTROLLED", "partner_id": other}
    added = (await investigator.made(url, body))["respondents"][1]
    assert (added["state"], added["relation"], added["main"]) == ("DRAFT", "CONTROLLED", False)
    assert code(await investigator.post(url, json=body)) == (409, "respondent_exists")
    await case.imposed()
    listed = await investigator.read(f"/v1/sanctions/entries?partner_id={other}")
    assert listed["items"] == []
    # What was decided on the one partner says nothing about the other.
    early = await case.decide(respondent_id=added["id"])
    assert code(early) == (409, "step_out_of_order")
    await case.to_review(respondent_id=added["id"])
    done = await case.decide(respondent_id=added["id"])
    assert done.status_code == 201, done.text
    assert (done.json()["partner_id"], done.json()["imposing_agency"]) == (other, "UNDP")


async def test_an_individual_lies_sealed_and_is_the_agencys_own(
    api_for: ApiFor, database: Database, world: World
) -> None:
    case = await Case.open(api_for)
    body = {"relation": "PRINCIPAL", "individual": PERSON}
    answer = await (await case.investigator()).made(f"{case.url}/respondents", body)
    assert "Canary" not in str(answer)
    respondent = answer["respondents"][1]
    assert (respondent["kind"], respondent["partner_id"]) == ("INDIVIDUAL", None)
    (shown,) = (await case.read())["individuals"]
    assert shown["facts"] == PERSON | {"nationalities": ["KEN"]}
    await case.told()
    await case.to_review(respondent_id=respondent["id"])
    async with database.session(world.agencies["UNDP"]) as session:
        rows = await session.scalars(
            text("SELECT sealed FROM sanction_respondents WHERE id = :id"), {"id": respondent["id"]}
        )
        assert b"Canary" not in rows.one()


async def test_what_a_respondent_must_be(api_for: ApiFor) -> None:
    case = await Case.open(api_for)
    investigator = await case.investigator()
    url = f"{case.url}/respondents"
    for body in (
        {"relation": "CONTROLLED"},
        {"relation": "CONTROLLED", "partner_id": case.partner, "individual": PERSON},
        {"relation": "FRIEND", "partner_id": case.partner},
        {"relation": "PRINCIPAL", "individual": PERSON | {"birth_date": "1975-13"}},
        {"relation": "PRINCIPAL", "individual": {"names": []}},
        {"relation": "PRINCIPAL", "individual": {"names": ["‮evil"]}},
    ):
        assert (await investigator.post(url, json=body)).status_code == 422, body
    unknown = {"relation": "CONTROLLED", "partner_id": case.opened["id"]}
    assert code(await investigator.post(url, json=unknown)) == (422, "partner_unknown")
    again = {"relation": "CONTROLLED", "partner_id": case.partner}
    assert code(await investigator.post(url, json=again)) == (409, "respondent_exists")
    nobody = {"sent_on": "2026-05-04", "summary": "S", "respondent_id": case.opened["id"]}
    assert code(await investigator.post(f"{case.url}/notice", json=nobody)) == (
        404,
        "respondent_not_found",
    )
    await investigator.made(f"{case.url}/withdrawal", REASON)
    closed = await investigator.post(url, json={"relation": "PRINCIPAL", "individual": PERSON})
    assert code(closed) == (409, "step_out_of_order")
