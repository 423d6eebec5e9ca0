"""Interim suspensions: by another person, for so long, and gone with the decision."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.core.db import Database
from tests.conftest import ApiFor
from tests.sanctions.cases.support import REASON, Case, code, day
from tests.sanctions.factories import TERMS
from tests.support import World


def interim(start: int, end: int) -> dict[str, Any]:
    return {"effective_from": day(start), "until_on": day(end)} | REASON


async def test_it_lasts_as_long_as_the_procedure_lets_it_and_is_renewed_once(
    api_for: ApiFor,
) -> None:
    case = await Case.open(api_for)
    url = f"{case.url}/interim-suspensions"
    decider = await case.decider()
    assert code(await decider.post(url, json=interim(0, 90))) == (409, "step_out_of_order")
    await case.told()
    mine = await (await case.investigator()).post(url, json=interim(0, 90))
    assert code(mine) == (409, "same_person")
    assert code(await decider.post(url, json=interim(0, 200))) == (409, "interim_limit")
    assert code(await decider.post(url, json=interim(-1, 90))) == (422, "date_not_possible")
    first = await decider.made(url, interim(0, 90))
    assert (first["measure"], first["blocking"]) == ("INTERIM_SUSPENSION", True)
    assert code(await decider.post(url, json=interim(60, 120))) == (422, "date_not_possible")
    await decider.made(url, interim(91, 200))
    assert code(await decider.post(url, json=interim(201, 220))) == (409, "interim_limit")
    shown = (await case.read())["interims"]
    assert [item["number"] for item in shown] == [0, 1]


@pytest.mark.parametrize("ending", ["decision", "dismissal"])
async def test_it_ends_with_the_decision(api_for: ApiFor, ending: str) -> None:
    case = await Case.open(api_for)
    await case.told()
    decider = await case.decider()
    first = await decider.made(f"{case.url}/interim-suspensions", interim(0, 90))
    await case.replied()
    await case.reviewed()
    if ending == "decision":
        done = await case.decide()
        assert done.status_code == 201, done.text
    else:
        await decider.made(f"{case.url}/dismissal", REASON)
    entry = await decider.read(f"/v1/sanctions/entries/{first['entry_id']}")
    if ending == "decision":  # of June, so that it stands for all the days of the suspension
        assert (entry["status"], entry["ended_on"]) == ("SUPERSEDED", TERMS["effective_from"])
        assert done.json()["supersedes"] == first["entry_id"]
    else:
        assert (entry["status"], entry["ended_on"]) == ("LIFTED", day())
    assert (await case.read())["interims"][0]["ended_on"] == day()
    late = await decider.post(f"{case.url}/interim-suspensions", json=interim(0, 9))
    assert code(late) == (409, "step_out_of_order")


async def test_its_limits_hold_in_the_database(
    api_for: ApiFor, database: Database, world: World
) -> None:
    case = await Case.open(api_for)
    await case.told()
    (respondent,) = (await case.read())["respondents"]
    statement = text(
        "INSERT INTO sanction_interims (id, case_id, agency_id, respondent_id, number, decided_by, "
        "decided_on, effective_from, until_on) VALUES (gen_random_uuid(), :case, :agency, "
        ":respondent, :number, :person, current_date, current_date, "
        "current_date + CAST(:days AS integer))"
    )
    values = {
        "case": case.opened["id"],
        "agency": world.agencies["UNDP"],
        "respondent": respondent["id"],
        "number": 0,
        "person": world.persons["UNDP_APPROVER"],
        "days": 30,
    }
    for more, gate in (
        ({"person": world.persons["UNDP"]}, "sanction_interim_by_another"),
        ({"person": world.persons["WFP"]}, "sanction_own_person"),
        ({"days": 300}, "sanction_interim_limit"),
        ({"number": 1}, "sanction_interim_limit"),
    ):
        with pytest.raises(IntegrityError, match=gate):
            async with database.session(world.agencies["UNDP"]) as session:
                await session.execute(statement, values | more)
