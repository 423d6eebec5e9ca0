"""An agency leaves: what was shared with it ends, what it said stays, its measures are lifted by
whom they were handed to."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.agencies import life_cycle
from app.agencies.life_cycle import AgencyProblem
from app.core.db import Database
from app.sanctions.entries import custody
from tests.agencies.support import calling, do, events_of, new_agency, one, refusal, withdraw
from tests.assessments.factories import PURPOSE, make_assessment, make_share, request_body
from tests.conftest import ApiFor, Settle
from tests.partners.factories import make_partner
from tests.sanctions.factories import impose
from tests.support import World


async def test_what_was_shared_with_it_ends_and_what_waits_is_closed(
    operator_database: Database, app: FastAPI, world: World, api_for: ApiFor, settle: Settle
) -> None:
    code = await new_agency(operator_database, world)
    unicef = await api_for("UNICEF")
    shared, asked = await make_assessment(unicef), await make_assessment(unicef)
    share = await make_share(unicef, shared["id"], shared_with=code)
    kept = await make_share(unicef, shared["id"], shared_with="WFP")
    async with calling(app, world, code) as api:
        sent = await api.made("/v1/access-requests", request_body(asked["id"]))
        own = await make_assessment(api)
    received = await unicef.made("/v1/access-requests", request_body(own["id"]))
    await withdraw(operator_database, code, "UNDP")

    def states(shares: dict[str, Any]) -> dict[str, str]:
        return {item["id"]: item["status"] for item in shares["items"]}

    url = f"/v1/assessments/{shared['id']}/shares"
    # At once, before the worker came by.
    assert states(await unicef.read(url)) == {share["id"]: "ended", kept["id"]: "active"}
    await settle()
    assert states(await unicef.read(url)) == {share["id"]: "ended", kept["id"]: "active"}
    ended = next(item for item in (await unicef.read(url))["items"] if item["id"] == share["id"])
    assert ended["end_reason"] == "recipient_withdrawn"
    assert ended["ended_at"]
    rows = "SELECT count(*) FROM assessments_acl WHERE agency_id = $1"
    assert await one(operator_database, rows, world.agencies[code]) == 0
    assert "assessment:share:end" in await events_of(operator_database, shared["id"])
    for request, subject, why in (
        (sent, asked, "requester_withdrawn"),
        (received, own, "owner_withdrawn"),
    ):
        found = await unicef.read(f"/v1/access-requests/{request['id']}")
        assert (found["status"], found["close_reason"]) == ("closed", why)
        assert "assessment:access:close" in await events_of(operator_database, subject["id"])
    assert (await unicef.read("/v1/access-requests?status=closed&limit=200"))["items"]
    decided = await refusal(
        unicef,
        "POST",
        f"/v1/access-requests/{sent['id']}/decision",
        json={"decision": "approve"},
        headers={"If-Match": '"v2"'},
    )
    assert decided == (409, "access_request_decided")
    # And nobody starts anew.
    again = await refusal(unicef, "POST", "/v1/access-requests", json=request_body(own["id"]))
    assert again == (409, "owner_withdrawn")
    body = {"shared_with": code, "level": "detail", "purpose": "AUDIT"}
    assert (await refusal(unicef, "POST", url, json=body))[1] == "agency_unknown"


async def test_an_event_alone_takes_nothing_from_an_agency(
    database: Database, world: World, api_for: ApiFor, settle: Settle
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    record = (await make_assessment(unicef))["id"]
    await make_share(unicef, record, shared_with="WFP")
    async with database.session(world.agencies["FAO"]) as session:
        await session.execute(
            text(
                "INSERT INTO outbox (id, type, agency_id, subject_id) "
                "VALUES (uuidv7(), 'agency.withdrawn', :agency, :agency)"
            ),
            {"agency": world.agencies["WFP"]},
        )
    await settle()
    answer = await wfp.get(f"/v1/assessments/{record}/detail", headers=PURPOSE)
    assert answer.status_code == 200


async def test_what_was_shared_with_it_for_the_future_ends_too(
    operator_database: Database, world: World, api_for: ApiFor, settle: Settle
) -> None:
    code = await new_agency(operator_database, world)
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    given = await unicef.made(
        "/v1/sharing-policies",
        {"shared_with": code, "level": "detail", "purpose": "AUDIT", "partner_id": partner},
    )
    await make_assessment(unicef, partner)
    rows = "SELECT count(*) FROM assessments_acl WHERE agency_id = $1"
    assert await one(operator_database, rows, world.agencies[code]) == 1
    await withdraw(operator_database, code, "UNDP")
    url = f"/v1/sharing-policies/{given['id']}"
    assert (await unicef.read(url))["status"] == "ended"
    await settle()
    assert await one(operator_database, rows, world.agencies[code]) == 0
    await make_assessment(unicef, partner)
    assert await one(operator_database, rows, world.agencies[code]) == 0
    logged = await events_of(operator_database, given["id"])
    assert logged.count("assessment:sharing_policy:end") == 1
    assert (await unicef.delete(url)).status_code == 204


async def test_what_it_said_stays_readable_and_says_who_answers(
    operator_database: Database, app: FastAPI, world: World, api_for: ApiFor, settle: Settle
) -> None:
    code = await new_agency(operator_database, world)
    wfp = await api_for("WFP")
    async with calling(app, world, code) as api:
        made = await make_assessment(api)
        await make_share(api, made["id"], shared_with="WFP")
    url = f"/v1/assessments/{made['id']}"
    before = await wfp.get(url)
    assert (before.json()["owner_withdrawn"], before.json()["custodian"]) == (False, None)
    await withdraw(operator_database, code, "UNDP")
    await settle()
    # A copy from before is not good any more, although the version is the same.
    after = await wfp.get(url, headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert (after.json()["owner_withdrawn"], after.json()["custodian"]) == (True, "UNDP")
    assert (await wfp.get(url, headers={"If-None-Match": after.headers["ETag"]})).status_code == 304
    detail = await wfp.read(f"{url}/detail", headers=PURPOSE)
    assert detail["custodian"] == "UNDP"
    assert detail["detail"]["standards"]
    listed = (await wfp.read(f"/v1/assessments?owner_agency={code}"))["items"]
    assert [item["owner_withdrawn"] for item in listed] == [True]


async def test_measures_stay_and_are_lifted_by_whom_they_were_handed_to(
    operator_database: Database, world: World, api_for: ApiFor, settle: Settle
) -> None:
    code = await new_agency(operator_database, world)
    entries = [await impose(api_for, agency=code) for _ in range(2)]
    entry, other = (item["entry_id"] for item in entries)
    url, lift = f"/v1/sanctions/entries/{entry}", {"reason": "Canary: appeal granted."}
    undp, fao = await api_for("UNDP_APPROVER"), await api_for("FAO_APPROVER")

    async def lifted(api: Any, version: int) -> Any:
        return await api.post(f"{url}/lift", json=lift, headers={"If-Match": f'"v{version}"'})

    with pytest.raises(AgencyProblem, match="only a withdrawn one"):
        await do(operator_database, custody.hand_over, code, "FAO", entry_id=None)
    await withdraw(operator_database, code, "UNDP")
    await settle()
    found = await fao.read(url)
    assert (found["status"], found["imposing_agency"]) == ("ACTIVE", code)
    assert (found["owner_withdrawn"], found["custodian"]) == (True, "UNDP")
    # To answer for a statement is not yet to dispose of a measure.
    assert (await lifted(undp, 1)).status_code == 404
    with pytest.raises(AgencyProblem, match="no such running"):
        await do(operator_database, custody.hand_over, code, "FAO", entry_id=uuid4())
    handed = await do(operator_database, custody.hand_over, code, "FAO", entry_id=UUID(entry))
    assert handed == 1
    found = await fao.read(url)
    assert (found["imposing_agency"], found["custodian"], found["version"]) == (code, "FAO", 2)
    assert (await fao.read(f"/v1/sanctions/entries/{other}"))["custodian"] == "UNDP"
    assert (await lifted(undp, 2)).status_code == 404
    done = await lifted(fao, 2)
    assert (done.status_code, done.json()["status"]) == (201, "LIFTED")
    assert await events_of(operator_database, entry) == [
        "access:request:refuse",
        "sanction:entry:hand_over",
        "access:request:refuse",
        "sanction:entry:lift",
    ]
    sealed = await one(
        operator_database, "SELECT sealed_end_reason FROM sanction_entries WHERE id = $1", entry
    )
    assert sealed
    assert b"Canary" not in sealed
    kept = "SELECT reason || ' ' || recorded_by FROM sanction_custody WHERE entry_id = $1"
    assert await one(operator_database, kept, entry) == "a test tester"
    # The rest in one go; a measure that has ended is not among them.
    assert await do(operator_database, custody.hand_over, code, "FAO", entry_id=None) == 1
    with pytest.raises(AgencyProblem, match="not active"):
        await do(operator_database, custody.hand_over, code, code, entry_id=None)
    with pytest.raises(AgencyProblem, match="Say why"):
        await do(operator_database, custody.hand_over, code, "FAO", entry_id=None, reason=" ")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE sanction_entries SET custodian_agency = app_agency() WHERE id = :id",
        "UPDATE sanction_entries SET imposing_agency = app_agency() WHERE id = :id",
        "UPDATE sanction_entries SET measure = 'CENSURE' WHERE id = :id",
    ],
)
async def test_nobody_takes_a_measure_by_itself(
    sql: str, database: Database, world: World, api_for: ApiFor
) -> None:
    entry = await impose(api_for)
    with pytest.raises(Exception, match="permission denied"):
        async with database.session(world.agencies["UNDP"]) as session:
            await session.execute(text(sql), {"id": UUID(entry["entry_id"])})


async def test_row_security_shows_the_custodian_the_measure_and_not_the_case(
    operator_database: Database, database: Database, world: World, api_for: ApiFor
) -> None:
    code = await new_agency(operator_database, world)
    entry = UUID((await impose(api_for, agency=code))["entry_id"])
    await withdraw(operator_database, code, "UNDP")
    await do(operator_database, custody.hand_over, code, "FAO", entry_id=entry)
    end = text("UPDATE sanction_entries SET version = version WHERE id = :id RETURNING case_id")
    for agency, rows in (("FAO", 1), ("UNDP", 0), (code, 0)):
        async with database.session(world.agencies[agency]) as session:
            assert len((await session.execute(end, {"id": entry})).all()) == rows
    async with database.session(world.agencies["FAO"]) as session:
        own = await session.scalar(text("SELECT count(*) FROM sanction_cases WHERE agency_id = :a"),
                                   {"a": world.agencies[code]})  # fmt: skip
    assert own == 0


async def test_a_share_given_while_the_agency_withdraws_opens_nothing(
    operator_database: Database, app: FastAPI, world: World, api_for: ApiFor, settle: Settle
) -> None:
    code = await new_agency(operator_database, world)
    unicef = await api_for("UNICEF")
    made = await make_assessment(unicef)
    url = f"/v1/assessments/{made['id']}/shares"
    body = {"shared_with": code, "level": "detail", "purpose": "PARTNER_SELECTION"}
    async with calling(app, world, code) as api:
        answer, _ = await asyncio.gather(
            unicef.post(url, json=body), withdraw(operator_database, code, "UNDP")
        )
        assert answer.status_code in (201, 422)
        await settle()
        read = await api.get(f"/v1/assessments/{made['id']}/detail", headers=PURPOSE)
        assert read.status_code == 401
    assert {item["status"] for item in (await unicef.read(url))["items"]} <= {"ended"}


async def test_the_worker_ends_many_shares_in_batches(
    monkeypatch: pytest.MonkeyPatch,
    operator_database: Database,
    world: World,
    api_for: ApiFor,
    settle: Settle,
) -> None:
    monkeypatch.setattr("app.assessments.consumers._BATCH", 2)
    code = await new_agency(operator_database, world)
    unicef = await api_for("UNICEF")
    for _ in range(5):
        await make_share(unicef, (await make_assessment(unicef))["id"], shared_with=code)
    await withdraw(operator_database, code, "UNDP")
    await settle()
    left = "SELECT count(*) FROM assessment_shares WHERE shared_with = $1 AND active"
    assert await one(operator_database, left, world.agencies[code]) == 0
    told = (
        "SELECT count(*) FROM audit_events WHERE event = 'assessment:share:end' "
        "AND detail ->> 'shared_with' = $1"
    )
    assert await one(operator_database, told, str(world.agencies[code])) == 5


async def test_a_suspended_agency_keeps_what_it_has(
    operator_database: Database, app: FastAPI, world: World, api_for: ApiFor, settle: Settle
) -> None:
    code = await new_agency(operator_database, world)
    unicef = await api_for("UNICEF")
    made = await make_assessment(unicef)
    await make_share(unicef, made["id"], shared_with=code)
    async with calling(app, world, code) as api:
        await do(operator_database, life_cycle.suspend, code)
        await settle()
        url = f"/v1/assessments/{made['id']}/detail"
        assert (await api.get(url, headers=PURPOSE)).status_code == 401
        await do(operator_database, life_cycle.resume, code)
        assert (await api.get(url, headers=PURPOSE)).status_code == 200
