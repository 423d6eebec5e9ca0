"""Windows of plans: told of in time, once each, and nothing lapses by itself."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from app.assessments.plans.upkeep import remind
from app.core.db import Database
from tests.assessments.plans.support import REASON, agreed_plan, close, day, set_dates, url_of
from tests.audit.support import events_of
from tests.conftest import ApiFor


async def _told(database: Database, plan: str) -> list[tuple[str, Any]]:
    async with database.session() as session:
        rows = await session.execute(
            text(
                "SELECT type, data ->> 'days' AS days FROM outbox WHERE subject_id = :id "
                "AND type LIKE 'capacity_plan.window_%' ORDER BY id"
            ),
            {"id": plan},
        )
        return [(row.type.removeprefix("capacity_plan."), row.days) for row in rows]


async def test_a_window_is_told_of_at_each_mark_and_when_it_ended_and_stays(
    api_for: ApiFor, operator_database: Database, worker_database: Database
) -> None:
    owner = await api_for("UNICEF")
    plan = await agreed_plan(owner)
    while await remind(worker_database):
        continue
    assert await _told(operator_database, plan["id"]) == []
    wanted: list[tuple[str, Any]] = []
    for days, mark in ((90, "90"), (60, None), (30, "30"), (8, None), (0, "7")):
        ends = {"agreed_on": day(-1), "window_ends_on": day(days)}
        await set_dates(operator_database, plan["id"], **ends)
        await remind(worker_database)
        assert await remind(worker_database) == 0
        wanted += [("window_ending", mark)] if mark else []
        assert await _told(operator_database, plan["id"]) == wanted
    await set_dates(operator_database, plan["id"], agreed_on=day(-9), window_ends_on=day(-1))
    assert await remind(worker_database) == 1
    assert await remind(worker_database) == 0
    wanted.append(("window_ended", None))
    assert await _told(operator_database, plan["id"]) == wanted
    read = await owner.read(url_of(plan))
    assert (read["status"], read["window_ended"], read["on_track"]) == ("agreed", True, False)
    log = [row.event for row in await events_of(operator_database, plan["id"])]
    assert log.count("assessment:plan:window_end") == 1
    # Extended, it is told of again.
    body = {"window_ends_on": day(20), "reason": REASON}
    await set_dates(operator_database, plan["id"], window_limit_on=day(100))
    done = await owner.post(f"{url_of(plan)}/extension", json=body)
    assert done.status_code == 200, done.text
    assert await remind(worker_database) == 1
    assert (await _told(operator_database, plan["id"]))[-1] == ("window_ending", "30")


async def test_a_closed_plan_and_a_draft_are_told_of_no_more(
    api_for: ApiFor, operator_database: Database, worker_database: Database
) -> None:
    owner = await api_for("UNICEF")
    plan = await agreed_plan(owner)
    await close(owner, plan, "cancelled")
    await set_dates(operator_database, plan["id"], agreed_on=day(-9), window_ends_on=day(-1))
    await remind(worker_database)
    assert await _told(operator_database, plan["id"]) == []
