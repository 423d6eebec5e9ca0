"""Assurance plans: written, approved by another person, amended; and how activities go."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.db import Database
from app.core.errors import violated_constraint
from tests.assessments.assurance.support import (
    PLANS,
    YEAR,
    approve,
    file_final,
    fresh_country,
    make_plan,
    partner_in,
    plan_row,
)
from tests.auth.scoped import ScopedApi, scoped
from tests.conftest import ApiFor
from tests.support import Api, World

__all__ = ["scoped"]


def said(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


async def activities(api: Api, plan_id: str, **params: Any) -> list[dict[str, Any]]:
    found = await api.read(f"{PLANS}/{plan_id}/activities", params=params)
    items: list[dict[str, Any]] = found["items"]
    return items


class Stage:
    """UNICEF's plan with one spot check, and who works on it."""

    def __init__(self, unicef: Api, second: Api, country: str, partner: str) -> None:
        self.unicef, self.second = unicef, second
        self.country, self.partner = country, partner
        self.plan = self.row = ""

    def at(self, *parts: str) -> str:
        return "/".join((PLANS, self.plan, *parts))

    async def approved(self) -> Stage:
        await approve(self.unicef, self.second, self.plan)
        return self

    async def follow(self, status: str, row: str | None = None, **more: Any) -> httpx.Response:
        url = self.at("activities", row or self.row, "progress")
        return await self.unicef.post(url, json={"status": status} | more)


@pytest.fixture
async def stage(api_for: ApiFor) -> Stage:
    unicef = await api_for("UNICEF")
    country = fresh_country()
    made = Stage(
        unicef, await api_for("UNICEF_APPROVER"), country, await partner_in(unicef, country)
    )
    made.plan = (await make_plan(unicef, country))["id"]
    made.row = (await plan_row(unicef, made.plan, made.partner, joint_with=["WFP"]))["id"]
    return made


async def test_a_plan_is_drafted_submitted_and_approved_by_another_person(stage: Stage) -> None:
    unicef, second = stage.unicef, stage.second
    draft = await unicef.read(stage.at())
    assert (draft["status"], draft["revision"], draft["agency"]) == ("draft", 1, "UNICEF")
    assert said(await second.post(stage.at("approval"), json={"decision": "approve"})) == (
        428,
        "precondition_required",
    )
    v1 = {"If-Match": '"v1"'}
    early = await second.post(stage.at("approval"), json={"decision": "approve"}, headers=v1)
    assert said(early) == (409, "assurance_plan_not_submitted")
    submitted = await unicef.post(stage.at("submission"))
    assert submitted.json()["status"] == "submitted"
    tag = {"If-Match": submitted.headers["etag"]}
    body = {"decision": "approve"}
    same = await unicef.post(stage.at("approval"), json=body, headers=tag)
    assert said(same) == (409, "same_person")
    stale = await second.post(stage.at("approval"), json=body, headers=v1)
    assert said(stale) == (412, "precondition_failed")
    done = await second.post(stage.at("approval"), json=body, headers=tag)
    assert done.json()["status"] == "approved"
    assert done.json()["approved_by"] != done.json()["submitted_by"]
    again = await second.post(
        stage.at("approval"), json=body, headers={"If-Match": done.headers["etag"]}
    )
    assert said(again) == (409, "assurance_plan_not_submitted")


async def test_a_returned_plan_is_written_on(stage: Stage) -> None:
    submitted = await stage.unicef.post(stage.at("submission"))
    frozen = await stage.unicef.post(
        stage.at("activities"),
        json={"partner_id": stage.partner, "type": "audit", "quarter": 3},
    )
    assert said(frozen) == (409, "assurance_plan_not_draft")
    tag = {"If-Match": submitted.headers["etag"]}
    returned = await stage.second.post(
        stage.at("approval"), json={"decision": "return", "reason": "Add the audit."}, headers=tag
    )
    assert (returned.json()["status"], returned.json()["submitted_by"]) == ("draft", None)
    await plan_row(stage.unicef, stage.plan, stage.partner, type="audit", quarter=3)
    # The person who submitted may now be the other one.
    await approve(stage.second, stage.unicef, stage.plan)


