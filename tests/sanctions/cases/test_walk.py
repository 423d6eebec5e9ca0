"""Every order of steps keeps the gates: through the service, and in raw SQL below it.

The walk is exhaustive: from each state every step is tried, and whatever the model forbids must
be refused by both; whatever it allows must be done by both.
"""

from __future__ import annotations

import itertools
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.db import Database
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.sanctions.cases.support import DECISION, NOTICE, REASON, REPLY, REVIEW, Case, version
from tests.support import World

# What each step makes of each state; a pair that is not here is refused.
MOVES = {
    ("DRAFT", "notice"): "NOTICE_ISSUED",
    ("DRAFT", "withdrawal"): "WITHDRAWN",
    ("NOTICE_ISSUED", "reply"): "REPLY_RECORDED",
    ("NOTICE_ISSUED", "review"): "UNDER_REVIEW",  # the reply period of May is long over
    ("NOTICE_ISSUED", "dismissal"): "DISMISSED",
    ("REPLY_RECORDED", "review"): "UNDER_REVIEW",
    ("REPLY_RECORDED", "dismissal"): "DISMISSED",
    ("UNDER_REVIEW", "decision"): "IMPOSED",
    ("UNDER_REVIEW", "dismissal"): "DISMISSED",
}
STEPS = {
    "notice": ("", NOTICE),
    "reply": ("", REPLY),
    "review": ("_REVIEWER", REVIEW),
    "decision": ("_APPROVER", DECISION),
    "dismissal": ("_APPROVER", REASON),
    "withdrawal": ("", REASON),
}
PATHS: dict[str, tuple[str, ...]] = {
    "DRAFT": (),
    "NOTICE_ISSUED": ("notice",),
    "REPLY_RECORDED": ("notice", "reply"),
    "UNDER_REVIEW": ("notice", "reply", "review"),
    "IMPOSED": ("notice", "reply", "review", "decision"),
    "DISMISSED": ("notice", "dismissal"),
    "WITHDRAWN": ("withdrawal",),
}
# The same steps as an UPDATE that says what the service would.
SQL = {
    "notice": "state = 'NOTICE_ISSUED', notice_sent_on = '2026-05-04', "
    "reply_due_on = '2026-06-03', appeal_suspensive = false",
    "reply": "state = 'REPLY_RECORDED', reply_received_on = '2026-05-20'",
    "review": "state = 'UNDER_REVIEW', reviewer_id = :reviewer, reviewed_on = current_date, "
    "recommendation = 'impose', panel_members = 1",
    "decision": "state = 'IMPOSED', decider_id = :decider, decided_on = current_date",
    "dismissal": "state = 'DISMISSED', decider_id = :decider, decided_on = current_date",
    "withdrawal": "state = 'WITHDRAWN'",
}


async def _send(api_for: ApiFor, case: Case, step: str) -> int:
    suffix, body = STEPS[step]
    api = await api_for(f"UNDP{suffix}")
    headers = version((await case.read())["version"]) if step == "decision" else {}
    return (await api.post(f"{case.url}/{step}", json=body, headers=headers)).status_code


async def _update(database: Database, world: World, case: Case, sql: str) -> bool:
    """Whether the database does it; undone afterwards."""
    people = {"reviewer": world.persons["UNDP_REVIEWER"], "decider": world.persons["UNDP_APPROVER"]}
    people |= {"investigator": world.persons["UNDP"], "stranger": world.persons["WFP"]}
    values: dict[str, Any] = {name: people[name] for name in people if f":{name}" in sql}
    try:
        async with database.session(world.agencies["UNDP"]) as session:
            await session.execute(
                text(
                    "UPDATE sanction_cases SET procedure_id = coalesce(procedure_id, "
                    "sanction_procedure_of(agency_id, '2026-05-04')) WHERE id = :id"
                ),
                {"id": UUID(case.opened["id"])},
            )
            done = await session.execute(
                text(f"UPDATE sanction_respondents SET {sql} WHERE case_id = :id RETURNING id"),
                values | {"id": UUID(case.opened["id"])},
            )
            assert len(done.all()) == 1
            raise _Undone
    except DBAPIError:
        return False
    except _Undone:
        return True


class _Undone(Exception):
    """The step was done, and is taken back."""


async def _at(api_for: ApiFor, state: str) -> Case:
    case = await Case.open(api_for)
    for step in PATHS[state]:
        assert await _send(api_for, case, step) == 201, step
    return case


@pytest.mark.parametrize("state", PATHS)
async def test_from_each_state_only_its_own_steps_lead_on(
    api_for: ApiFor, database: Database, world: World, state: str
) -> None:
    case = await _at(api_for, state)
    for step in STEPS:
        if PATHS[state][-1:] == (step,):
            continue  # the same once more changes nothing
        allowed = (state, step) in MOVES
        assert await _update(database, world, case, SQL[step]) == allowed, f"{state}: {step}"
    for step in STEPS:
        if (state, step) in MOVES:
            continue
        assert await _send(api_for, case, step) == 409, f"{state}: {step}"
        assert (await case.read())["state"] == state


