"""Decisions, dismissals, withdrawals, and what is due after a decision."""

from __future__ import annotations

import pytest

from app.core.db import Database
from tests.audit.support import events_of
from tests.conftest import ApiFor
from tests.sanctions.cases.support import DECISION, REASON, Case, code, day, version


async def test_a_review_that_advises_against_it_stops_the_decision(api_for: ApiFor) -> None:
    case = await Case.open(api_for)
    await case.to_review(recommendation="do_not_impose")
    assert code(await case.decide()) == (409, "advised_against")
    # Reasons alone do not help: the procedure must let a decision depart from its review.
    assert code(await case.decide(departure_reason="Canary: still.")) == (409, "advised_against")
    dismissed = await (await case.decider()).made(f"{case.url}/dismissal", REASON)
    assert dismissed["state"] == "DISMISSED"


@pytest.mark.parametrize("steps", ["told", "replied", "reviewed"])
async def test_another_person_dismisses_from_the_notice_on(api_for: ApiFor, steps: str) -> None:
    case = await Case.open(api_for)
    early = await (await case.decider()).post(f"{case.url}/dismissal", json=REASON)
    assert code(early) == (409, "step_out_of_order")
    await case.told()
    if steps != "told":
        await case.replied()
    if steps == "reviewed":
        await case.reviewed()
        same = await (await case.reviewer()).post(f"{case.url}/dismissal", json=REASON)
        assert code(same) == (409, "same_person")
    same = await (await case.investigator()).post(f"{case.url}/dismissal", json=REASON)
    assert code(same) == (409, "same_person")
    done = await (await case.decider()).made(f"{case.url}/dismissal", REASON)
    assert (done["state"], done["decided_on"]) == ("DISMISSED", day())
    assert code(await case.decide()) == (409, "step_out_of_order")
    entries = await (await api_for("WFP")).read(f"/v1/sanctions/entries?partner_id={case.partner}")
    assert entries["items"] == []


async def test_a_case_is_withdrawn_before_its_notice_and_never_after(api_for: ApiFor) -> None:
    case = await Case.open(api_for)
    investigator = await case.investigator()
    done = await investigator.made(f"{case.url}/withdrawal", REASON)
    assert done["state"] == "WITHDRAWN"
    notice = await investigator.post(
        f"{case.url}/notice", json={"sent_on": "2026-05-04", "summary": "S"}
    )
    assert code(notice) == (409, "step_out_of_order")
    other = await Case.open(api_for)
    await other.told()
    late = await investigator.post(f"{other.url}/withdrawal", json=REASON)
    assert code(late) == (409, "step_out_of_order")


async def test_the_decision_is_sent_and_its_appeal_period_starts(api_for: ApiFor) -> None:
    case = await Case.open(api_for)
    entry = await case.imposed()
    investigator = await case.investigator()
    url, body = f"{case.url}/decision-notice", {"sent_on": day(), "summary": "Canary: decision."}
    early = await investigator.post(url, json=body | {"sent_on": day(-1)})
    assert code(early) == (422, "date_not_possible")
    sent = await investigator.made(url, body)
    assert (sent["decision_sent_on"], sent["appeal_due_on"]) == (day(), day(30))
    assert sent["respondents"][0]["entry_id"] == entry["entry_id"]
    assert code(await investigator.post(url, json=body)) == (409, "step_out_of_order")


async def test_a_measure_without_an_end_is_reviewed(
    api_for: ApiFor, operator_database: Database
) -> None:
    case = await Case.open(api_for)
    await case.imposed(measure="DEBARMENT_INDEFINITE", effective_to=None)
    due = (await case.read())["respondents"][0]["review_due_on"]
    assert due == f"{int(day()[:4]) + 1}{day()[4:]}"
    decider = await case.decider()
    done = await decider.made(f"{case.url}/measure-reviews", {"note": "Canary: it stays."})
    assert done["respondents"][0]["last_reviewed_on"] == day()
    ended = await Case.open(api_for)
    await ended.imposed()
    none = await decider.post(f"{ended.url}/measure-reviews", json={"note": "N"})
    assert code(none) == (409, "step_out_of_order")
    names = [item.event for item in await events_of(operator_database, case.opened["id"])]
    assert "sanction:case:review_measure" in names


async def test_a_decision_needs_the_version_that_was_read(api_for: ApiFor) -> None:
    case = await Case.open(api_for)
    await case.to_review()
    url = f"{case.url}/decision"
    decider = await case.decider()
    assert (await decider.post(url, json=DECISION)).status_code == 428
    assert (await decider.post(url, json=DECISION, headers=version(1))).status_code == 412


async def test_steps_say_of_which_office_and_in_which_function(api_for: ApiFor) -> None:
    case = await Case.open(api_for)
    await case.to_review()
    steps = (await case.read())["steps"]
    assert all(step["office"] and step["function"] for step in steps)
    assert steps[0]["respondent_id"] is None
    assert steps[1]["respondent_id"] == (await case.read())["respondents"][0]["id"]
