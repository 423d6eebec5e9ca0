"""The partner's side of plans: what it sees, what it reports, and what it may not."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from app.core.db import BINDING, Binding, Database, touched
from tests.assessments.plans.support import (
    NOTE,
    PURPOSE,
    action_body,
    actions_of,
    agree,
    agreed_plan,
    close,
    low_assessment,
    make_plan,
    report,
    url_of,
    verify,
)
from tests.audit.support import add_officer, events_of
from tests.confidentiality.scene import until
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.partners.flags.support import partner_api
from tests.support import World

SELF = "/v1/self/capacity-plans"


async def test_the_partner_sees_what_was_agreed_and_reports_which_the_agency_verifies(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    owner = await api_for("UNICEF")
    partner = (await make_partner(owner))["id"]
    own = await partner_api(api_for, operator_database, world, partner)
    ours = action_body(responsible="agency")
    plan = await make_plan(owner, partner, actions=[action_body(), ours])
    assert (await own.read(SELF))["items"] == []
    assert (await own.get(f"{SELF}/{plan['id']}")).status_code == 404
    await agree(owner, plan)
    assert [item["id"] for item in (await own.read(SELF))["items"]] == [plan["id"]]
    read = await own.read(f"{SELF}/{plan['id']}")
    assert [item["text"][:6] for item in read["items"]] == ["Canary", "Canary"]
    mine, theirs = read["items"]
    refused = await report(own, plan, theirs, "done", "/v1/self")
    assert refused.json()["code"] == "capacity_plan_action_state"
    absent = await report(own, plan, {"id": str(uuid4())}, "done", "/v1/self")
    assert absent.json()["code"] == "capacity_plan_action_not_found"
    done = await report(own, plan, mine, "done", "/v1/self")
    assert (done.status_code, done.json()["done_by"]) == (200, "partner")
    assert (await owner.read(url_of(plan)))["status"] == "in_progress"
    # What it reported it does not take back; a person of the agency looks at it.
    again = await report(own, plan, mine, "in_progress", "/v1/self")
    assert again.json()["code"] == "capacity_plan_action_state"
    assert (await verify(owner, plan, mine)).json()["status"] == "verified"
    steps = (await own.read(f"{SELF}/{plan['id']}/steps"))["items"]
    assert [(step["step"], step["by"]) for step in steps] == [
        ("verified", "UNICEF"),
        ("done", "partner"),
        ("agreed", "UNICEF"),
        ("created", "UNICEF"),
    ]
    assert (steps[1]["note"], steps[1]["evidence"]) == (NOTE, "PSEA-17")
    of_owner = (await owner.read(f"{url_of(plan)}/steps"))["items"]
    assert of_owner[1]["note"] == NOTE
    log = await events_of(operator_database, plan["id"])
    assert "assessment:plan_action:report" in [row.event for row in log]
    assert (await own.post(f"{SELF}/{plan['id']}/actions/{theirs['id']}/progress",
        json={"status": "dropped", "note": NOTE})).status_code == 422  # fmt: skip


async def test_another_partner_and_another_partners_plan_are_absent(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    owner = await api_for("UNICEF")
    plan = await agreed_plan(owner)
    (action,) = await actions_of(owner, plan)
    stranger = await partner_api(
        api_for, operator_database, world, (await make_partner(owner))["id"]
    )
    for answer in (
        await stranger.get(f"{SELF}/{plan['id']}"),
        await stranger.get(f"{SELF}/{plan['id']}/steps"),
        await report(stranger, plan, action, "done", "/v1/self"),
    ):
        assert answer.json()["code"] == "capacity_plan_not_found"
    assert (await stranger.read(SELF))["items"] == []
    assert (await stranger.get(url_of(plan))).status_code == 403
    assert (await owner.get(SELF)).status_code == 403


async def test_what_oversight_keeps_back_the_partner_does_not_see(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    owner = await api_for("UNICEF")
    partner = (await make_partner(owner))["id"]
    low = await low_assessment(owner, partner)
    plan = await agreed_plan(owner, partner, assessment_id=low)
    own = await partner_api(api_for, operator_database, world, partner)
    assert len((await own.read(SELF))["items"]) == 1
    oversight = await api_for(await add_officer(operator_database, world, "UNICEF", "OVSP", "OVS"))
    mark = {"subject_kind": "statement", "subject_id": low, "until": until(), "reason": "Canary."}
    await oversight.made("/v1/withholdings", mark)
    assert (await own.read(SELF))["items"] == []
    assert (await own.get(f"{SELF}/{plan['id']}")).status_code == 404
    assert (await (await api_for("WFP")).get(url_of(plan))).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        "status = 'verified', verified_at = now(), verified_by = (SELECT id FROM persons LIMIT 1)",
        "status = 'dropped'",
        "due_on = due_on + 100",
        "cost = 1",
        "area = 'PSEA_1'",
        "status = 'done', done_at = now(), done_by = (SELECT id FROM persons LIMIT 1)",
    ],
)
async def test_the_database_lets_a_partner_do_nothing_but_report(
    api_for: ApiFor, database: Database, change: str
) -> None:
    plan = await agreed_plan(await api_for("UNICEF"))
    bound = {BINDING: Binding(UUID(int=0), UUID(plan["partner_id"]))}
    sql = f"UPDATE capacity_plan_actions SET {change}, version = version + 1 WHERE plan_id = :id"
    with pytest.raises(Exception, match=r"a plan does not move so|violates check constraint"):
        async with database.sessions(info=bound) as session, session.begin():
            await session.execute(text(sql), {"id": UUID(plan["id"])})
    allowed = "status = 'in_progress', started_at = now()"
    async with database.sessions(info=bound) as session, session.begin():
        done = await session.execute(text(sql.replace(change, allowed)), {"id": UUID(plan["id"])})
        assert touched(done) == 1


async def test_a_plan_stays_the_partners_after_a_merge_and_after_it_is_closed(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    owner = await api_for("UNICEF")
    survivor = (await make_partner(owner))["id"]
    plan = await agreed_plan(owner)
    await close(owner, plan, "not_completed")
    async with operator_database.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(
            text("UPDATE partners SET merged_into = :to WHERE id = :id"),
            {"to": UUID(survivor), "id": UUID(plan["partner_id"])},
        )
        await session.execute(
            text("INSERT INTO partner_aliases (partner_id, survivor_id) VALUES (:id, :to)"),
            {"to": UUID(survivor), "id": UUID(plan["partner_id"])},
        )
    listed = await owner.read(f"/v1/capacity-plans?partner_id={survivor}")
    assert [item["id"] for item in listed["items"]] == [plan["id"]]
    own = await partner_api(api_for, operator_database, world, survivor)
    assert (await own.read(f"{SELF}/{plan['id']}"))["status"] == "not_completed"
    other = await api_for("WFP")
    assert (await other.read(f"{url_of(plan)}/detail", headers=PURPOSE))["items"]


async def test_a_plan_is_not_closed_while_a_report_is_being_written(
    api_for: ApiFor, database: Database
) -> None:
    owner = await api_for("UNICEF")
    plan = await agreed_plan(owner)
    bound = {BINDING: Binding(UUID(int=0), UUID(plan["partner_id"]))}
    sql = "UPDATE capacity_plan_actions SET status = 'in_progress', started_at = now(), "
    async with database.sessions(info=bound) as session, session.begin():
        await session.execute(
            text(f"{sql} version = version + 1 WHERE plan_id = :id"), {"id": UUID(plan["id"])}
        )
        closing = asyncio.create_task(close(owner, plan, "not_completed"))
        done, _ = await asyncio.wait([closing], timeout=0.7)
        assert not done, "it would be closed before the report is there"
    assert (await closing).json()["actions"]["in_progress"] == 1
