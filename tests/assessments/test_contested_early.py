"""The partner objects to an assessment before it is final; its objection goes along with it."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.db import Binding, Database
from tests.assessments.documents.factories import move
from tests.assessments.factories import PURPOSE, make_assessment
from tests.audit.support import add_officer
from tests.confidentiality.scene import until
from tests.conftest import ApiFor
from tests.partners.claims.support import claimed_partner
from tests.partners.objections.test_objections import answer, objection_body
from tests.support import Api, World

OBJECT = "/v1/self/objections"
MINE = "/v1/self/assessments"


@pytest.fixture
async def both(api_for: ApiFor, world: World) -> tuple[str, Api]:
    """A partner and its client."""
    return await claimed_partner(api_for, world)


async def submitted(api: Api, partner: str, **more: Any) -> str:
    """An assessment that waits to become final, not shown to its partner."""
    draft = str((await make_assessment(api, partner, status="draft", **more))["id"])
    await move(api, draft, "submitted")
    return draft


async def shown(api: Api, partner: str) -> str:
    """One that its partner is asked to comment on."""
    one = await submitted(api, partner)
    await api.made(f"/v1/assessments/{one}/comment-request", {})
    return one


async def refused(api: Api, statement: str) -> tuple[int, str]:
    made = await api.post(OBJECT, json=objection_body(statement, "assessment"))
    return made.status_code, made.json().get("code", "")


NONE = (404, "statement_not_found")


async def test_it_stands_beside_the_rating_before_and_after_it_is_final(
    both: tuple[str, Api], api_for: ApiFor
) -> None:
    (partner, own), unicef, wfp = both, await api_for("UNICEF"), await api_for("WFP")
    one = await shown(unicef, partner)
    url = f"/v1/assessments/{one}"
    made = await own.made(OBJECT, objection_body(one, "assessment"))
    (listed,) = (await own.read(MINE))["items"]
    assert (listed["state"], listed["contested"]["status"]) == ("draft_for_comment", "open")
    assert (await unicef.read(url))["contested"]["status"] == "open"
    assert await refused(own, one) == (409, "objection_open")
    # Nobody else learns of it, nor that there is anything to object to.
    listing = f"/v1/partners/{partner}/objections"
    assert (await wfp.read(listing))["items"] == []
    for absent in (made["id"], str(uuid4())):
        hidden = await wfp.get(f"/v1/objections/{absent}", headers=PURPOSE)
        assert (hidden.status_code, hidden.json()["code"]) == (404, "objection_not_found")
    assert (await wfp.read(f"/v1/partners/{partner}/standing"))["contested"] is False
    await move(unicef, one, "final", 3)
    assert (await wfp.read(url))["contested"]["status"] == "open"
    assert [item["id"] for item in (await wfp.read(listing))["items"]] == [made["id"]]
    assert (await answer(unicef, made, "partly")).status_code == 200
    assert (await wfp.read(url))["contested"]["status"] == "partly"
    (listed,) = (await own.read(MINE))["items"]
    assert (listed["state"], listed["contested"]["status"]) == ("final", "partly")


async def test_it_is_answered_before_it_is_final_as_after(
    both: tuple[str, Api], api_for: ApiFor
) -> None:
    (partner, own), unicef, wfp = both, await api_for("UNICEF"), await api_for("WFP")
    one = await shown(unicef, partner)
    made = await own.made(OBJECT, objection_body(one, "assessment"))
    assert (await answer(wfp, made)).json()["code"] == "objection_not_found"
    assert (await answer(unicef, made)).status_code == 200
    (told,) = (await own.read(OBJECT))["items"]
    assert told["state"] == "rejected"
    await move(unicef, one, "final", 3)
    assert (await wfp.read(f"/v1/assessments/{one}"))["contested"]["status"] == "rejected"
    # It may be contested again, as any that is final.
    await own.made(OBJECT, objection_body(one, "assessment"))


async def test_what_it_is_not_shown_it_cannot_object_to(
    both: tuple[str, Api], api_for: ApiFor, world: World
) -> None:
    (partner, own), unicef = both, await api_for("UNICEF")
    draft = (await make_assessment(unicef, partner, status="draft"))["id"]
    waiting = await submitted(unicef, partner)
    hidden = await submitted(unicef, partner, confidentiality="AGENCY_ONLY")
    for one in (draft, waiting, hidden, str(uuid4())):
        assert await refused(own, one) == NONE
    stranger = (await claimed_partner(api_for, world))[1]
    one = await shown(unicef, partner)
    assert await refused(stranger, one) == NONE
    # An agency that objects on its behalf sees no more than the partner may.
    url = f"/v1/partners/{partner}/objections"
    for api in (await api_for("WFP"), unicef):
        body = objection_body(waiting, "assessment", evidence=[str(uuid4())])
        assert (await api.post(url, json=body)).json()["code"] == "statement_not_found"
    body = objection_body(one, "assessment", evidence=[str(uuid4())])
    other = await (await api_for("WFP")).post(url, json=body)
    assert other.json()["code"] == "statement_not_found"
    assert (await unicef.post(url, json=body)).status_code == 201


async def test_sent_back_it_is_a_draft_again_that_nobody_hears_of(
    both: tuple[str, Api], api_for: ApiFor
) -> None:
    (partner, own), unicef = both, await api_for("UNICEF")
    one = await shown(unicef, partner)
    made = await own.made(OBJECT, objection_body(one, "assessment"))
    withdrawn = await own.post(f"{OBJECT}/{made['id']}/withdrawal")
    assert withdrawn.status_code == 200
    second = await own.made(OBJECT, objection_body(one, "assessment"))
    await move(unicef, one, "draft", 3, note="Canary: once more")
    assert (await own.read(MINE))["items"] == []
    assert (await unicef.read(f"/v1/assessments/{one}"))["contested"]["status"] == "open"
    assert (await answer(unicef, second)).status_code == 200
    assert await refused(own, one) == NONE
    await move(unicef, one, "submitted", 4)
    assert await refused(own, one) == NONE
    await unicef.made(f"/v1/assessments/{one}/comment-request", {})
    (again,) = (await own.read(MINE))["items"]
    assert again["contested"]["status"] == "rejected"
    await own.made(OBJECT, objection_body(one, "assessment"))


async def test_what_oversight_keeps_back_is_not_to_be_objected_to(
    both: tuple[str, Api], api_for: ApiFor, world: World, operator_database: Database
) -> None:
    (partner, own), unicef = both, await api_for("UNICEF")
    one = await shown(unicef, partner)
    officer = await api_for(await add_officer(operator_database, world, "UNICEF", "OVSE", "OVS"))
    body = {"subject_kind": "statement", "subject_id": one, "until": until()}
    await officer.made("/v1/withholdings", body | {"reason": "Canary: under investigation."})
    assert await refused(own, one) == NONE


async def test_two_objections_at_once_are_one(both: tuple[str, Api], api_for: ApiFor) -> None:
    partner, own = both
    one = await shown(await api_for("UNICEF"), partner)
    body = objection_body(one, "assessment")
    answers = await asyncio.gather(*(own.post(OBJECT, json=body) for _ in range(3)))
    assert sorted(one.status_code for one in answers) == [201, 409, 409]


async def test_raw_sql_objects_to_nothing_more(
    both: tuple[str, Api], api_for: ApiFor, database: Database, world: World
) -> None:
    (partner, _), unicef = both, await api_for("UNICEF")
    sql = text(
        "INSERT INTO objections (id, partner_id, subject_kind, subject_id, owner_agency, "
        "raised_by_client, sealed_reason, due_on) VALUES (gen_random_uuid(), :partner, "
        "'assessment', :one, :owner, 'X', '\\x01', current_date)"
    )
    waiting, told = await submitted(unicef, partner), await shown(unicef, partner)
    for one, lets in ((waiting, False), (told, True)):
        values = {"partner": UUID(partner), "one": UUID(one), "owner": world.agencies["UNICEF"]}
        async with database.session(Binding(partner_id=UUID(partner))) as session:
            if lets:
                await session.execute(sql, values)
            else:
                with pytest.raises(DBAPIError, match="not a statement about this partner"):
                    await session.execute(sql, values)
            await session.rollback()
