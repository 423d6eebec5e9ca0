"""PSEA self-assessments: from the partner's draft to the agency's, and apart from each other."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from app.core.db import Binding, Database
from tests.assessments.self_assessments.factories import (
    AGENCY,
    SELF,
    WORDS,
    answers,
    decide,
    hand_in,
    patch,
    self_body,
    start,
)
from tests.assessments.support import as_superuser, code, denied, run
from tests.audit.support import add_officer, events_of
from tests.conftest import ApiFor
from tests.partners.claims.support import claimed, claimed_partner
from tests.partners.factories import make_partner
from tests.support import Api, World


@pytest.fixture
async def own(api_for: ApiFor, world: World) -> Api:
    """A partner's client."""
    return (await claimed_partner(api_for, world))[1]


def said(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The answers, without what was left out of them."""
    return [{name: value for name, value in one.items() if value} for one in found["standards"]]


async def test_from_the_first_answer_to_the_agencys_own_result(
    own: Api, api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    made = await start(own, standards=answers()[:3])
    assert (made["state"], made["methodology"], made["version"]) == ("draft", "UN-PSEA-2020", 1)
    assert said(made) == answers()[:3]
    assert await code(unicef, f"{AGENCY}/{made['id']}") == (404, "self_assessment_not_found")
    refused = await patch(own, made, status="submitted")
    assert (refused.status_code, refused.json()["code"]) == (422, "answers_invalid")
    assert {item["pointer"] for item in refused.json()["errors"]} == {"/standards"}
    given = (await patch(own, made, standards=answers(6))).json()
    sent = (await patch(own, given, status="submitted")).json()
    assert (sent["state"], sent["version"], said(sent)) == ("submitted", 3, answers(6))

    read = await unicef.read(f"{AGENCY}/{made['id']}")
    assert said(read) == answers(6)
    listed = (await unicef.read(AGENCY, params={"partner_id": made["partner_id"]}))["items"]
    assert [one["id"] for one in listed] == [made["id"]]
    assert "standards" not in listed[0]
    back = await decide(unicef, sent, decision="return", reason="Canary: say how you train.")
    assert back.status_code == 200, back.text
    assert (back.json()["state"], back.json()["standards"]) == ("returned", None)
    mine = await own.read(f"{SELF}/{made['id']}")
    assert mine["return_reason"] == "Canary: say how you train."
    sent = (await patch(own, mine, standards=answers(7), status="submitted")).json()

    taken = await decide(unicef, sent, decision="take_up")
    assert taken.status_code == 200, taken.text
    draft = taken.json()["assessment_id"]
    summary = await unicef.read(f"/v1/assessments/{draft}")
    assert (summary["status"], summary["rating"]) == ("draft", None)
    assert WORDS not in str(summary)
    detail = await unicef.read(f"/v1/assessments/{draft}/detail")
    assert detail["self_assessment_id"] == made["id"]
    told = [(item["number"], item["result"]) for item in detail["detail"]["standards"]]
    assert told == [(item["number"], item["result"]) for item in answers(7)]
    assert detail["detail"]["standards"][0]["comment"] == WORDS
    # The agency's own view goes its own way; what the partner said stays.
    changed = await unicef.patch(
        f"/v1/assessments/{draft}",
        json={"status": "final", "conducted_on": "2026-05-02",
              "detail": {"standards": [
                  {"number": number, "result": "not_met"} for number in range(1, 9)]}},
        headers={"If-Match": '"v1"'},
    )  # fmt: skip
    assert changed.json()["rating"]["value"] == "LOW_CAPACITY"
    mine = await own.read(f"{SELF}/{made['id']}")
    assert (mine["state"], said(mine), mine["assessment_id"]) == ("taken_up", answers(7), None)
    logged = [row.event for row in await events_of(operator_database, made["id"])]
    assert [
        name.rpartition(":")[2]
        for name in logged
        if name.startswith("assessment") and not name.endswith("read")
    ] == [*("start", "change", "submit", "return", "submit", "take_up")]


async def test_two_who_take_it_up_at_once_make_one_draft(own: Api, api_for: ApiFor) -> None:
    sent = await hand_in(own)
    callers = [await api_for(name) for name in ("UNICEF", "UNICEF_APPROVER", "UNICEF_REVIEWER")]
    done = await asyncio.gather(*(decide(api, sent, decision="take_up") for api in callers))
    assert sorted(answer.status_code for answer in done) == [200, 412, 412]
    listed = await callers[0].read("/v1/assessments", params={"partner_id": sent["partner_id"]})
    assert [one["status"] for one in listed["items"]] == ["draft"]


async def test_one_is_open_for_each_agency_at_a_time(own: Api, api_for: ApiFor) -> None:
    first = await asyncio.gather(*(own.post(SELF, json=self_body()) for _ in range(2)))
    assert sorted(answer.status_code for answer in first) == [201, 409]
    made = next(answer.json() for answer in first if answer.status_code == 201)
    other = await start(own, agency="WFP")
    assert (await patch(own, made, status="withdrawn")).json()["state"] == "withdrawn"
    again = await start(own)
    ids = [one["id"] for one in (await own.read(SELF))["items"]]
    assert ids == [again["id"], other["id"], made["id"]]
    # What was never handed in was never the agency's to know of.
    unicef = await api_for("UNICEF")
    assert await code(unicef, f"{AGENCY}/{made['id']}") == (404, "self_assessment_not_found")


async def test_only_its_partner_and_its_agency_see_it(
    own: Api, api_for: ApiFor, world: World, database: Database
) -> None:
    sent = await hand_in(own)
    stranger = (await claimed_partner(api_for, world))[1]
    for api in (await api_for("WFP"), await api_for("UNHCR")):
        assert await code(api, f"{AGENCY}/{sent['id']}") == (404, "self_assessment_not_found")
        assert (await api.read(AGENCY))["items"] == []
        refused = await decide(api, sent, decision="take_up")
        assert (refused.status_code, refused.json()["code"]) == (404, "self_assessment_not_found")
    assert await code(stranger, f"{SELF}/{sent['id']}") == (404, "self_assessment_not_found")
    assert (await patch(stranger, sent, status="withdrawn")).status_code == 404
    assert (await own.get(AGENCY)).status_code == 403
    sql = "SELECT id FROM psea_self_assessments WHERE id = :id"
    seen = {
        name: len(await run(database, world.agencies[name], sql, id=UUID(sent["id"])))
        for name in ("UNICEF", "WFP")
    }
    assert seen == {"UNICEF": 1, "WFP": 0}


async def test_of_what_the_partner_took_back_the_agency_reads_no_answers(
    own: Api, api_for: ApiFor
) -> None:
    unicef = await api_for("UNICEF")
    sent = await hand_in(own)
    assert (await patch(own, sent, standards=answers(1))).status_code == 409
    gone = (await patch(own, sent, status="withdrawn")).json()
    read = await unicef.read(f"{AGENCY}/{sent['id']}")
    assert (read["state"], read["standards"]) == ("withdrawn", None)
    for decision in ({"decision": "take_up"}, {"decision": "return", "reason": "More, please."}):
        refused = await decide(unicef, gone, **decision)
        assert (refused.status_code, refused.json()["code"]) == (409, "self_assessment_step")


async def test_what_does_not_fit_is_refused(own: Api, api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    one = answers()
    for standards, expected in (
        ([one[0], one[0]], "standard_repeated"),
        ([{"number": 1, "result": "not_applicable"}], "always_applicable"),
        ([{"number": 2, "result": "met", "evidence": ["psea_policy"]}], "evidence_unfit"),
    ):
        refused = await own.post(SELF, json=self_body(standards=standards))
        assert (refused.status_code, refused.json()["code"]) == (422, "answers_invalid")
        assert [item["code"] for item in refused.json()["errors"]] == [expected]
    bad: list[dict[str, Any]] = [
        self_body(standards=[{"number": 9, "result": "met"}]),
        self_body(standards=[{"number": 1, "result": "yes"}]),
        self_body(standards=[{"number": 1, "result": "met", "evidence": ["victim_list"]}]),
        self_body(agency="NOBODY"),
        self_body(partner_id="x"),
    ]
    for body in bad:
        assert (await own.post(SELF, json=body)).status_code == 422, body
    sent = await hand_in(own)
    assert (await decide(unicef, sent, decision="return")).json()["code"] == "reason_missing"
    assert (await decide(unicef, sent | {"version": 7}, decision="take_up")).status_code == 412
    assert (await patch(own, sent)).json()["code"] == "patch_empty"
    no_match = await unicef.post(f"{AGENCY}/{sent['id']}/decision", json={"decision": "take_up"})
    assert no_match.status_code == 428


async def test_the_database_holds_to_the_steps_and_to_whose_words_they_are(
    own: Api, database: Database, world: World, operator_database: Database
) -> None:
    sent = await hand_in(own)
    key = UUID(sent["id"])
    owner, partner = world.agencies["UNICEF"], Binding(partner_id=UUID(sent["partner_id"]))
    change = "UPDATE psea_self_assessments SET version = version + 1, {} WHERE id = :id"
    lies: tuple[tuple[UUID | Binding, str], ...] = (
        (owner, "sealed = 'other words'"),
        (owner, "state = 'withdrawn'"),
        (owner, "state = 'draft'"),
        (partner, "sealed = 'other words'"),
        (partner, "state = 'draft'"),
        (partner, "state = 'returned', sealed_reason = 'x', decided_by = NULL"),
        (partner, "state = 'taken_up', assessment_id = gen_random_uuid()"),
    )
    for bound, what in lies:
        assert await denied(database, bound, change.format(what), id=key) == "23514", what
    skip = "UPDATE psea_self_assessments SET state = 'taken_up' WHERE id = :id"
    assert await denied(database, owner, skip, id=key) == "23514"


async def test_a_role_without_the_right_neither_reads_nor_decides(
    own: Api, api_for: ApiFor, world: World, operator_database: Database
) -> None:
    sent = await hand_in(own)
    roles = {"PFP": (200, 200), "CO": (200, 403), "HFP": (404, 403), "SAO": (403, 403)}
    for role, (read, taken) in roles.items():
        name = await add_officer(operator_database, world, "UNICEF", f"{role}S", role)
        api = await api_for(name)
        assert (await api.get(f"{AGENCY}/{sent['id']}")).status_code == read, role
        shown = await api.get(AGENCY, params={"partner_id": sent["partner_id"]})
        if read == 200:
            assert [one["id"] for one in shown.json()["items"]] == [sent["id"]]
        elif read == 404:
            assert shown.json()["items"] == []
        if role != "PFP":
            assert (await decide(api, sent, decision="take_up")).status_code == taken, role
    pfp = await api_for("UNICEF_PFPS")
    assert (await decide(pfp, sent, decision="take_up")).status_code == 200


async def test_one_of_a_protected_partner_is_for_those_who_may_know_of_it(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    wfp = await api_for("WFP")
    partner = (await make_partner(wfp, protected=True))["id"]
    own = (await claimed(api_for, world, partner, filer="WFP"))[0]
    sent = await hand_in(own)
    plain = await api_for("UNICEF", "assessments:detail", "assessments:write", "partners:read")
    holder = await api_for("UNICEF")
    assert await code(plain, f"{AGENCY}/{sent['id']}") == (404, "self_assessment_not_found")
    assert sent["id"] not in str((await plain.read(AGENCY))["items"])
    assert (await decide(plain, sent, decision="take_up")).status_code == 404
    assert (await holder.read(f"{AGENCY}/{sent['id']}"))["state"] == "submitted"


async def test_answers_that_were_moved_to_another_partner_do_not_open(
    api_for: ApiFor, world: World, settings: Any
) -> None:
    unicef = await api_for("UNICEF")
    sent = [await hand_in((await claimed_partner(api_for, world))[1]) for _ in range(2)]
    first, second = [UUID(one["id"]) for one in sent]
    read = "SELECT sealed FROM psea_self_assessments WHERE id = $1"
    write = "UPDATE psea_self_assessments SET sealed = $1 WHERE id = $2"
    async with as_superuser(settings) as connection:
        await connection.execute("SET session_replication_role = replica")
        own = await connection.fetchval(read, second)
        await connection.execute(write, await connection.fetchval(read, first), second)
        answer = await unicef.get(f"{AGENCY}/{sent[1]['id']}")
        # Others open every record there is.
        await connection.execute(write, own, second)
    assert answer.status_code == 500
    assert "Canary" not in answer.text
    assert (await unicef.get(f"{AGENCY}/{sent[0]['id']}")).status_code == 200