SKIPS = {
    "DRAFT": (
        # a notice before the finding, with a shorter period, or of tomorrow
        SQL["notice"].replace("2026-05-04", "2026-04-01"),
        SQL["notice"].replace("2026-06-03", "2026-05-10"),
        "state = 'NOTICE_ISSUED', notice_sent_on = current_date + 1, "
        "reply_due_on = current_date + 40, appeal_suspensive = false",
        "notice_sent_on = '2026-05-04', reply_due_on = '2026-06-03'",
        "state = 'RECORDED'",
    ),
    "NOTICE_ISSUED": (
        "reply_due_on = '2026-05-05'",
        "reply_received_on = '2026-05-20'",
        "notice_sent_on = '2026-05-05'",
        # reviewed by its investigator, by another agency, by nobody, or in the future
        SQL["review"].replace(":reviewer", ":investigator"),
        SQL["review"].replace(":reviewer", ":stranger"),
        "state = 'UNDER_REVIEW'",
        SQL["review"].replace("= current_date", "= current_date + 400"),
        SQL["reply"].replace("2026-05-20", "2026-05-01"),
    ),
    "UNDER_REVIEW": (
        SQL["decision"].replace(":decider", ":investigator"),
        SQL["decision"].replace(":decider", ":reviewer"),
        SQL["decision"].replace(":decider", ":stranger"),
        SQL["decision"].replace("= current_date", "= current_date + 1"),
        SQL["decision"] + ", recommendation = 'do_not_impose'",
        SQL["decision"] + ", departed = true",
        "reviewer_id = :decider",
        "state = 'NOTICE_ISSUED'",
        "entry_id = gen_random_uuid()",
    ),
    "IMPOSED": (
        "state = 'DISMISSED'",
        "decided_on = current_date - 1",
        "decision_sent_on = current_date",
        "decision_sent_on = current_date, appeal_due_on = current_date + 3",
        "review_due_on = current_date + 800",
        "departed = true",
    ),
    "DISMISSED": ("state = 'IMPOSED'", "state = 'UNDER_REVIEW'", SQL["decision"]),
}


@pytest.mark.parametrize("state", SKIPS)
async def test_no_update_skips_a_gate(
    api_for: ApiFor, database: Database, world: World, state: str
) -> None:
    case = await _at(api_for, state)
    for sql in SKIPS[state]:
        assert not await _update(database, world, case, sql), sql


async def test_a_review_against_it_holds_in_the_database(
    api_for: ApiFor, database: Database, world: World
) -> None:
    case = await Case.open(api_for)
    await case.to_review(recommendation="do_not_impose")
    for sql in (SQL["decision"], SQL["decision"] + ", departed = true"):
        assert not await _update(database, world, case, sql), sql
    assert await _update(database, world, case, SQL["dismissal"])


@pytest.mark.parametrize(
    "change",
    ["state = 'IMPOSED'", "version = 99", "decided_on = current_date", "partner_id = partner_id"],
)
async def test_nobody_sets_what_follows_from_the_respondents(
    api_for: ApiFor, database: Database, world: World, change: str
) -> None:
    case = await Case.open(api_for)
    with pytest.raises(DBAPIError, match="permission denied"):
        async with database.session(world.agencies["UNDP"]) as session:
            await session.execute(
                text(f"UPDATE sanction_cases SET {change} WHERE id = :id"),
                {"id": UUID(case.opened["id"])},
            )


async def test_no_measure_of_a_case_without_its_decision(
    api_for: ApiFor, database: Database, world: World
) -> None:
    case = await Case.open(api_for)
    await case.to_review()
    decided = await Case.open(api_for)
    await decided.imposed()
    other = (await make_partner(await api_for("UNICEF")))["id"]
    pairs = itertools.product((case, decided), (case.partner, other))
    for of, partner in pairs:
        with pytest.raises(DBAPIError, match="no decision on this party"):
            async with database.session(world.agencies["UNDP"]) as session:
                await session.execute(
                    text(
                        "INSERT INTO sanction_entries (id, partner_id, imposing_agency, case_id, "
                        "respondent_id, measure, blocking, practices, procedure, decided_on, "
                        "effective_from) SELECT gen_random_uuid(), :partner, :agency, :case, id, "
                        "'CENSURE', false, '{CORRUPT}', 'full', current_date, current_date "
                        "FROM sanction_respondents WHERE case_id = :case AND main"
                    ),
                    {
                        "partner": UUID(partner),
                        "agency": world.agencies["UNDP"],
                        "case": UUID(of.opened["id"]),
                    },
                )