async def test_a_plan_is_one_for_agency_country_and_year(stage: Stage, api_for: ApiFor) -> None:
    body = {"country": stage.country, "year": YEAR}
    assert said(await stage.unicef.post(PLANS, json=body)) == (409, "assurance_plan_exists")
    other = await make_plan(await api_for("WFP"), stage.country)
    assert other["agency"] == "WFP"
    assert (await make_plan(stage.unicef, stage.country, YEAR + 1))["revision"] == 1


async def test_drafts_are_the_agencys_own_and_absent_for_others(
    stage: Stage, api_for: ApiFor
) -> None:
    wfp = await api_for("WFP")
    paths = ("", "/activities", "/revisions", "/coverage")
    for path in paths:
        assert said(await wfp.get(stage.at() + path)) == (404, "assurance_plan_not_found")
    unknown = await wfp.get(f"{PLANS}/{uuid4()}")
    assert said(unknown) == (404, "assurance_plan_not_found")
    listed = await wfp.read(PLANS, params={"country": stage.country})
    assert listed["items"] == []
    await stage.approved()
    for path in paths:
        assert (await wfp.get(stage.at() + path)).status_code == 200
    (row,) = await activities(wfp, stage.plan)
    assert (row["type"], row["quarter"], row["joint_with"]) == ("spot_check", 2, ["WFP"])
    assert (row["basis"], row["reason"], row["done_by"]) == (None, None, None)
    assert (await wfp.read(stage.at()))["approved_by"] is None
    for write in (
        wfp.post(stage.at("amendment")),
        wfp.post(stage.at("submission")),
        wfp.delete(stage.at()),
        wfp.post(stage.at("activities", stage.row, "progress"), json={"status": "planned"}),
    ):
        assert said(await write) == (404, "assurance_plan_not_found")


async def test_activities_of_a_draft_are_added_changed_and_removed(stage: Stage) -> None:
    unicef, url = stage.unicef, stage.at("activities", stage.row)
    changed = await unicef.patch(
        url, json={"quarter": 4, "joint_with": []}, headers={"If-Match": '"v1"'}
    )
    assert changed.status_code == 200, changed.text
    found = changed.json()
    assert (found["quarter"], found["joint_with"], found["version"]) == (4, [], 2)
    stale = await unicef.patch(url, json={"quarter": 1}, headers={"If-Match": '"v1"'})
    assert said(stale) == (412, "precondition_failed")
    v2 = {"If-Match": '"v2"'}
    assert said(await unicef.patch(url, json={}, headers=v2)) == (422, "patch_empty")
    for body in (
        {"quarter": None},
        {"type": "audit"},
        {"partner_id": stage.partner},
        {"status": "done"},
        {"quarter": 5},
        {"quarter": True},
    ):
        assert (await unicef.patch(url, json=body, headers=v2)).status_code == 422, body
    assert (await unicef.delete(url)).status_code == 204
    assert await activities(unicef, stage.plan) == []
    assert said(await unicef.delete(url)) == (404, "planned_activity_not_found")


async def test_an_activity_must_fit_the_plan(stage: Stage, api_for: ApiFor) -> None:
    unicef = stage.unicef
    elsewhere = await partner_in(unicef, fresh_country())
    hidden = await partner_in(await api_for("WFP"), stage.country, protected=True)
    good: dict[str, Any] = {"partner_id": stage.partner, "type": "audit", "quarter": 1}
    cases: list[tuple[dict[str, Any], tuple[int, str]]] = [
        ({"partner_id": elsewhere}, (422, "planned_activity_country_differs")),
        ({"partner_id": str(uuid4())}, (404, "partner_not_found")),
        ({"joint_with": ["UNICEF"]}, (422, "joint_agencies_unfit")),
        ({"joint_with": ["WFP", "WFP"]}, (422, "joint_agencies_unfit")),
        ({"lead_agency": "WFP"}, (422, "joint_agencies_unfit")),
        ({"joint_with": ["NOBODY"]}, (422, "agency_unknown")),
        ({"type": "psea"}, (422, "invalid_request")),
        ({"quarter": 0}, (422, "invalid_request")),
        ({"quarter": "1"}, (422, "invalid_request")),
        ({"planned_on": "2026-01-01"}, (422, "invalid_request")),
    ]
    for change, expected in cases:
        answer = await unicef.post(stage.at("activities"), json=good | change)
        assert said(answer) == expected, change
    narrow = await api_for("UNICEF", "assessments:write", "assessments:read")
    answer = await narrow.post(stage.at("activities"), json=good | {"partner_id": hidden})
    assert said(answer) == (404, "partner_not_found")
    led = await plan_row(
        unicef, stage.plan, stage.partner, joint_with=["WFP", "FAO"], lead_agency="WFP"
    )
    assert (led["joint_with"], led["lead_agency"]) == (["FAO", "WFP"], "WFP")


