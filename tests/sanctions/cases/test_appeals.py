"""Appeals and releases: by persons who had no part, and what they do to the measure."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from app.core.db import Database
from tests.conftest import ApiFor
from tests.sanctions.cases.support import REASON, Case, code, day, fourth, version
from tests.sanctions.factories import TERMS
from tests.support import World

APPEAL = {"filed_on": day(), "text": "Canary: too long."}
LESS = {"measure": "CENSURE", "effective_from": day()}


async def _filed(case: Case, **more: Any) -> Any:
    return await (await case.investigator()).made(f"{case.url}/appeals", APPEAL | more)


async def _entry(case: Case, entry: Any) -> Any:
    return await (await case.investigator()).read(f"/v1/sanctions/entries/{entry['entry_id']}")


@pytest.mark.parametrize("outcome", ["upheld", "reduced", "overturned"])
async def test_what_an_appeal_does_to_the_measure(
    api_for: ApiFor, operator_database: Database, world: World, outcome: str
) -> None:
    case = await Case.open(api_for)
    entry = await case.imposed()
    appeal = await _filed(case)
    url = f"{case.url}/appeals/{appeal['id']}/decision"
    body = {"outcome": outcome} | REASON | ({"terms": LESS} if outcome == "reduced" else {})
    for mine in (await case.investigator(), await case.reviewer(), await case.decider()):
        assert code(await mine.post(url, json=body, headers=version(1))) == (409, "same_person")
    judge = await fourth(api_for, operator_database, world)
    assert (await judge.post(url, json=body, headers=version(2))).status_code == 412
    wrong = body | {"terms": None if outcome == "reduced" else LESS}
    assert code(await judge.post(url, json=wrong, headers=version(1))) == (422, "terms_needed")
    done = await judge.made(url, body, headers=version(1))
    assert (done["outcome"], done["decided_on"]) == (outcome, day())
    after = {"upheld": "ACTIVE", "reduced": "SUPERSEDED", "overturned": "LIFTED"}
    assert (await _entry(case, entry))["status"] == after[outcome]
    after = (await case.read())["respondents"][0]["entry_id"]
    assert (after == entry["entry_id"]) == (outcome != "reduced")
    again = await judge.post(url, json=body, headers=version(2))
    assert code(again) == (409, "step_out_of_order")


async def test_an_appeal_has_its_period_and_a_reconsideration_none(
    api_for: ApiFor, operator_database: Database
) -> None:
    case = await Case.open(api_for)
    url = f"{case.url}/appeals"
    investigator = await case.investigator()
    assert code(await investigator.post(url, json=APPEAL)) == (409, "step_out_of_order")
    await case.imposed()
    early = await investigator.post(url, json=APPEAL | {"filed_on": day(-1)})
    assert code(early) == (422, "date_not_possible")
    ahead = await investigator.post(url, json=APPEAL | {"filed_on": day(1)})
    assert code(ahead) == (422, "date_not_possible")
    async with operator_database.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(
            text(
                "UPDATE sanction_respondents SET reply_due_on = current_date - 90, "
                "notice_sent_on = current_date - 130, reply_received_on = NULL, "
                "reviewed_on = current_date - 80, decided_on = current_date - 70, "
                "decision_sent_on = current_date - 60, appeal_due_on = current_date - 30 "
                "WHERE case_id = :id"
            ),
            {"id": case.opened["id"]},
        )
    assert code(await investigator.post(url, json=APPEAL)) == (409, "appeal_period_over")
    filed = await _filed(case, kind="reconsideration")
    assert filed["suspensive"] is False
    other = await investigator.post(url, json=APPEAL | {"kind": "reconsideration"})
    assert code(other) == (409, "appeal_open")


async def test_three_persons_release_from_conditions(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    case = await Case.open(api_for)
    url = f"{case.url}/releases"
    investigator, reviewer = await case.investigator(), await case.reviewer()
    evidence = {"text": "Canary: programme in place."}
    assert code(await investigator.post(url, json=evidence)) == (409, "step_out_of_order")
    entry = await case.imposed(measure="DEBARMENT_CONDITIONAL_RELEASE", effective_to=None)
    release = await investigator.made(url, evidence)
    assert code(await investigator.post(url, json=evidence)) == (409, "release_open")
    one = f"{url}/{release['id']}"
    check, decision = {"verified": True, "note": "Canary"}, {"outcome": "released"} | REASON
    judge = await fourth(api_for, operator_database, world)
    early = await judge.post(f"{one}/decision", json=decision, headers=version(1))
    assert code(early) == (409, "step_out_of_order")
    same = await investigator.post(f"{one}/verification", json=check)
    assert code(same) == (409, "same_person")
    checked = await reviewer.made(f"{one}/verification", check)
    assert checked["verified"] is True
    for mine in (investigator, reviewer):
        same = await mine.post(f"{one}/decision", json=decision, headers=version(2))
        assert code(same) == (409, "same_person")
    done = await judge.made(f"{one}/decision", decision, headers=version(2))
    assert done["outcome"] == "released"
    assert (await _entry(case, entry))["status"] == "RELEASED"
    assert (await case.read())["respondents"][0]["review_due_on"] is None


async def test_evidence_that_does_not_hold_releases_nobody(api_for: ApiFor) -> None:
    case = await Case.open(api_for)
    entry = await case.imposed(**TERMS)
    made = await (await case.investigator()).made(f"{case.url}/releases", {"text": "Canary"})
    one = f"{case.url}/releases/{made['id']}"
    check = {"verified": False, "note": "Canary"}
    await (await case.reviewer()).made(f"{one}/verification", check)
    decider = await case.decider()
    released = {"outcome": "released"} | REASON
    refused = await decider.post(f"{one}/decision", json=released, headers=version(2))
    assert code(refused) == (409, "step_out_of_order")
    await decider.made(f"{one}/decision", {"outcome": "refused"} | REASON, headers=version(2))
    assert (await _entry(case, entry))["status"] == "ACTIVE"
    nothing = await decider.post(
        f"{case.url}/releases/{case.opened['id']}/decision", json=released, headers=version(1)
    )
    assert code(nothing) == (404, "release_not_found")
