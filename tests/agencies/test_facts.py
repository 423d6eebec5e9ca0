"""How an agency lets its facts count in others' clearances: the setting, and what others ask."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.agencies import facts
from app.agencies.settings import FACTS_IN_CLEARANCES
from app.core.clock import utc_now
from app.core.db import Database
from tests.agencies.support import calling, new_agency
from tests.support import Api, World

FIVE = ("interim_suspension", "sea_restriction", "findings", "unsupported_amounts", "case_facts")


async def _set(api: Api, code: str, value: dict[str, Any], version: int = 0, **more: Any) -> Any:
    return await api.put(
        f"/v1/agencies/{code}/settings/{FACTS_IN_CLEARANCES}",
        json={"value": value, **more},
        headers={"If-Match": f'"v{version}"'},
    )


async def test_what_an_agency_has_not_said_counts_as_by_default(
    database: Database, world: World
) -> None:
    today = utc_now().date()
    async with database.session(world.agencies["WFP"]) as session:
        for kind in FIVE:
            assert await facts.how_counted(session, world.agencies["FAO"], kind, today) == "consult"
        assert await facts.how_counted(session, world.agencies["FAO"], "psea", today) == "named"
    assert set(facts.FACTS.facts) == set(FIVE)


async def test_others_learn_this_one_setting_as_it_is_on_the_day(
    operator_database: Database, database: Database, app: FastAPI, world: World
) -> None:
    code, today = await new_agency(operator_database, world), utc_now().date()
    owner = world.agencies[code]
    async with calling(app, world, code) as api:
        said = {"findings": "named", "psea": "not_counted"}
        answer = await _set(api, code, said)
        assert answer.status_code == 200, answer.text
        assert (answer.json()["value"], answer.json()["default"]["findings"]) == (said, "consult")
        later = (today + timedelta(days=3)).isoformat()
        assert (await _set(api, code, {}, 1, effective_from=later)).status_code == 200
        listed = await api.read(f"/v1/agencies/{code}/settings")
        assert FACTS_IN_CLEARANCES in {one["key"] for one in listed["items"]}
    async with database.session(world.agencies["WFP"]) as session:

        async def how(kind: str, days: int = 0) -> str:
            return await facts.how_counted(session, owner, kind, today + timedelta(days=days))

        assert (await how("findings"), await how("psea")) == ("named", "not_counted")
        assert await how("case_facts") == "consult"
        assert (await how("findings", 3), await how("psea", 3)) == ("consult", "named")
        assert await how("findings", -1) == "consult"
        many = await facts.counted(session, world.agencies.values(), today)
        assert many == {owner: said} | {key: many[key] for key in many if key != owner}
        seen = "SELECT count(*) FROM agency_settings WHERE agency_id = :owner"
        assert await session.scalar(text(seen), {"owner": owner}) == 0
    for binding in (None,):
        async with database.session(binding) as session:
            assert await facts.counted(session, [owner], today) == {}


@pytest.mark.parametrize(
    "value",
    [
        {"findings": "shouted"},
        {"gossip": "named"},
        {"findings": True},
        ["findings"],
        "named",
        {"": "named"},
    ],
)
async def test_a_setting_names_what_there_is(
    operator_database: Database, app: FastAPI, world: World, value: Any
) -> None:
    code = await new_agency(operator_database, world)
    async with calling(app, world, code) as api:
        answer = await _set(api, code, value)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "gossip" not in answer.text