async def test_what_is_put_off_or_given_up_needs_a_stated_reason(stage: Stage) -> None:
    assert said(await stage.follow("cancelled", reason="funding")) == (
        409,
        "assurance_plan_not_approved",
    )
    await stage.approved()
    later = {"year": YEAR, "quarter": 4}
    for status, more in (
        ("postponed", {"postponed_to": later}),
        ("postponed", {"reason": "insecurity"}),
        ("postponed", {"reason": "laziness", "postponed_to": later}),
        ("postponed", {"reason": "insecurity", "postponed_to": {"year": YEAR, "quarter": 2}}),
        ("postponed", {"reason": "insecurity", "postponed_to": {"year": YEAR - 1, "quarter": 4}}),
        ("postponed", {"reason": "insecurity", "postponed_to": {"year": YEAR + 6, "quarter": 1}}),
        ("cancelled", {}),
        ("planned", {"reason": "insecurity"}),
        ("done", {}),
        ("planned", {"assessment_id": str(uuid4())}),
    ):
        assert said(await stage.follow(status, **more)) == (422, "invalid_request"), (status, more)
    answer = await stage.follow("postponed", reason="insecurity", postponed_to=later)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["status"], found["reason"], found["postponed_to"]) == (
        "postponed",
        "insecurity",
        later,
    )
    assert found["quarter"] == 2
    back = (await stage.follow("planned")).json()
    assert (back["reason"], back["postponed_to"]) == (None, None)


async def test_done_is_what_a_final_assessment_of_the_right_kind_shows(
    stage: Stage, api_for: ApiFor, world: World, operator_database: Database
) -> None:
    await stage.approved()

    async def filed(agency: str, partner: str, kind: str = "spot_check", **more: Any) -> str:
        owner = world.agencies[agency]
        return await file_final(operator_database, owner, partner, kind, **more)

    other = await partner_in(stage.unicef, stage.country)
    for unfit in (
        str(uuid4()),
        await filed("UNICEF", stage.partner, "audit"),
        await filed("UNICEF", other),
        await filed("UNICEF", stage.partner, status="draft"),
        await filed("FAO", stage.partner),
        await filed("WFP", stage.partner, confidentiality="AGENCY_ONLY"),
    ):
        answer = await stage.follow("done", assessment_id=unfit)
        assert said(answer) == (422, "done_by_unfit")
    joint = await filed("WFP", stage.partner)
    answer = await stage.follow("done", assessment_id=joint)
    assert (answer.json()["status"], answer.json()["done_by"]) == ("done", joint)
    amended = await stage.unicef.made(stage.at("amendment"), {})
    assert amended["revision"] == 2
    (copied,) = await activities(stage.unicef, stage.plan)
    url = stage.at("activities", copied["id"])
    assert copied["done_by"] == joint
    assert said(await stage.unicef.delete(url)) == (409, "planned_activity_done")
    v1 = {"If-Match": '"v1"'}
    assert said(await stage.unicef.patch(url, json={"quarter": 3}, headers=v1)) == (
        409,
        "planned_activity_done",
    )


async def test_one_assessment_does_one_activity(
    stage: Stage, world: World, operator_database: Database
) -> None:
    second = (await plan_row(stage.unicef, stage.plan, stage.partner, quarter=4))["id"]
    await stage.approved()
    owner = world.agencies["UNICEF"]
    shown = await file_final(operator_database, owner, stage.partner, "spot_check")
    assert (await stage.follow("done", assessment_id=shown)).status_code == 200
    again = await stage.follow("done", second, assessment_id=shown)
    assert said(again) == (409, "assessment_counted")


