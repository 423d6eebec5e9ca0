"""From draft to the end: what moves where, who decides, what others see of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.assessments.life_cycle.upkeep import notify_expiring, open_held
from app.assessments.types import ALL
from app.core.db import Database
from tests.assessments.factories import (
    PURPOSE,
    SECRET,
    assessment_body,
    make_assessment,
    make_share,
    psea_detail,
    request_body,
)
from tests.assessments.support import denied
from tests.conftest import ApiFor, Settle
from tests.partners.factories import make_partner
from tests.support import Api, World

URL = "/v1/assessments"
WITHDRAWAL = {"reason": "ERROR_FOUND", "note": "Canary: answers of another partner"}
REASON = "Canary: two findings are open"


def at(version: int) -> dict[str, str]:
    return {"If-Match": f'"v{version}"'}


async def move(api: Api, one: dict[str, Any], **fields: Any) -> Any:
    return await api.patch(f"{URL}/{one['id']}", json=fields, headers=at(one["version"]))


async def moved(api: Api, one: dict[str, Any], **fields: Any) -> dict[str, Any]:
    answer = await move(api, one, **fields)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def withdraw(api: Api, one: dict[str, Any], version: int | None = None) -> Any:
    headers = at(version or one["version"])
    return await api.post(f"{URL}/{one['id']}/withdrawal", json=WITHDRAWAL, headers=headers)


async def seen(api: Api, one: dict[str, Any]) -> dict[str, Any]:
    return await api.read(f"{URL}/{one['id']}")


# ------------------------------------------------------------------------------------ moving on


async def test_a_draft_is_submitted_sent_back_and_filed(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    draft = await make_assessment(unicef, status="draft")
    submitted = await moved(unicef, draft, status="submitted")
    assert submitted["status"] == "submitted"
    assert submitted["rating"]["value"] == "FULL_CAPACITY"
    assert submitted["submitted_at"]
    assert (await wfp.get(f"{URL}/{draft['id']}")).status_code == 404
    edit = await move(unicef, submitted, detail=psea_detail(2))
    assert (edit.status_code, edit.json()["code"]) == (409, "assessment_submitted")
    silent = await move(unicef, submitted, status="draft")
    assert (silent.status_code, silent.json()["code"]) == (422, "note_missing")
    back = await moved(unicef, submitted, status="draft", note="Canary: standard 3 has no proof")
    assert (back["status"], back["rating"]) == ("draft", None)
    again = await moved(unicef, back, status="submitted", detail=psea_detail(6))
    final = await moved(unicef, again, status="final")
    assert (final["status"], final["rating"]["value"]) == ("final", "MEDIUM_CAPACITY")
    assert (await seen(wfp, final))["finalised_at"]
    notes = (await unicef.read(f"{URL}/{draft['id']}/notes"))["items"]
    assert [(note["kind"], note["text"]) for note in notes] == [
        ("sent_back", "Canary: standard 3 has no proof")
    ]
    assert (await wfp.get(f"{URL}/{draft['id']}/notes")).status_code == 404


async def test_an_incomplete_draft_is_not_submitted(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    draft = await make_assessment(unicef, status="draft", detail={})
    answer = await move(unicef, draft, status="submitted")
    assert (answer.status_code, answer.json()["code"]) == (422, "detail_invalid")


@pytest.mark.parametrize("first", ["draft", "submitted"])
async def test_a_cancelled_one_says_why_and_stays_so(api_for: ApiFor, first: str) -> None:
    unicef = await api_for("UNICEF")
    one = await make_assessment(unicef, status="draft")
    if first == "submitted":
        one = await moved(unicef, one, status="submitted")
    assert (await move(unicef, one, status="cancelled")).json()["code"] == "note_missing"
    gone = await moved(unicef, one, status="cancelled", note="The project ended.")
    assert gone["status"] == "cancelled"
    assert (await move(unicef, gone, status="draft", note="x")).status_code == 409
    shared = await unicef.post(
        f"{URL}/{one['id']}/shares",
        json={"shared_with": "WFP", "level": "detail", "purpose": "AUDIT"},
    )
    assert shared.json()["code"] == "not_shareable"


async def test_the_floor_knows_no_way_back(
    api_for: ApiFor, database: Database, world: World
) -> None:
    unicef = await api_for("UNICEF")
    final = UUID((await make_assessment(unicef))["id"])
    sql = "UPDATE assessments SET status = 'draft', level = 'AGENCY_ONLY' WHERE id = :id"
    assert await denied(database, world.agencies["UNICEF"], sql, id=final) == "23514"


# ------------------------------------------------------------------------------------ superseding


async def test_a_later_result_supersedes_and_a_withdrawal_puts_back(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(unicef))["id"]
    first = await make_assessment(unicef, partner, conducted_on="2024-03-01")
    assert first["status"] == "final"
    second = await make_assessment(unicef, partner, detail=psea_detail(3))
    third = await make_assessment(unicef, partner, conducted_on="2025-01-15")
    assert (third["status"], third["superseded_by"]) == ("superseded", second["id"])
    one = await seen(wfp, first)
    assert (one["status"], one["superseded_by"], one["version"]) == ("superseded", second["id"], 2)
    assert (await seen(wfp, second))["rating"]["value"] == "LOW_CAPACITY"
    current = await wfp.read(f"{URL}?partner_id={partner}&status=final")
    assert [item["id"] for item in current["items"]] == [second["id"]]
    gone = (await withdraw(unicef, second)).json()
    assert (gone["status"], gone["withdrawal_reason"]) == ("withdrawn", "ERROR_FOUND")
    back = await seen(wfp, third)
    assert (back["status"], back["superseded_by"]) == ("final", None)
    assert (await seen(wfp, first))["superseded_by"] == third["id"]
    assert (await seen(wfp, second))["status"] == "withdrawn"


async def test_other_owners_types_and_partners_are_left_alone(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(unicef))["id"]
    mine = await make_assessment(unicef, partner)
    theirs = await make_assessment(wfp, partner)
    elsewhere = await make_assessment(unicef)
    private = await make_assessment(unicef, partner, confidentiality="AGENCY_ONLY")
    for one in (mine, theirs, elsewhere, private):
        owner = wfp if one is theirs else unicef
        assert (await seen(owner, one))["status"] == "final"


async def test_what_is_superseded_stays_shared_and_what_is_withdrawn_does_not(
    api_for: ApiFor,
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(unicef))["id"]
    first = await make_assessment(unicef, partner)
    await make_share(unicef, first["id"])
    other = await make_assessment(unicef, partner, detail=psea_detail(4))
    asked = await wfp.made("/v1/access-requests", request_body(other["id"]))
    read = await wfp.get(f"{URL}/{first['id']}/detail", headers=PURPOSE)
    assert read.json()["detail"]["standards"][0]["comment"] == SECRET
    assert read.json()["status"] == "superseded"
    assert (await withdraw(unicef, first, 2)).status_code == 201
    assert (await wfp.get(f"{URL}/{first['id']}/detail", headers=PURPOSE)).status_code == 404
    (share,) = (await unicef.read(f"{URL}/{first['id']}/shares"))["items"]
    assert (share["status"], share["end_reason"]) == ("ended", "assessment_withdrawn")
    assert (await withdraw(unicef, other)).status_code == 201
    closed = await wfp.read(f"/v1/access-requests/{asked['id']}")
    assert (closed["status"], closed["close_reason"]) == ("closed", "assessment_withdrawn")


async def test_two_filed_at_once_leave_one_current(api_for: ApiFor) -> None:
    unicef, second = await api_for("UNICEF"), await api_for("UNICEF_APPROVER")
    partner = (await make_partner(unicef))["id"]
    bodies = [assessment_body(partner, conducted_on=f"2026-0{n}-01") for n in (1, 2, 3, 4)]
    answers = await asyncio.gather(
        *((unicef if n % 2 else second).post(URL, json=body) for n, body in enumerate(bodies))
    )
    assert {answer.status_code for answer in answers} == {201}
    items = (await unicef.read(f"{URL}?partner_id={partner}"))["items"]
    current = [item["conducted_on"] for item in items if item["status"] == "final"]
    assert current == ["2026-04-01"]
    assert {item["status"] for item in items} == {"final", "superseded"}


# ------------------------------------------------------------------------------------ withdrawal


async def test_only_its_owner_withdraws_a_final_one_once(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    one = await make_assessment(unicef, confidentiality="INTER_AGENCY")
    assert (await withdraw(wfp, one)).status_code == 404
    stale = await withdraw(unicef, one, 7)
    assert stale.status_code == 412
    assert (await withdraw(unicef, one)).status_code == 201
    twice = await withdraw(unicef, one, 2)
    assert (twice.status_code, twice.json()["code"]) == (409, "assessment_not_final")
    draft = await make_assessment(unicef, status="draft")
    assert (await withdraw(unicef, draft)).json()["code"] == "assessment_not_final"


# ------------------------------------------------------------------------------------ adjusted


async def propose(api: Api, one: dict[str, Any], value: str = "LOW_CAPACITY") -> Any:
    body = {"value": value, "reason": REASON}
    return await api.post(f"{URL}/{one['id']}/adjustments", json=body)


async def test_a_rating_is_adjusted_by_two_persons_and_the_first_one_kept(
    api_for: ApiFor,
) -> None:
    unicef, second = await api_for("UNICEF"), await api_for("UNICEF_APPROVER")
    wfp = await api_for("WFP")
    one = await make_assessment(unicef)
    proposed = (await propose(unicef, one)).json()
    assert (proposed["state"], proposed["level"], proposed["reason"]) == (
        "proposed",
        "HIGH",
        REASON,
    )
    assert (await propose(second, one)).json()["code"] == "adjustment_open"
    assert (await seen(wfp, one))["adjusted_rating"] is None
    url = f"{URL}/{one['id']}/adjustments/{proposed['id']}/decision"
    alone = await unicef.post(url, json={"decision": "approve"}, headers=at(1))
    assert (alone.status_code, alone.json()["code"]) == (409, "same_person")
    assert (await second.post(url, json={"decision": "approve"}, headers=at(2))).status_code == 412
    decided = await second.post(url, json={"decision": "approve"}, headers=at(1))
    assert (decided.status_code, decided.json()["state"]) == (200, "approved")
    shown = await seen(wfp, one)
    assert shown["rating"]["value"] == "FULL_CAPACITY"
    assert shown["adjusted_rating"]["value"] == "LOW_CAPACITY"
    assert shown["adjusted_rating"]["level"] == "HIGH"
    assert shown["version"] == 2
    again = await second.post(url, json={"decision": "approve"}, headers=at(2))
    assert again.json()["code"] == "adjustment_decided"
    listed = (await unicef.read(f"{URL}/{one['id']}/adjustments"))["items"]
    assert [item["state"] for item in listed] == ["approved"]
    assert (await wfp.get(f"{URL}/{one['id']}/adjustments")).status_code == 404
    high = await wfp.read(f"{URL}?partner_id={one['partner_id']}&rating_level=HIGH")
    assert [item["id"] for item in high["items"]] == [one["id"]]


async def test_a_refused_adjustment_changes_nothing(api_for: ApiFor) -> None:
    unicef, second = await api_for("UNICEF"), await api_for("UNICEF_APPROVER")
    one = await make_assessment(unicef)
    proposed = (await propose(unicef, one)).json()
    url = f"{URL}/{one['id']}/adjustments/{proposed['id']}/decision"
    silent = await second.post(url, json={"decision": "refuse"}, headers=at(1))
    assert silent.status_code == 422
    body = {"decision": "refuse", "reason": "Canary: they were closed"}
    refused = await second.post(url, json=body, headers=at(1))
    assert refused.json()["decision_reason"] == "Canary: they were closed"
    assert (await seen(unicef, one))["version"] == 1
    assert (await propose(unicef, one)).status_code == 201


@pytest.mark.parametrize("value", ["FULL_CAPACITY", "TERRIBLE"])
async def test_an_adjustment_is_to_another_rating_of_the_scheme(
    api_for: ApiFor, value: str
) -> None:
    unicef = await api_for("UNICEF")
    answer = await propose(unicef, await make_assessment(unicef), value)
    assert (answer.status_code, answer.json()["code"]) == (422, "adjustment_value_invalid")


async def test_no_draft_is_adjusted(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    draft = await make_assessment(unicef, status="draft")
    assert (await propose(unicef, draft)).json()["code"] == "assessment_not_final"


# ------------------------------------------------------------------------------------ milestones


async def step(api: Api, one: dict[str, Any], code: str, day: str) -> Any:
    body = {"code": code, "reached_on": day}
    return await api.post(f"{URL}/{one['id']}/milestones", json=body)


async def test_milestones_are_set_once_and_never_go_back(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    draft = await make_assessment(unicef, status="draft")
    assert (await step(unicef, draft, "field_visit", "2026-02-10")).status_code == 201
    for code, day in (
        ("draft_to_partner", "2026-02-09"),
        ("partner_contacted", "2026-02-11"),
        ("field_visit", "2026-02-12"),
    ):
        wrong = await step(unicef, draft, code, day)
        assert (wrong.status_code, wrong.json()["code"]) == (409, "milestone_order"), code
    ahead = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    assert (await step(unicef, draft, "report_submitted", ahead)).status_code == 422
    assert (await step(unicef, draft, "partner_contacted", "2026-02-10")).status_code == 201
    assert (await wfp.get(f"{URL}/{draft['id']}/milestones")).status_code == 404
    assert (await step(wfp, draft, "agency_comments", "2026-02-20")).status_code == 404
    await moved(unicef, draft, status="final")
    listed = (await wfp.read(f"{URL}/{draft['id']}/milestones"))["items"]
    assert [item["code"] for item in listed] == ["partner_contacted", "field_visit"]
    late = await step(unicef, draft, "report_submitted", "2026-03-01")
    assert late.json()["code"] == "assessment_final"


async def test_two_milestones_at_once_keep_their_order(api_for: ApiFor) -> None:
    unicef, second = await api_for("UNICEF"), await api_for("UNICEF_APPROVER")
    for _ in range(3):
        draft = await make_assessment(unicef, status="draft")
        answers = await asyncio.gather(
            step(unicef, draft, "field_visit", "2026-02-10"),
            step(second, draft, "draft_to_partner", "2026-02-01"),
        )
        assert sorted(answer.status_code for answer in answers) == [201, 409]


# ------------------------------------------------------------------------------------ joint work


async def test_who_takes_part_is_shown_and_only_a_draft_changes_it(
    api_for: ApiFor, database: Database, world: World
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    draft = await make_assessment(
        unicef,
        status="draft",
        participating_agencies=["WFP", "UNDP"],
        assessor={"kind": "firm", "name": "Lake Audit LLP"},
    )
    assert draft["participating_agencies"] == ["UNDP", "WFP"]
    final = await moved(unicef, draft, participating_agencies=["WFP"], status="final")
    shown = await seen(wfp, final)
    assert shown["participating_agencies"] == ["WFP"]
    assert shown["assessor"] == {"kind": "firm", "name": "Lake Audit LLP"}
    sql = "DELETE FROM assessment_participants WHERE assessment_id = :id RETURNING 1"
    async with database.session(world.agencies["UNICEF"]) as session:
        gone = await session.execute(text(sql), {"id": UUID(draft["id"])})
        assert gone.all() == []


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"participating_agencies": ["UNICEF"]}, "/participating_agencies"),
        ({"participating_agencies": ["NOBODY"]}, None),
        ({"assessor": {"kind": "consultant", "name": "Jane Doe"}}, "/assessor"),
        ({"assessor": {"kind": "wizard"}}, "/assessor/kind"),
    ],
)
async def test_bad_parties_are_refused(
    api_for: ApiFor, fields: dict[str, Any], pointer: str | None
) -> None:
    unicef = await api_for("UNICEF")
    partner = (await make_partner(unicef))["id"]
    answer = await unicef.post(URL, json=assessment_body(partner, **fields))
    assert answer.status_code == 422
    if pointer is not None:
        assert answer.json()["errors"][0]["pointer"] == pointer


async def test_filers_are_told_what_others_have(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    partner = (await make_partner(unicef))["id"]
    first = await make_assessment(unicef, partner)
    assert "warnings" not in first
    await make_assessment(await api_for("UNDP"), partner, confidentiality="AGENCY_ONLY")
    url = f"{URL}/overlaps?partner_id={partner}&type=psea"
    (known,) = (await wfp.read(url))["items"]
    assert (known["code"], known["agency"]) == ("assessment_exists", "UNICEF")
    assert known["assessment_id"] == first["id"]
    assert (await unicef.read(url))["items"] == []
    second = await make_assessment(wfp, partner, status="draft")
    assert [item["agency"] for item in second["warnings"]] == ["UNICEF"]


# ------------------------------------------------------------------------------------ time


async def test_an_expired_one_is_shown_so_and_told_once(
    api_for: ApiFor, worker_database: Database, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    old = await make_assessment(unicef, conducted_on="2020-05-05")
    assert old["status"] == "expired"
    soon = await make_assessment(unicef)
    day = (datetime.now(UTC) + timedelta(days=59)).date()
    async with operator_database.session() as session:
        await session.execute(
            text("UPDATE assessments SET valid_until = :day WHERE id = :id"),
            {"day": day, "id": UUID(soon["id"])},
        )
    listed = await unicef.read(f"{URL}?status=expired&partner_id={old['partner_id']}")
    assert [item["id"] for item in listed["items"]] == [old["id"]]
    assert not (await unicef.read(f"{URL}?status=final&partner_id={old['partner_id']}"))["items"]
    url = f"{URL}?partner_id={soon['partner_id']}&expiring_before="
    assert (await unicef.read(url + (day + timedelta(days=1)).isoformat()))["items"]
    assert not (await unicef.read(url + day.isoformat()))["items"]
    while await notify_expiring(worker_database):
        pass
    told = (
        "SELECT type, (data ->> 'days')::int AS days FROM outbox WHERE subject_id = :id "
        "AND type LIKE 'assessment.expir%'"
    )

    async def notices(one: dict[str, Any]) -> list[tuple[str, int]]:
        async with operator_database.session() as session:
            found = await session.execute(text(told), {"id": UUID(one["id"])})
            return [tuple(row) for row in found]

    assert await notices(old) == [("assessment.expired", 0)]
    assert await notices(soon) == [("assessment.expiring", 60)]
    assert await notify_expiring(worker_database) == 0


@pytest.mark.parametrize(
    ("left", "told"),
    [(91, []), (90, [90]), (61, [90]), (60, [60]), (30, [30]), (0, [30]), (-1, [0])],
)
async def test_notice_is_given_on_its_day(
    api_for: ApiFor,
    worker_database: Database,
    operator_database: Database,
    left: int,
    told: list[int],
) -> None:
    one = UUID((await make_assessment(await api_for("UNICEF")))["id"])
    day = (datetime.now(UTC) + timedelta(days=left)).date()
    async with operator_database.session() as session:
        sql = (
            "UPDATE assessments SET valid_until = :day, conducted_on = '2020-01-01' WHERE id = :id"
        )
        await session.execute(text(sql), {"day": day, "id": one})
    while await notify_expiring(worker_database):
        pass
    sql = (
        "SELECT (data ->> 'days')::int FROM outbox WHERE subject_id = :id "
        "AND type LIKE 'assessment.expir%'"
    )
    async with operator_database.session() as session:
        assert list(await session.scalars(text(sql), {"id": one})) == told


async def test_the_partner_has_the_first_word_for_its_days(
    api_for: ApiFor,
    worker_database: Database,
    operator_database: Database,
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    methodologies = dict(ALL["psea"].methodologies)
    code = "UN-PSEA-2020"
    methodologies[code] = methodologies[code].model_copy(update={"comment_days": 15})
    monkeypatch.setitem(ALL["psea"].__dict__, "methodologies", methodologies)
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    one = await make_assessment(unicef, confidentiality="INTER_AGENCY")
    assert one["status"] == "final"
    ends = datetime.fromisoformat(one["held_until"])
    assert timedelta(days=14) < ends - datetime.now(UTC) <= timedelta(days=15)
    assert (await wfp.get(f"{URL}/{one['id']}")).status_code == 404
    assert (await wfp.get(f"{URL}/{one['id']}/detail")).status_code == 404
    await open_held(worker_database)
    assert (await wfp.get(f"{URL}/{one['id']}")).status_code == 404
    async with operator_database.session() as session:
        await session.execute(
            text("UPDATE assessments SET held_until = now() WHERE id = :id"),
            {"id": UUID(one["id"])},
        )
    assert await open_held(worker_database) >= 1
    shown = await seen(wfp, one)
    assert (shown["held_until"], shown["version"]) == (None, 2)
    assert (await wfp.get(f"{URL}/{one['id']}/detail")).status_code == 200
    # Who has recorded that the partner commented on the draft need not wait again.
    draft = await make_assessment(unicef, status="draft", confidentiality="INTER_AGENCY")
    assert (await step(unicef, draft, "partner_comments", "2026-02-10")).status_code == 201
    heard = await moved(unicef, draft, status="final")
    assert heard["held_until"] is None
    assert (await wfp.get(f"{URL}/{draft['id']}")).status_code == 200
