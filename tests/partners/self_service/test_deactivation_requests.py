"""The partner asks to be deactivated, and reads what came of it."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.db import NO_AGENCY, Binding, Database
from tests.conftest import ApiFor
from tests.partners.claims.support import claimed_partner
from tests.partners.verifications.test_deactivation import REASON, decide
from tests.support import Api, World

ASK, LIST = "/v1/self/deactivation", "/v1/self/deactivation-requests"


async def asked(own: Api, reason: str = "closing") -> dict[str, Any]:
    answer = await own.post(ASK, json={"reason_code": reason})
    assert answer.status_code == 202, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_request_stands_in_the_list_until_two_persons_answer_it(
    api_for: ApiFor, world: World
) -> None:
    partner, own = await claimed_partner(api_for, world)
    stranger = (await claimed_partner(api_for, world))[1]
    assert (await own.read(LIST))["items"] == []
    url = f"/v1/partners/{partner}/deactivation"
    unicef, second = await api_for("UNICEF"), await api_for("UNICEF_APPROVER")
    early = await unicef.made(url, REASON)
    made = await asked(own)
    assert (made["state"], made["reason_code"], made["decided_by"]) == ("open", "closing", None)
    assert (await own.read(LIST))["items"] == [made]
    assert (await stranger.read(LIST))["items"] == []
    again = await own.post(ASK, json={})
    assert (again.status_code, again.json()["code"]) == (409, "deactivation_asked")
    # What was proposed before the partner asked does not answer it when it is refused.
    assert (await decide(second, early, "refuse")).status_code == 201
    assert (await own.read(LIST))["items"][0]["state"] == "open"
    later = await unicef.made(url, REASON)
    assert (await decide(second, later, "refuse")).status_code == 201
    answer = await own.get(LIST)
    (refused,) = answer.json()["items"]
    assert (refused["state"], refused["decided_by"]) == ("refused", "UNICEF")
    assert "Canary" not in answer.text
    assert "Seen." not in answer.text
    once_more = await asked(own, "no_longer_partner")
    last = await unicef.made(url, REASON)
    assert (await decide(second, last)).status_code == 201
    page = await own.read(LIST, params={"limit": "1"})
    (newest,) = page["items"]
    assert (newest["id"], newest["state"]) == (once_more["id"], "approved")
    rest = await own.read(LIST, params={"limit": "1", "cursor": page["next_cursor"]})
    assert [one["id"] for one in rest["items"]] == [made["id"]]
    assert rest["next_cursor"] is None
    gone = await own.post(ASK, json={})
    assert (gone.status_code, gone.json()["code"]) == (409, "partner_deactivated")


async def test_two_requests_at_once_are_one(api_for: ApiFor, world: World) -> None:
    _, own = await claimed_partner(api_for, world)
    answers = await asyncio.gather(*(own.post(ASK, json={}) for _ in range(4)))
    assert sorted(one.status_code for one in answers) == [202, 409, 409, 409]
    assert len((await own.read(LIST))["items"]) == 1


async def test_who_and_what_may_not_ask(api_for: ApiFor, world: World) -> None:
    partner, own = await claimed_partner(api_for, world)
    wfp = await api_for("WFP")
    assert (await wfp.get(LIST)).status_code == 403
    assert (await wfp.post(ASK, json={})).status_code == 403
    bodies: list[Any] = [
        {"reason_code": "CLOSING"},
        {"reason_code": "x"},
        {"state": "approved"},
        [],
    ]
    for body in bodies:
        assert (await own.post(ASK, json=body)).status_code == 422, body
    assert (await own.get(LIST, params={"cursor": "x"})).status_code in (400, 422)
    assert (await own.get(LIST, params={"partner_id": partner})).status_code == 422
    assert (await own.read(LIST))["items"] == []


async def test_the_partner_does_not_answer_itself(
    api_for: ApiFor, world: World, database: Database
) -> None:
    partner, own = await claimed_partner(api_for, world)
    made = await asked(own)
    change = (
        "UPDATE deactivation_requests SET state = 'approved', decided_at = now(), "
        f"decided_by = (SELECT min(id::text)::uuid FROM agencies) WHERE id = '{made['id']}'"
    )
    for who in (Binding(NO_AGENCY, UUID(partner)), Binding(world.agencies["UNICEF"])):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with database.session(who) as session:
                await session.execute(text(change))
    async with database.session(Binding(world.agencies["UNICEF"])) as session:
        assert await session.scalar(text("SELECT count(*) FROM deactivation_requests")) == 0