async def test_an_amendment_keeps_the_history_and_what_happened_meanwhile(
    stage: Stage, api_for: ApiFor
) -> None:
    unicef, wfp = stage.unicef, await api_for("WFP")
    assert said(await unicef.post(stage.at("amendment"))) == (409, "assurance_plan_amendment_open")
    await stage.approved()
    draft = await unicef.made(stage.at("amendment"), {})
    assert (draft["status"], draft["revision"]) == ("draft", 2)
    assert said(await unicef.post(stage.at("amendment"))) == (409, "assurance_plan_amendment_open")
    added = await plan_row(unicef, stage.plan, stage.partner, type="audit", quarter=3)
    # Meanwhile others see the approved one, and what happens is written into both.
    assert (await wfp.read(stage.at()))["revision"] == 1
    assert len(await activities(wfp, stage.plan)) == 1
    later = {"year": YEAR, "quarter": 4}
    followed = await stage.follow("postponed", reason="emergency", postponed_to=later)
    assert followed.status_code == 200
    statuses = {row["type"]: row["status"] for row in await activities(unicef, stage.plan)}
    assert statuses == {"spot_check": "postponed", "audit": "planned"}
    assert said(await stage.follow("planned", added["id"])) == (409, "assurance_plan_not_approved")
    await approve(unicef, stage.second, stage.plan)
    assert (await wfp.read(stage.at()))["revision"] == 2
    assert len(await activities(wfp, stage.plan)) == 2
    old = await unicef.read(stage.at(), params={"revision": 1})
    assert old["status"] == "superseded"
    (kept,) = await activities(unicef, stage.plan, revision=1)
    assert (kept["line"], kept["status"]) == (stage.row, "postponed")
    hidden = await wfp.get(stage.at(), params={"revision": 1})
    assert said(hidden) == (404, "assurance_plan_not_found")
    listed = (await unicef.read(stage.at("revisions")))["items"]
    assert [(one["revision"], one["status"]) for one in listed] == [
        (2, "approved"),
        (1, "superseded"),
    ]
    assert [one["revision"] for one in (await wfp.read(stage.at("revisions")))["items"]] == [2]
    assert said(await stage.follow("planned")) == (409, "assurance_plan_not_approved")


async def test_an_amendment_cannot_leave_out_what_was_done_meanwhile(
    stage: Stage, world: World, operator_database: Database
) -> None:
    await stage.approved()
    await stage.unicef.made(stage.at("amendment"), {})
    (copied,) = await activities(stage.unicef, stage.plan)
    assert (await stage.unicef.delete(stage.at("activities", copied["id"]))).status_code == 204
    owner = world.agencies["UNICEF"]
    shown = await file_final(operator_database, owner, stage.partner, "spot_check")
    assert (await stage.follow("done", assessment_id=shown)).status_code == 200
    submitted = await stage.unicef.post(stage.at("submission"))
    answer = await stage.second.post(
        stage.at("approval"),
        json={"decision": "approve"},
        headers={"If-Match": submitted.headers["etag"]},
    )
    assert said(answer) == (409, "assurance_plan_leaves_out_done")
    assert (await stage.unicef.read(stage.at(), params={"revision": 1}))["status"] == "approved"


async def test_a_draft_is_discarded_and_what_is_approved_stays(stage: Stage) -> None:
    await stage.approved()
    assert said(await stage.unicef.delete(stage.at())) == (409, "assurance_plan_not_draft")
    await stage.unicef.made(stage.at("amendment"), {})
    assert (await stage.unicef.delete(stage.at())).status_code == 204
    found = await stage.unicef.read(stage.at())
    assert (found["revision"], found["status"]) == (1, "approved")
    assert len(await activities(stage.unicef, stage.plan)) == 1


