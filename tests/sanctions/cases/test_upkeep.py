"""Reviews of measures without an end that are due are announced, until they are recorded."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from app.core.db import Database
from app.sanctions.cases.upkeep import remind
from tests.audit.support import events_of
from tests.conftest import ApiFor
from tests.sanctions.cases.support import Case, version


async def _age(database: Database, case: Case, days: int) -> None:
    async with database.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(
            text(
                "UPDATE sanction_respondents SET review_due_on = current_date, reminded_at = "
                "now() - make_interval(days => :days) WHERE case_id = :id"
            ),
            {"id": UUID(case.opened["id"]), "days": days},
        )


async def _reminded(database: Database, case: Case) -> int:
    found = await events_of(database, case.opened["id"])
    return sum(item.event == "sanction:case:review_due" for item in found)


async def test_a_review_that_is_due_is_announced_again_and_again(
    api_for: ApiFor, worker_database: Database, operator_database: Database
) -> None:
    case = await Case.open(api_for)
    entry = await case.imposed(measure="DEBARMENT_INDEFINITE", effective_to=None)
    await remind(worker_database)
    assert await _reminded(operator_database, case) == 0
    await _age(operator_database, case, 8)
    await remind(worker_database)
    await remind(worker_database)
    assert await _reminded(operator_database, case) == 1
    await _age(operator_database, case, 8)
    await remind(worker_database)
    assert await _reminded(operator_database, case) == 2
    await _age(operator_database, case, 8)
    lifted = await (await case.decider()).post(
        f"/v1/sanctions/entries/{entry['entry_id']}/lift",
        json={"reason": "Canary"},
        headers=version(1),
    )
    assert lifted.is_success
    await remind(worker_database)
    assert await _reminded(operator_database, case) == 2
