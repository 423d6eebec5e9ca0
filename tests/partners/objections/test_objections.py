"""Objections: raised, shown beside the statement, answered in time and by the right person."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx

from app.core.db import Database
from app.partners.objections.upkeep import tell_overdue
from tests.assessments.factories import make_assessment
from tests.audit.support import add_officer, events_of
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.partners.flags.support import (
    COMMENT,
    PURPOSE,
    hq,
    locked,
    make_flag,
    make_red,
    partner_api,
    url_of,
)
from tests.support import Api, World

REASON = "Canary: the receipts were sent on 3 April, see the letter."
ANSWER = "Canary: the letter concerns another advance altogether."


def objection_body(statement: str, kind: str = "flag", **more: Any) -> dict[str, Any]:
    """A valid objection."""
    return {"subject_kind": kind, "subject_id": statement, "reason": REASON} | more


async def answer(api: Api, objection: dict[str, Any], decision: str = "rejected") -> httpx.Response:
    return await api.post(
        f"/v1/objections/{objection['id']}/decision",
        json={"decision": decision, "answer": ANSWER},
        headers={"If-Match": f'"v{objection["version"]}"'},
    )


async def overdue(database: Database, objection: str) -> None:
    """Let its time have passed, as only time could."""
    async with database.connection() as connection:
        await connection.execute(
            "UPDATE objections SET due_on = current_date - 1 WHERE id = $1", UUID(objection)
        )


async def test_an_objection_stands_beside_the_statement_and_its_texts_are_for_few(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    owner, other = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(owner))["id"]
    flag = await make_flag(owner, partner)
    own = await partner_api(api_for, operator_database, world, partner)
    made = await own.made("/v1/self/objections", objection_body(flag["id"]))
    assert (made["state"], made["raised_by"], made["overdue"]) == ("open", "partner", False)
    again = await own.post("/v1/self/objections", json=objection_body(flag["id"]))
    assert again.json()["code"] == "objection_open"
    shown = (await other.read(url_of(flag)))["contested"]
    assert (shown["status"], shown["due_on"]) == ("open", made["due_on"])
    listed = await other.get(f"/v1/partners/{partner}/objections")
    assert listed.json()["items"][0]["id"] == made["id"]
    assert "Canary" not in listed.text
    url = f"/v1/objections/{made['id']}"
    assert (await other.get(url)).json()["code"] == "purpose_required"
    assert (await other.read(url, headers=PURPOSE))["reason"] == REASON
    log = [row for row in await events_of(operator_database, made["id"]) if "read" in row.event]
    assert [row.client_id for row in log] == ["WFP"]
    assert (await other.post(f"{url}/decision", json={})).status_code in (422, 428)
    assert (await answer(other, made)).json()["code"] == "objection_not_found"
    assert (await answer(owner, made | {"version": 7})).status_code == 412
    assert (await answer(owner, made)).json()["state"] == "rejected"
    assert (await answer(owner, made | {"version": 2})).json()["code"] == "objection_answered"
    mine = (await own.read("/v1/self/objections"))["items"]
    assert [(item["reason"], item["answer"]) for item in mine] == [(REASON, ANSWER)]
    assert (await other.read(url_of(flag)))["contested"]["status"] == "rejected"


async def test_the_same_key_twice_is_one_objection(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    owner = await api_for("UNICEF")
    partner = (await make_partner(owner))["id"]
    own = await partner_api(api_for, operator_database, world, partner)
    body = objection_body((await make_flag(owner, partner))["id"])
    key = {"Idempotency-Key": "objection-0123456789"}
    first = await own.made("/v1/self/objections", body, headers=key)
    assert (await own.made("/v1/self/objections", body, headers=key))["id"] == first["id"]
    stranger = await partner_api(
        api_for, operator_database, world, (await make_partner(owner))["id"]
    )
    other = await stranger.post("/v1/self/objections", json=body, headers=key)
    assert other.json()["code"] == "statement_not_found"


async def test_an_upheld_objection_ends_flag_and_lock_with_it(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    owner, other = await api_for("UNICEF"), await api_for("WFP")
    head = await hq(api_for, operator_database, world)
    partner = (await make_partner(owner))["id"]
    red = await make_red(head, partner)
    own = await partner_api(api_for, operator_database, world, partner)
    made = await own.made("/v1/self/objections", objection_body(red["id"]))
    assert await locked(operator_database, partner)
    assert (await answer(owner, made, "upheld")).status_code == 200
    assert not await locked(operator_database, partner)
    assert (await owner.read(url_of(red)))["state"] == "invalid"
    assert (await other.get(url_of(red))).status_code == 404
    assert (await other.read(f"/v1/partners/{partner}/objections"))["items"] == []
    assert (await other.get(f"/v1/objections/{made['id']}", headers=PURPOSE)).status_code == 404
    assert (await own.read("/v1/self/objections"))["items"][0]["state"] == "upheld"


async def test_overdue_it_goes_to_a_person_outside_the_authors_office(
    api_for: ApiFor, world: World, operator_database: Database, worker_database: Database
) -> None:
    owner = await api_for("UNICEF")
    partner = (await make_partner(owner))["id"]
    flag = await make_flag(owner, partner)
    own = await partner_api(api_for, operator_database, world, partner)
    made = await own.made("/v1/self/objections", objection_body(flag["id"]))
    assert await tell_overdue(worker_database) == 0
    await overdue(operator_database, made["id"])
    assert await tell_overdue(worker_database) >= 1
    assert await tell_overdue(worker_database) == 0
    log = [row.event for row in await events_of(operator_database, made["id"])]
    assert log.count("partner:objection:overdue") == 1
    assert (await owner.read(url_of(flag)))["contested"]["overdue"]
    listed = (await owner.read(f"/v1/partners/{partner}/objections"))["items"][0]
    assert listed["answered_by_office"] == "outside_author_office"
    assert (await answer(owner, made)).json()["code"] == "outside_office_required"
    outside = await api_for(await add_officer(operator_database, world, "UNICEF", "OUTS", "IPU"))
    async with operator_database.connection() as connection:
        await connection.execute(
            "UPDATE persons SET office = 'Geneva' WHERE id = $1", world.persons["UNICEF_OUTS"]
        )
    assert (await answer(outside, made)).json()["state"] == "rejected"


async def test_an_agency_objects_on_a_partners_behalf_with_documents_only(
    api_for: ApiFor,
) -> None:
    owner, helper = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(owner))["id"]
    flag = await make_flag(owner, partner)
    url = f"/v1/partners/{partner}/objections"
    bare = await helper.post(url, json=objection_body(flag["id"]))
    assert bare.json()["code"] == "evidence_required"
    document = str(uuid4())
    made = await helper.made(url, objection_body(flag["id"], evidence=[document]))
    assert made["raised_by"] == "WFP"
    read = await helper.read(f"/v1/objections/{made['id']}")
    assert (read["evidence"], read["reason"]) == ([document], REASON)


async def test_only_a_statement_about_the_partner_can_be_contested(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    owner = await api_for("UNICEF")
    partner, stranger = [(await make_partner(owner))["id"] for _ in range(2)]
    own = await partner_api(api_for, operator_database, world, partner)
    gone = await make_flag(owner, partner)
    await owner.post(f"{url_of(gone)}/invalidation", json=COMMENT)
    assessment = (await make_assessment(owner, partner))["id"]
    for kind, statement in (
        ("flag", (await make_flag(owner, stranger))["id"]),
        ("flag", gone["id"]),
        ("flag", assessment),
        ("verification", assessment),
    ):
        body = objection_body(statement, kind)
        refused = await own.post("/v1/self/objections", json=body)
        assert refused.json()["code"] == "statement_not_found", kind
    made = await own.made("/v1/self/objections", objection_body(assessment, "assessment"))
    assert made["owner_agency"] == "UNICEF"