async def test_lists_are_paged_and_show_an_own_plan_once(stage: Stage, api_for: ApiFor) -> None:
    for quarter in (1, 3, 1):
        await plan_row(stage.unicef, stage.plan, stage.partner, quarter=quarter)
    first = await stage.unicef.read(stage.at("activities"), params={"limit": 3})
    second = await stage.unicef.read(
        stage.at("activities"), params={"limit": 3, "cursor": first["next_cursor"]}
    )
    quarters = [row["quarter"] for row in first["items"] + second["items"]]
    assert (quarters, second["next_cursor"]) == ([1, 1, 2, 3], None)
    await stage.approved()
    await stage.unicef.made(stage.at("amendment"), {})
    for name, revision in (("UNICEF", 2), ("WFP", 1)):
        api = await api_for(name)
        listed = (await api.read(PLANS, params={"country": stage.country, "year": YEAR}))["items"]
        assert [(one["id"], one["revision"]) for one in listed] == [(stage.plan, revision)]
    bad = await stage.unicef.get(stage.at("activities"), params={"cursor": "AAAA"})
    assert said(bad) == (422, "cursor_invalid")
    other = await stage.unicef.get(
        stage.at("coverage"), params={"limit": 3, "cursor": first["next_cursor"]}
    )
    assert said(other) == (422, "cursor_invalid")


@pytest.mark.parametrize(
    ("role", "creates", "approves"),
    [("HFP", 201, 200), ("IPU", 403, 200), ("PO", 403, 403), ("CO", 403, 403), ("OVS", 403, 403)],
)
async def test_who_writes_and_who_approves(
    stage: Stage, scoped: ScopedApi, role: str, creates: int, approves: int
) -> None:
    api = await scoped("UNICEF", roles=(role,))
    body = {"country": fresh_country(), "year": YEAR}
    assert (await api.post(PLANS, json=body)).status_code == creates
    submitted = await stage.unicef.post(stage.at("submission"))
    answer = await api.post(
        stage.at("approval"),
        json={"decision": "approve"},
        headers={"If-Match": submitted.headers["etag"]},
    )
    assert answer.status_code == approves, answer.text


async def test_countries_and_levels_of_a_client_hold(stage: Stage, scoped: ScopedApi) -> None:
    away = await scoped("UNICEF", roles=("HFP",), countries=(fresh_country(),))
    assert said(await away.get(stage.at())) == (404, "assurance_plan_not_found")
    assert said(await away.post(stage.at("submission"))) == (404, "assurance_plan_not_found")
    body = {"country": stage.country, "year": YEAR + 2}
    assert said(await away.post(PLANS, json=body)) == (403, "country_outside_scope")
    low = await scoped("UNICEF", max_level="INTER_AGENCY")
    assert said(await low.get(stage.at())) == (404, "assurance_plan_not_found")
    assert (await low.read(PLANS, params={"country": stage.country}))["items"] == []
    await stage.approved()
    assert (await low.read(stage.at()))["status"] == "approved"
    assert (await away.read(PLANS, params={"country": stage.country}))["items"] == []


