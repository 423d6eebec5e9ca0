"""The partner's side: its notice and decision, its reply and appeal, and no more."""

from __future__ import annotations

import asyncio
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.db import Binding, Database
from tests.audit.support import add_officer
from tests.confidentiality.scene import until
from tests.conftest import ApiFor
from tests.partners.claims.support import claimed_partner
from tests.sanctions.cases.support import NOTICE, REASON, Case, code, day
from tests.support import World

URL = "/v1/self/sanction-cases"


async def test_it_reads_its_notice_and_decision_and_nothing_of_the_file(
    api_for: ApiFor, world: World
) -> None:
    partner, own = await claimed_partner(api_for, world)
    _, other = await claimed_partner(api_for, world)
    case = await Case.open(api_for, partner=partner)
    assert (await own.read(URL))["items"] == []
    await case.told()
    (seen,) = (await own.read(URL))["items"]
    assert (seen["state"], seen["agency"]) == ("notice_issued", "UNDP")
    url = f"{URL}/{seen['id']}"
    assert code(await other.get(url)) == (404, "case_not_found")
    assert code(await other.post(f"{url}/reply", json={"text": "T"})) == (404, "case_not_found")
    await case.replied()
    await case.reviewed()
    shown = await own.read(url)
    assert [item["kind"] for item in shown["texts"]] == ["notice", "reply"]
    assert shown["texts"][0]["content"]["summary"] == NOTICE["summary"]
    assert (shown["state"], shown["decided_on"]) == ("under_review", None)
    entry = (await case.decide()).json()
    shown = await own.read(url)
    assert [item["kind"] for item in shown["texts"]] == ["notice", "reply", "decision"]
    assert (shown["state"], shown["entry_id"]) == ("imposed", entry["entry_id"])
    assert "departure_reason" not in shown["texts"][2]["content"]
    assert (await (await api_for("UNDP")).get(URL)).status_code == 403


async def test_it_replies_once_and_appeals_itself(
    api_for: ApiFor, world: World, database: Database
) -> None:
    partner, own = await claimed_partner(api_for, world)
    case = await Case.open(api_for, partner=partner)
    await case.told(sent_on=day(-1))
    (seen,) = (await own.read(URL))["items"]
    url = f"{URL}/{seen['id']}"
    assert code(await own.post(f"{url}/appeals", json={"text": "T"})) == (409, "step_out_of_order")
    answers = await asyncio.gather(
        *(own.post(f"{url}/reply", json={"text": f"Canary {n}"}) for n in range(3))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    read = await case.read()
    assert (read["state"], read["reply_received_on"]) == ("REPLY_RECORDED", day())
    assert read["steps"][-1]["office"] is None
    await case.reviewed()
    assert (await case.decide()).status_code == 201
    appeal = await own.made(f"{url}/appeals", {"text": "Canary: too long."})
    assert (appeal["kind"], appeal["outcome"]) == ("appeal", None)
    again = await own.post(f"{url}/appeals", json={"text": "T"})
    assert code(again) == (409, "appeal_open")
    read = await case.read()
    assert (read["appeals"][0]["by_partner"], read["steps"][-1]["kind"]) == (True, "appeal")
    assert [item["kind"] for item in (await own.read(url))["texts"]][-1] == "appeal"
    # Below the API it moves nothing else either.
    for change in (
        "state = 'UNDER_REVIEW'",
        "reply_due_on = current_date + 90",
        "review_due_on = NULL, last_reviewed_on = current_date",
    ):
        assert await _touched(database, partner, seen["id"], change) == 0, change


async def _touched(database: Database, partner: str, respondent: str, change: str) -> int:
    """Rows that an UPDATE in the partner's name changes; none where it is refused."""
    try:
        async with database.session(Binding(partner_id=UUID(partner))) as session:
            done = await session.execute(
                text(f"UPDATE sanction_respondents SET {change} WHERE id = :id RETURNING id"),
                {"id": UUID(respondent)},
            )
            return len(done.all())
    except DBAPIError:
        return 0


async def test_of_a_dismissed_case_it_learns_that_its_notice_is_closed(
    api_for: ApiFor, world: World
) -> None:
    partner, own = await claimed_partner(api_for, world)
    case = await Case.open(api_for, partner=partner)
    await case.told()
    await (await case.decider()).made(f"{case.url}/dismissal", REASON)
    (seen,) = (await own.read(URL))["items"]
    assert (seen["state"], seen["closed_on"], seen["decided_on"]) == ("closed", day(), None)
    shown = await own.read(f"{URL}/{seen['id']}")
    assert [item["kind"] for item in shown["texts"]] == ["notice"]
    assert REASON["reason"] not in str(shown)


async def test_what_oversight_keeps_back_is_not_there(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    partner, own = await claimed_partner(api_for, world)
    case = await Case.open(api_for, partner=partner)
    await case.told()
    (seen,) = (await own.read(URL))["items"]
    step = (await case.read())["steps"][-1]["id"]
    officer = await api_for(await add_officer(operator_database, world, "UNDP", "OVSW", "OVS"))
    mark = {"subject_kind": "case_step", "subject_id": step, "until": until()}
    made = await officer.made("/v1/withholdings", mark | REASON)
    assert (await own.read(URL))["items"] == []
    url = f"{URL}/{seen['id']}"
    assert code(await own.get(url)) == (404, "case_not_found")
    assert code(await own.post(f"{url}/reply", json={"text": "T"})) == (404, "case_not_found")
    ended = await officer.post(f"/v1/withholdings/{made['id']}/end", headers={"If-Match": '"v1"'})
    if ended.status_code in (200, 201, 204):
        assert [item["id"] for item in (await own.read(URL))["items"]] == [seen["id"]]


async def test_it_sees_a_recorded_decision_once_it_is_listed(api_for: ApiFor, world: World) -> None:
    from tests.sanctions.cases.test_recorded import CERTIFICATE, body
    from tests.sanctions.cases.test_recorded import URL as RECORDED

    partner, own = await claimed_partner(api_for, world)
    made = await (await api_for("UNDP")).made(RECORDED, body(partner))
    assert (await own.read(URL))["items"] == []
    certified = f"/v1/sanctions/cases/{made['id']}/certificate"
    await (await api_for("UNDP_APPROVER")).made(certified, CERTIFICATE)
    (seen,) = (await own.read(URL))["items"]
    assert (seen["state"], seen["decided_on"]) == ("imposed", "2024-09-30")
    appeal = {"text": "Canary", "kind": "reconsideration"}
    await own.made(f"{URL}/{seen['id']}/appeals", appeal)
