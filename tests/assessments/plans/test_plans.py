"""Capacity-strengthening plans: who works on them, what holds of them, who sees and reads them."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from app.assessments.plans.rules import RULES
from app.core.clock import add_months
from app.core.db import Database
from tests.assessments.factories import make_assessment, psea_detail
from tests.assessments.plans.support import (
    NOTE,
    PURPOSE,
    REASON,
    action_body,
    actions_of,
    agree,
    agreed_plan,
    close,
    day,
    low_assessment,
    make_plan,
    plan_body,
    report,
    set_dates,
    url_of,
    verify,
)
from tests.audit.support import add_officer, events_of
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.partners.flags.support import partner_api
from tests.support import Api, World

BAD = (
    ({"kind": "SOMETHING"}, "/kind"),
    ({"title": "A title"}, ""),
    ({"supporters": ["wfp"]}, "/supporters/0"),
    ({"actions": [action_body(area="PSEA_9")]}, "/actions/0/area"),
    ({"actions": [action_body(currency=None)]}, "/actions/0"),
    ({"actions": [action_body(currency="XYZ")]}, "/actions/0/currency"),
    ({"actions": [action_body(cost="-1.00")]}, "/actions/0/cost"),
    ({"actions": [action_body(responsible="provider")]}, "/actions/0"),
    ({"actions": [action_body(text="")]}, "/actions/0/text"),
    ({"actions": [action_body(due_on="tomorrow")]}, "/actions/0/due_on"),
    ({"actions": [action_body(status="done")]}, "/actions/0"),
    ({"actions": [action_body()] * 101}, "/actions"),
)


@pytest.mark.parametrize(("wrong", "pointer"), BAD)
async def test_a_plan_that_does_not_fit_is_refused(
    api_for: ApiFor, wrong: dict[str, Any], pointer: str
) -> None:
    api = await api_for("UNICEF")
    partner = (await make_partner(api))["id"]
    refused = await api.post("/v1/capacity-plans", json=plan_body(partner) | wrong)
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["pointer"].startswith(pointer)
    assert (await api.read(f"/v1/capacity-plans?partner_id={partner}"))["items"] == []


async def test_the_database_has_the_windows_of_the_data(operator_database: Database) -> None:
    async with operator_database.session() as session:
        sql = "SELECT code, window_months, total_months, version FROM capacity_plan_kinds"
        rows = (await session.execute(text(sql))).all()
    assert {row.code: (row.window_months, row.total_months) for row in rows} == {
        code: (one.window_months, one.total_months) for code, one in RULES.kinds.items()
    }
    assert {row.version for row in rows} == {RULES.version}
    assert (RULES.kinds["PSEA_CSIP"].window_months, RULES.kinds["PSEA_CSIP"].total_months) == (
        6,
        12,
    )
    assert not RULES.confirmed


async def test_a_draft_is_its_owners_alone_and_an_agreed_plan_is_a_summary_for_others(
    api_for: ApiFor,
) -> None:
    owner, other = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(owner))["id"]
    low = await low_assessment(owner, partner)
    plan = await make_plan(owner, partner, assessment_id=low, supporters=["WFP"])
    assert (plan["status"], plan["level"], plan["on_track"]) == ("draft", "AGENCY_ONLY", None)
    url, listed = url_of(plan), f"/v1/capacity-plans?partner_id={partner}"
    assert (await other.get(url)).json()["code"] == "capacity_plan_not_found"
    assert (await other.read(listed))["items"] == []
    agreed = await agree(owner, plan)
    assert (agreed["status"], agreed["on_track"], agreed["supporters"]) == ("agreed", True, ["WFP"])
    seen = await other.get(url)
    assert seen.json() == agreed
    assert "Canary" not in seen.text
    assert [item["id"] for item in (await other.read(listed))["items"]] == [plan["id"]]
    assert seen.json()["actions"] == {
        "open": 1, "in_progress": 0, "done": 0, "verified": 0, "dropped": 0, "overdue": 0,
    }  # fmt: skip


async def test_a_plan_about_an_assessment_that_is_its_owners_alone_is_so_too(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    owner, other = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(owner))["id"]
    hidden = await low_assessment(owner, partner, confidentiality="AGENCY_ONLY")
    plan = await agreed_plan(owner, partner, assessment_id=hidden)
    assert plan["level"] == "AGENCY_ONLY"
    for path in ("", "/detail", "/steps"):
        assert (await other.get(url_of(plan) + path, headers=PURPOSE)).status_code == 404
    assert (await other.read(f"/v1/capacity-plans?partner_id={partner}"))["items"] == []
    # The partner agreed to it all the same.
    own = await partner_api(api_for, operator_database, world, partner)
    assert (await own.read(f"/v1/self/capacity-plans/{plan['id']}"))["id"] == plan["id"]
    # A draft's plan comes into sight with the assessment it follows from.
    draft = await make_assessment(owner, partner, status="draft", detail=psea_detail(3))
    waiting = await agreed_plan(owner, partner, assessment_id=draft["id"])
    assert (await other.get(url_of(waiting))).status_code == 404
    done = await owner.patch(
        f"/v1/assessments/{draft['id']}", json={"status": "final"}, headers={"If-Match": '"v1"'}
    )
    assert done.status_code == 200, done.text
    assert (await other.read(url_of(waiting)))["level"] == "RESTRICTED"


async def test_others_read_the_actions_for_a_purpose_and_the_reading_is_logged(
    api_for: ApiFor, operator_database: Database
) -> None:
    owner, other = await api_for("UNICEF"), await api_for("WFP")
    plan = await agreed_plan(owner)
    url = f"{url_of(plan)}/detail"
    assert (await other.get(url)).json()["code"] == "purpose_required"
    two = [("Access-Purpose", PURPOSE["Access-Purpose"])] * 2
    assert (await other.get(url, headers=two)).json()["code"] == "purpose_required"
    read = await other.read(url, headers=PURPOSE)
    assert read["items"][0]["text"].startswith("Canary")
    assert read["costs"] == [{"currency": "USD", "amount": "1500.00"}]
    steps = await other.read(f"{url_of(plan)}/steps", headers=PURPOSE)
    assert [step["step"] for step in steps["items"]] == ["agreed", "created"]
    await owner.read(url)
    log = [row for row in await events_of(operator_database, plan["id"]) if "read" in row.event]
    assert [(row.client_id, row.purpose, row.detail["part"]) for row in log] == [
        ("WFP", "CAPACITY_STRENGTHENING", "detail"),
        ("WFP", "CAPACITY_STRENGTHENING", "steps"),
        ("UNICEF", "OWN_RECORD", "detail"),
    ]


async def test_each_role_does_what_the_matrix_says_in_its_countries(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    owner = await api_for("UNICEF")
    partner = (await make_partner(owner))["id"]
    plan = await agreed_plan(owner, partner)
    expected = {  # creates, sees the summary, reads the texts of another agency
        "ERP": (403, 404, 404),
        "PO": (201, 200, 404),
        "CO": (403, 200, 200),
        "HFP": (201, 200, 404),
        "PFP": (201, 200, 404),
        "OVS": (403, 200, 200),
        "SAO": (403, 404, 403),
        "IPU": (403, 200, 200),
        "LEGAL": (403, 404, 404),
        "RCO": (403, 200, 403),
    }
    for role, statuses in expected.items():
        name = await add_officer(operator_database, world, "WFP", f"P{role}", role)
        api = await api_for(name)
        made = await api.post("/v1/capacity-plans", json=plan_body(partner))
        seen = await api.get(url_of(plan))
        read = await api.get(f"{url_of(plan)}/detail", headers=PURPOSE)
        got = (made.status_code, seen.status_code, read.status_code)
        assert got == statuses, (role, got)
        listed = (await api.read(f"/v1/capacity-plans?partner_id={partner}"))["items"]
        assert (plan["id"] in [item["id"] for item in listed]) == (statuses[1] == 200), role
    far = await add_officer(operator_database, world, "WFP", "FARCO", "CO")
    async with operator_database.session() as session:
        await session.execute(
            text("UPDATE clients SET countries = '{UGA}' WHERE id = :id"), {"id": far}
        )
    api = await api_for(far)
    assert (await api.get(url_of(plan))).status_code == 404
    assert (await api.get(f"{url_of(plan)}/detail", headers=PURPOSE)).status_code == 404
    assert (await api.read(f"/v1/capacity-plans?partner_id={partner}"))["items"] == []


async def test_another_agency_changes_nothing_and_finds_nothing(api_for: ApiFor) -> None:
    owner, other = await api_for("UNICEF"), await api_for("WFP")
    plan = await agreed_plan(owner)
    (action,) = await actions_of(owner, plan)
    url, one = url_of(plan), f"{url_of(plan)}/actions/{action['id']}"
    v1 = {"If-Match": '"v2"'}
    for answer in (
        await other.patch(url, json={"starts_on": day(1)}, headers=v1),
        await other.post(f"{url}/agreement", json={}),
        await other.post(f"{url}/extension", json={"window_ends_on": day(250), "reason": REASON}),
        await close(other, plan, "cancelled"),
        await other.post(f"{url}/outcome", json={"assessment_id": str(uuid4())}),
        await other.post(f"{url}/actions", json=action_body()),
        await other.patch(one, json={"due_on": day(9)}, headers={"If-Match": '"v1"'}),
        await report(other, plan, action, "done"),
        await verify(other, plan, action),
    ):
        assert answer.json()["code"] == "capacity_plan_not_found", answer.text
    assert (await owner.read(url))["version"] == plan["version"]


async def test_a_plan_follows_an_own_assessment_of_the_same_partner(api_for: ApiFor) -> None:
    owner, other = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(owner))["id"]
    of_another = await low_assessment(other, partner)
    about_another = await low_assessment(owner, (await make_partner(owner))["id"])
    hidden = await low_assessment(other, partner, confidentiality="AGENCY_ONLY")
    for assessment, code in (
        (of_another, "capacity_plan_assessment"),
        (about_another, "capacity_plan_assessment"),
        (hidden, "assessment_not_found"),
        (str(uuid4()), "assessment_not_found"),
    ):
        body = plan_body(partner, assessment_id=assessment)
        assert (await owner.post("/v1/capacity-plans", json=body)).json()["code"] == code
    own_one = await low_assessment(owner, partner)
    body = plan_body(partner, kind="HACT", actions=[], assessment_id=own_one)
    unfit = await owner.post("/v1/capacity-plans", json=body)
    assert unfit.json()["code"] == "capacity_plan_assessment"
    for supporters, code in (
        (["UNICEF"], "capacity_plan_supporter"),
        (["WFP", "WFP"], "capacity_plan_supporter"),
    ):
        body = plan_body(partner, supporters=supporters)
        assert (await owner.post("/v1/capacity-plans", json=body)).json()["code"] == code
    body = plan_body(partner, actions=[action_body(area="HACT_ACCOUNTING")])
    assert (await owner.post("/v1/capacity-plans", json=body)).json()["code"] == (
        "capacity_plan_area"
    )


async def test_the_window_is_that_of_the_kind_and_of_its_extensions(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    owner = await api_for("UNICEF")
    plan = await make_plan(owner)
    url = f"{url_of(plan)}/agreement"
    for wrong in (
        {"window_ends_on": day(200)},
        {"window_ends_on": day(0)},
        {"agreed_on": day(1)},
        {"agreed_on": day(-30), "window_ends_on": day(170)},
    ):
        assert (await owner.post(url, json=wrong)).status_code == 422, wrong
    agreed = await agree(owner, plan, agreed_on="2026-08-31")
    # The last day of a shorter month, as everywhere.
    assert (agreed["window_ends_on"], agreed["window_limit_on"]) == ("2027-02-28", "2027-08-31")
    extension = f"{url_of(plan)}/extension"
    longer = {"window_ends_on": "2027-08-31", "reason": REASON}
    officer = await api_for(await add_officer(operator_database, world, "UNICEF", "PPFP", "PFP"))
    assert (await officer.post(extension, json=longer)).json()["code"] == "role_lacks_right"
    head = await api_for(await add_officer(operator_database, world, "UNICEF", "PIPU", "IPU"))
    for wrong, status in (
        ({"window_ends_on": "2027-09-01", "reason": REASON}, 422),
        ({"window_ends_on": "2027-02-28", "reason": REASON}, 422),
        ({"window_ends_on": "2027-08-31"}, 422),
        ({"window_ends_on": "2027-08-31", "reason": " "}, 422),
    ):
        assert (await head.post(extension, json=wrong)).status_code == status, wrong
    done = await head.post(extension, json=longer)
    assert (done.json()["window_ends_on"], done.json()["extended"]) == ("2027-08-31", True)
    assert (await head.post(extension, json=longer)).status_code == 422
    steps = (await owner.read(f"{url_of(plan)}/steps"))["items"]
    assert (steps[0]["step"], steps[0]["note"]) == ("extended", REASON)


@pytest.mark.parametrize(
    "change",
    [
        "window_ends_on = window_limit_on + 1",
        "window_limit_on = window_limit_on + 400",
        "window_ends_on = window_limit_on",  # without who extended it
        "agreed_on = agreed_on + 100",
        "status = 'completed', closed_at = now(), closed_by = extended_by",
        "outcome = 'improved', measured_at = now()",
        "status = 'draft', agreed_on = NULL, window_ends_on = NULL, window_limit_on = NULL",
    ],
)
async def test_the_database_keeps_window_and_status_whatever_calls(
    api_for: ApiFor, world: World, database: Database, change: str
) -> None:
    plan = await agreed_plan(await api_for("UNICEF"))
    with pytest.raises(Exception, match=r"a plan does not move so|violates check constraint"):
        async with database.session(world.agencies["UNICEF"]) as session:
            await session.execute(
                text(f"UPDATE capacity_plans SET {change}, version = version + 1 WHERE id = :id"),
                {"id": UUID(plan["id"])},
            )


async def test_what_was_agreed_stays_and_a_draft_may_change(
    api_for: ApiFor, operator_database: Database
) -> None:
    owner = await api_for("UNICEF")
    plan = await make_plan(owner)
    (action,) = await actions_of(owner, plan)
    url = f"{url_of(plan)}/actions/{action['id']}"
    v1, v2 = ({"If-Match": f'"v{n}"'} for n in (1, 2))
    done = await owner.patch(url, json={"text": "Canary: other words."}, headers=v1)
    assert (done.json()["text"], done.json()["version"]) == ("Canary: other words.", 2)
    assert done.json()["evidence_expected"] == "Canary: attendance sheets"
    assert (await owner.patch(url, json={"text": "x"}, headers=v1)).status_code == 412
    assert (await owner.patch(url, json={"text": "x"})).status_code == 428
    for wrong in ({"text": None}, {"cost": None}, {"responsible": "provider"}, {"due_on": None}):
        assert (await owner.patch(url, json=wrong, headers=v2)).status_code == 422, wrong
    assert (await owner.patch(url, json={}, headers=v2)).json()["code"] == "patch_empty"
    await agree(owner, plan)
    fixed = await owner.patch(url, json={"text": "x"}, headers=v2)
    assert fixed.json()["code"] == "capacity_plan_action_fixed"
    moved = await owner.patch(url, json={"due_on": day(90), "cost": "2.00"}, headers=v2)
    assert (moved.json()["due_on"], moved.json()["cost"]) == (day(90), "2.00")
    dropped = await report(owner, plan, action, "dropped")
    assert dropped.json()["status"] == "dropped"
    assert (await owner.read(f"{url_of(plan)}/detail"))["costs"] == []
    late = await owner.patch(url, json={"due_on": day(91)}, headers={"If-Match": '"v4"'})
    assert late.json()["code"] == "capacity_plan_action_state"
    added = await owner.made(f"{url_of(plan)}/actions", action_body(area="GENERAL_PEOPLE"))
    assert added["number"] == 2
    log = [row.event for row in await events_of(operator_database, plan["id"])]
    assert log.count("assessment:plan_action:change") == 2
    assert "assessment:plan_action:add" in log


async def test_a_held_draft_keeps_its_words(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    owner = await api_for("UNICEF")
    plan = await make_plan(owner)
    (action,) = await actions_of(owner, plan)
    legal = await api_for(await add_officer(operator_database, world, "UNICEF", "LEGAL", "LEGAL"))
    hold = {"subject_kind": "partner", "subject_id": plan["partner_id"], "review_on": day(90)}
    await legal.made("/v1/legal-holds", hold | {"reason": "Canary: a claim."})
    url = f"{url_of(plan)}/actions/{action['id']}"
    v1 = {"If-Match": '"v1"'}
    refused = await owner.patch(url, json={"text": "Canary: gone."}, headers=v1)
    assert refused.json()["code"] == "legal_hold", refused.text
    assert (await owner.patch(url, json={"due_on": day(70)}, headers=v1)).status_code == 200


async def test_a_plan_moves_from_draft_to_completed_and_no_other_way(api_for: ApiFor) -> None:
    owner, second = await api_for("UNICEF"), await api_for("UNICEF_APPROVER")
    empty = await make_plan(owner, actions=[])
    refused = await owner.post(f"{url_of(empty)}/agreement", json={})
    assert refused.json()["code"] == "capacity_plan_empty"
    plan = await make_plan(owner)
    (action,) = await actions_of(owner, plan)
    for answer in (
        await close(owner, plan, "completed"),
        await report(owner, plan, action, "done"),
        await verify(owner, plan, action),
    ):
        assert answer.json()["code"] == "capacity_plan_state", answer.text
    await agree(owner, plan)
    assert (await owner.post(f"{url_of(plan)}/agreement", json={})).status_code == 409
    assert (await close(owner, plan, "completed")).json()["code"] == "capacity_plan_actions_open"
    assert (await report(owner, plan, action, "in_progress")).json()["status"] == "in_progress"
    assert (await owner.read(url_of(plan)))["status"] == "in_progress"
    assert (await verify(second, plan, action)).json()["code"] == "capacity_plan_action_state"
    done = await report(owner, plan, action, "done")
    assert (done.json()["status"], done.json()["done_by"]) == ("done", "agency")
    assert (await verify(owner, plan, action)).json()["code"] == "same_person"
    blank = await verify(second, plan, action, outcome="returned")
    assert blank.status_code == 422
    back = await verify(second, plan, action, outcome="returned", note=NOTE)
    assert (back.json()["status"], back.json()["done_by"]) == ("in_progress", None)
    await report(owner, plan, action, "done")
    assert (await close(owner, plan, "completed")).json()["code"] == "capacity_plan_actions_open"
    assert (await verify(second, plan, action)).json()["status"] == "verified"
    assert (await report(owner, plan, action, "dropped")).status_code == 409
    no_reason = await owner.post(f"{url_of(plan)}/closure", json={"outcome": "cancelled"})
    assert no_reason.status_code == 422
    closed = (await close(owner, plan, "completed")).json()
    assert (closed["status"], closed["on_track"]) == ("completed", None)
    for answer in (
        await close(owner, plan, "cancelled"),
        await owner.post(f"{url_of(plan)}/actions", json=action_body()),
        await owner.patch(
            url_of(plan),
            json={"supporters": ["WFP"]},
            headers={"If-Match": f'"v{closed["version"]}"'},
        ),
    ):
        assert answer.json()["code"] == "capacity_plan_state", answer.text


async def test_a_draft_is_cancelled_unseen(api_for: ApiFor) -> None:
    owner, other = await api_for("UNICEF"), await api_for("WFP")
    plan = await make_plan(owner)
    assert (await close(owner, plan, "cancelled")).json()["status"] == "cancelled"
    assert (await other.get(url_of(plan))).status_code == 404


async def test_the_list_finds_what_needs_a_person(
    api_for: ApiFor, operator_database: Database
) -> None:
    owner = await api_for("UNICEF")
    partner = (await make_partner(owner))["id"]
    fine, late, over, draft = [
        (await make_plan(owner, partner, kind=kind, actions=[action_body(area="GENERAL_FINANCE")]))
        for kind in ("OTHER", "HACT", "PSEA_CSIP", "OTHER")
    ]
    for plan in (fine, late, over):
        await agree(owner, plan)
    async with operator_database.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(
            text("UPDATE capacity_plan_actions SET due_on = current_date - 1 WHERE plan_id = :id"),
            {"id": UUID(late["id"])},
        )
    await set_dates(operator_database, over["id"], agreed_on=day(-200), window_ends_on=day(-1))

    async def found(query: str) -> set[str]:
        url = f"/v1/capacity-plans?partner_id={partner}&{query}"
        return {item["id"] for item in (await owner.read(url))["items"]}

    assert await found("overdue=true") == {late["id"], over["id"]}
    assert await found(f"assessment_id={uuid4()}") == set()
    assert await found("kind=HACT") == {late["id"]}
    assert await found("status=draft") == {draft["id"]}
    assert await found("status=agreed") == {fine["id"], late["id"], over["id"]}
    assert await found(f"window_ends_before={day(1)}") == {over["id"]}
    assert await found("owner_agency=WFP") == set()
    assert (await owner.get("/v1/capacity-plans?overdue=false")).status_code == 422
    shown = {item["id"]: item for item in (await owner.read(
        f"/v1/capacity-plans?partner_id={partner}"))["items"]}  # fmt: skip
    assert [shown[one["id"]]["on_track"] for one in (fine, late, over, draft)] == [
        True, False, False, None,
    ]  # fmt: skip
    assert shown[late["id"]]["actions"]["overdue"] == 1
    assert (shown[over["id"]]["window_ended"], shown[over["id"]]["status"]) == (True, "agreed")
    pages: list[str] = []
    url = f"/v1/capacity-plans?partner_id={partner}&limit=2"
    page = await owner.read(url)
    pages += [item["id"] for item in page["items"]]
    page = await owner.read(f"{url}&cursor={page['next_cursor']}")
    pages += [item["id"] for item in page["items"]]
    assert pages == [draft["id"], over["id"], late["id"], fine["id"]]
    assert page["next_cursor"] is None


async def _outcome(owner: Api, plan: dict[str, Any], assessment: str) -> Any:
    return await owner.post(f"{url_of(plan)}/outcome", json={"assessment_id": assessment})


async def test_the_outcome_is_measured_by_a_later_assessment_of_any_agency(
    api_for: ApiFor,
) -> None:
    owner, other = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(owner))["id"]
    low = await low_assessment(owner, partner, conducted_on="2026-03-01")
    plan = await agreed_plan(owner, partner, assessment_id=low)

    async def later(api: Api, on: str, met: int, **more: Any) -> str:
        made = await make_assessment(api, partner, conducted_on=on, detail=psea_detail(met), **more)
        return str(made["id"])

    assert (await _outcome(owner, plan, low)).json()["code"] == "capacity_plan_outcome"
    earlier = await later(other, "2026-02-01", 8)
    assert (await _outcome(owner, plan, earlier)).json()["code"] == "capacity_plan_outcome"
    elsewhere = await make_assessment(owner, conducted_on="2026-09-01")
    assert (await _outcome(owner, plan, elsewhere["id"])).json()["code"] == "capacity_plan_outcome"
    hidden = await later(owner, "2026-09-01", 8, confidentiality="AGENCY_ONLY")
    assert (await _outcome(owner, plan, hidden)).json()["code"] == "capacity_plan_outcome"
    secret = await later(other, "2026-09-01", 8, confidentiality="AGENCY_ONLY")
    assert (await _outcome(owner, plan, secret)).json()["code"] == "assessment_not_found"
    for met, result in ((3, "unchanged"), (6, "improved"), (8, "improved")):
        made = await later(other, "2026-09-01", met)
        body = (await _outcome(owner, plan, made)).json()["outcome"]
        assert (body["result"], body["before"]["assessment_id"]) == (result, low)
        assert (body["after"]["owner_agency"], body["after"]["assessment_id"]) == ("WFP", made)
    seen = (await other.read(url_of(plan)))["outcome"]
    assert (seen["before"]["rating"]["level"], seen["after"]["rating"]["level"]) == ("HIGH", "LOW")
    # A result that was reported is never mixed with one that was computed.
    judged = {"special_rating": "LOW_CAPACITY_ASSUMED_EMERGENCY", "reason": "r", "author": "a"}
    reported = await make_assessment(owner, partner, conducted_on="2026-10-01", detail=judged)
    body = (await _outcome(owner, plan, reported["id"])).json()["outcome"]
    assert body["result"] == "not_comparable"
    # Worse: from full capacity down.
    full = await later(owner, "2026-04-01", 8)
    worse = await agreed_plan(owner, partner, assessment_id=full)
    body = (await _outcome(owner, worse, await later(other, "2026-10-01", 2))).json()["outcome"]
    assert body["result"] == "worsened"
    without = await agreed_plan(owner, partner)
    assert (await _outcome(owner, without, full)).json()["code"] == "capacity_plan_outcome"
    steps = (await owner.read(f"{url_of(plan)}/steps"))["items"]
    assert [step["step"] for step in steps].count("measured") == 4


async def test_only_one_of_two_closings_counts_and_reports_come_before_or_never(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    owner, second = await api_for("UNICEF"), await api_for("UNICEF_APPROVER")
    plan = await agreed_plan(owner)
    (action,) = await actions_of(owner, plan)
    own = await partner_api(api_for, operator_database, world, plan["partner_id"])
    answers = await asyncio.gather(
        close(owner, plan, "not_completed"),
        close(second, plan, "cancelled"),
        *(report(own, plan, action, "in_progress", "/v1/self") for _ in range(4)),
    )
    assert sorted(answer.status_code for answer in answers[:2]) == [200, 409]
    assert {answer.status_code for answer in answers[2:]} <= {200, 409}
    reported = sum(answer.status_code == 200 for answer in answers[2:])
    steps = [step["step"] for step in (await owner.read(f"{url_of(plan)}/steps"))["items"]]
    assert steps[0] in ("not_completed", "cancelled")
    assert steps.count("progress") == reported
    late = await report(own, plan, action, "done", "/v1/self")
    assert late.json()["code"] == "capacity_plan_state"


@pytest.mark.parametrize(
    ("step", "wrong"),
    [
        ("progress", {"status": "done"}),
        ("progress", {"status": "verified", "note": NOTE}),
        ("progress", {"note": "x" * 4_001}),
        ("progress", {"note": NOTE, "percent": 40}),
        ("verification", {"outcome": "accepted"}),
        ("verification", {}),
    ],
)
async def test_a_report_that_does_not_fit_is_refused(
    api_for: ApiFor, step: str, wrong: dict[str, Any]
) -> None:
    owner = await api_for("UNICEF")
    plan = await agreed_plan(owner)
    (action,) = await actions_of(owner, plan)
    url = f"{url_of(plan)}/actions/{action['id']}/{step}"
    assert (await owner.post(url, json=wrong)).status_code == 422
    assert (await actions_of(owner, plan))[0]["version"] == 1


async def test_words_are_sealed_and_open_nowhere_else(
    api_for: ApiFor, operator_database: Database
) -> None:
    owner = await api_for("UNICEF")
    plan = await agreed_plan(owner, actions=[action_body(), action_body(area="PSEA_5")])
    first, second = await actions_of(owner, plan)
    await report(owner, plan, first, "in_progress")
    async with operator_database.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        for table, column in (("actions", "sealed"), ("steps", "sealed_note")):
            rows = await session.scalars(
                text(f"SELECT {column} FROM capacity_plan_{table} WHERE plan_id = :id"),
                {"id": UUID(plan["id"])},
            )
            assert all(b"Canary" not in value for value in rows if value is not None)
    read = text("SELECT sealed FROM capacity_plan_actions WHERE id = :id")
    write = text("UPDATE capacity_plan_actions SET sealed = :sealed WHERE id = :id")

    async def put(sealed: bytes | None) -> None:
        async with operator_database.session() as session:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
            await session.execute(write, {"id": UUID(first["id"]), "sealed": sealed})

    async with operator_database.session() as session:
        own = await session.scalar(read, {"id": UUID(first["id"])})
        other = await session.scalar(read, {"id": UUID(second["id"])})
    await put(other)
    moved = await owner.get(f"{url_of(plan)}/detail")
    assert (moved.status_code, "Canary" in moved.text) == (500, False)
    await put(own)  # others open every record there is


async def test_a_plan_that_is_sent_again_is_made_once(api_for: ApiFor) -> None:
    owner = await api_for("UNICEF")
    partner = (await make_partner(owner))["id"]
    key = {"Idempotency-Key": uuid4().hex}
    first = await owner.made("/v1/capacity-plans", plan_body(partner), headers=key)
    again = await owner.made("/v1/capacity-plans", plan_body(partner), headers=key)
    assert again == first
    listed = (await owner.read(f"/v1/capacity-plans?partner_id={partner}"))["items"]
    assert len(listed) == 1


async def test_the_months_of_a_window_count_as_everywhere(
    operator_database: Database,
) -> None:
    """Python says the default and PostgreSQL the limit: they must not differ by a day."""
    async with operator_database.session() as session:
        rows = (
            await session.execute(
                text(
                    "SELECT d::date AS day, (d + make_interval(months => 6))::date AS until "
                    "FROM generate_series('2027-01-01'::timestamp, '2028-12-31', '1 day') d"
                )
            )
        ).all()
    assert all(add_months(row.day, 6) == row.until for row in rows)


async def test_a_plan_outlives_its_assessments_and_stays_as_confidential(
    api_for: ApiFor, operator_database: Database
) -> None:
    """Retention may erase an assessment before the plan that followed it."""
    owner, other = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(owner))["id"]
    hidden = await low_assessment(owner, partner, confidentiality="AGENCY_ONLY")
    after = await make_assessment(owner, partner, conducted_on="2026-09-01")
    plan = await agreed_plan(owner, partner, assessment_id=hidden)
    assert (await _outcome(owner, plan, after["id"])).json()["outcome"]["result"] == "improved"
    gone = {"ids": [UUID(hidden), UUID(after["id"])]}
    async with operator_database.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(
            text("DELETE FROM assessment_details WHERE assessment_id = ANY(:ids)"), gone
        )
        await session.execute(text("SET LOCAL session_replication_role = origin"))
        await session.execute(text("ALTER TABLE assessments DISABLE TRIGGER assessments_due"))
        await session.execute(text("DELETE FROM assessments WHERE id = ANY(:ids)"), gone)
        await session.execute(text("ALTER TABLE assessments ENABLE TRIGGER assessments_due"))
    left = await owner.read(url_of(plan))
    assert (left["assessment_id"], left["level"]) == (None, "AGENCY_ONLY")
    assert (left["outcome"]["result"], left["outcome"]["before"]) == ("improved", None)
    assert (await other.get(url_of(plan))).status_code == 404