async def test_bad_plans_are_refused(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    for body in (
        {"country": "ZZ", "year": YEAR},
        {"country": "KE", "year": 2013},
        {"country": "KE", "year": 2101},
        {"country": "KE", "year": "2026"},
        {"country": "KE"},
        {"country": "KE", "year": YEAR, "status": "approved"},
    ):
        assert (await unicef.post(PLANS, json=body)).status_code == 422, body
    assert (await unicef.get(PLANS, params={"status": "superseded"})).status_code == 422


# ------------------------------------------------------------------------------ the database


async def _refused(database: Database, agency: UUID, sql: str, **values: Any) -> str | None:
    with pytest.raises(DBAPIError) as error:
        async with database.session(agency) as session:
            await session.execute(text(sql), values)
    return violated_constraint(error.value)


async def test_the_database_itself_wants_a_second_person_and_the_order_of_steps(
    stage: Stage, database: Database, world: World
) -> None:
    unicef, plan = world.agencies["UNICEF"], UUID(stage.plan)
    person, other = world.persons["UNICEF"], world.persons["UNICEF_APPROVER"]
    set_ = "UPDATE assurance_plans SET {} WHERE id = :id AND revision = 1"
    leap = set_.format(
        "status = 'approved', submitted_by = :other, submitted_at = now(), approved_by = :me, "
        "approved_at = now()"
    )
    who = {"id": plan, "me": person, "other": other}
    assert await _refused(database, unicef, leap, **who) == "assurance_plan_moves"
    await stage.unicef.post(stage.at("submission"))
    sign = "status = 'approved', approved_by = :me, approved_at = now()"
    name = await _refused(database, unicef, set_.format(sign), id=plan, me=person)
    assert name == "ck_assurance_plans_second_person"
    forged = set_.format(sign + ", submitted_by = :other")
    assert await _refused(database, unicef, forged, **who) == "assurance_plan_moves"


async def test_the_database_keeps_what_was_submitted(
    stage: Stage, database: Database, world: World
) -> None:
    unicef, row = world.agencies["UNICEF"], UUID(stage.row)
    await stage.unicef.post(stage.at("submission"))
    change = "UPDATE assurance_rows SET {} WHERE id = :row"
    for what in ("quarter = 4", "type = 'audit'", "joint_with = '{}'", "basis = 'follow_up'"):
        assert await _refused(database, unicef, change.format(what), row=row) == (
            "assurance_row_kept"
        )
    copy = (
        "INSERT INTO assurance_rows (id, plan_id, revision, owner_agency, country, year, line, "
        "partner_id, type, quarter, basis, joint_with, lead_agency) SELECT gen_random_uuid(), "
        "plan_id, revision, owner_agency, country, {}, gen_random_uuid(), partner_id, type, "
        "quarter, basis, joint_with, lead_agency FROM assurance_rows WHERE id = :row"
    )
    added = await _refused(database, unicef, copy.format("year"), row=row)
    assert added == "fk_assurance_rows_assurance_plans"
    async with database.session(unicef) as session:
        gone = await session.execute(
            text("DELETE FROM assurance_rows WHERE id = :row RETURNING id"), {"row": row}
        )
        assert gone.all() == []


async def test_two_approvals_at_once_make_one(stage: Stage, api_for: ApiFor) -> None:
    third = await api_for("UNICEF_REVIEWER")
    submitted = await stage.unicef.post(stage.at("submission"))
    tag = {"If-Match": submitted.headers["etag"]}
    answers = await asyncio.gather(
        *(
            api.post(stage.at("approval"), json={"decision": "approve"}, headers=tag)
            for api in (stage.second, third)
        )
    )
    assert sorted(one.status_code for one in answers) == [200, 409]


async def test_what_is_planned_while_the_plan_is_submitted_is_in_it_or_refused(
    stage: Stage,
) -> None:
    body = {"partner_id": stage.partner, "type": "audit", "quarter": 1}
    answers = await asyncio.gather(
        *(stage.unicef.post(stage.at("activities"), json=body) for _ in range(3)),
        stage.unicef.post(stage.at("submission")),
        *(stage.second.post(stage.at("activities"), json=body) for _ in range(3)),
    )
    added = [one for one in answers if one.request.url.path.endswith("/activities")]
    assert {one.status_code for one in added} <= {201, 409}
    assert answers[3].status_code == 200
    found = await activities(stage.unicef, stage.plan)
    assert len(found) == 1 + sum(one.status_code == 201 for one in added)


async def test_progress_beside_an_amendment_is_never_lost(stage: Stage) -> None:
    rows = [
        (await plan_row(stage.unicef, stage.plan, stage.partner, quarter=quarter))["id"]
        for quarter in (1, 3, 4)
    ]
    await stage.approved()
    answers = await asyncio.gather(
        *(stage.follow("cancelled", row, reason="funding") for row in rows),
        stage.second.post(stage.at("amendment")),
    )
    assert {one.status_code for one in answers} <= {200, 201}
    draft = await activities(stage.unicef, stage.plan)
    assert {row["revision"] for row in draft} == {2}
    assert sorted(row["status"] for row in draft) == ["cancelled"] * 3 + ["planned"]


async def test_what_is_done_is_logged_and_others_can_follow(
    stage: Stage, operator_database: Database
) -> None:
    await stage.approved()
    await stage.follow("cancelled", reason="funding")
    async with operator_database.connection() as connection:
        logged = await connection.fetch(
            "SELECT event, person_id, owner_agency FROM audit_events WHERE subject_id = $1 "
            "ORDER BY at, id",
            UUID(stage.plan),
        )
        told = await connection.fetch(
            "SELECT type FROM outbox WHERE subject_id = $1 ORDER BY id", UUID(stage.plan)
        )
    assert [row["event"].rpartition(":")[2] for row in logged] == [
        *("create", "plan", "submit", "approve", "follow")
    ]
    assert None not in {row["person_id"] for row in logged}
    assert [row["type"] for row in told] == [
        "assurance_plan.approved",
        "assurance_plan.activity_followed",
    ]
