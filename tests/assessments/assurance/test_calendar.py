"""The joint calendar: what all agencies plan, whose partners are shared, and what stays hidden."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

from app.core.db import Database
from tests.assessments.assurance.support import (
    PLANS,
    YEAR,
    approve,
    file_final,
    fresh_country,
    make_plan,
    partner_in,
    plan_row,
)
from tests.auth.scoped import ScopedApi, scoped
from tests.conftest import ApiFor
from tests.support import Api, World

__all__ = ["scoped"]
CALENDAR = f"{PLANS}/calendar"


async def entries(api: Api, country: str, **params: Any) -> list[dict[str, Any]]:
    """All pages, three at a time."""
    found: list[dict[str, Any]] = []
    query: dict[str, Any] = {"country": country, "limit": 3} | params
    while True:
        page = await api.read(CALENDAR, params=query)
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


async def _planned(
    api_for: ApiFor, agency: str, country: str, *rows: tuple[str, dict[str, Any]]
) -> str:
    api, second = await api_for(agency), await api_for(f"{agency}_APPROVER")
    plan = (await make_plan(api, country))["id"]
    for partner, more in rows:
        await plan_row(api, plan, partner, **more)
    await approve(api, second, plan)
    return str(plan)


async def test_plans_of_all_agencies_stand_in_the_order_of_the_year(api_for: ApiFor) -> None:
    unicef, country = await api_for("UNICEF"), fresh_country()
    one, two = await partner_in(unicef, country), await partner_in(unicef, country)
    await _planned(
        api_for, "UNICEF", country, (one, {"quarter": 3}), (two, {"quarter": 1, "type": "audit"})
    )
    await _planned(api_for, "UNDP", country, (one, {"quarter": 2}), (two, {"quarter": 4}))
    found = await entries(await api_for("WFP"), country)
    assert [(row["quarter"], row["agency"], row["partner_id"]) for row in found] == [
        (1, "UNICEF", two),
        (2, "UNDP", one),
        (3, "UNICEF", one),
        (4, "UNDP", two),
    ]
    assert all(row["shared"] for row in found)
    assert found[0]["shared_with"] == ["UNDP"]
    wfp = await api_for("WFP")
    of_partner = await entries(wfp, country, partner_id=one)
    assert [row["agency"] for row in of_partner] == ["UNDP", "UNICEF"]
    assert len(await entries(wfp, country, type="audit")) == 1
    assert await entries(wfp, country, year=YEAR + 1) == []


async def test_a_partner_is_shared_where_two_plan_or_hold_something(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef, country = await api_for("UNICEF"), fresh_country()
    alone, held, joint, lapsed, secret = [await partner_in(unicef, country) for _ in range(5)]
    await _planned(
        api_for,
        "UNICEF",
        country,
        *((partner, {}) for partner in (alone, held, lapsed, secret)),
        (joint, {"joint_with": ["FAO"], "lead_agency": "FAO"}),
    )
    wfp = world.agencies["WFP"]
    old = {"conducted_on": date(YEAR - 3, 1, 1), "valid_until": date(YEAR - 1, 12, 31)}
    await file_final(operator_database, wfp, held, "hact_micro")
    await file_final(operator_database, wfp, lapsed, "audit", **old)
    await file_final(operator_database, wfp, secret, "audit", confidentiality="AGENCY_ONLY")
    for name in ("UNHCR", "WFP"):
        rows = {row["partner_id"]: row for row in await entries(await api_for(name), country)}
        marks = {partner: rows[partner]["shared_with"] for partner in rows}
        assert marks == {alone: [], held: ["WFP"], joint: ["FAO"], lapsed: [], secret: []}
        assert [rows[one]["shared"] for one in (alone, held)] == [False, True]
    assert rows[joint]["lead_agency"] == "FAO"


async def test_drafts_and_superseded_revisions_are_not_in_the_calendar(api_for: ApiFor) -> None:
    unicef, country = await api_for("UNICEF"), fresh_country()
    partner = await partner_in(unicef, country)
    plan = (await make_plan(unicef, country))["id"]
    await plan_row(unicef, plan, partner)
    assert await entries(unicef, country) == []
    second = await api_for("UNICEF_APPROVER")
    await approve(unicef, second, plan)
    await unicef.made(f"{PLANS}/{plan}/amendment", {})
    await plan_row(unicef, plan, partner, quarter=4)
    assert [row["quarter"] for row in await entries(unicef, country)] == [2]
    await approve(unicef, second, plan)
    assert [row["quarter"] for row in await entries(await api_for("WFP"), country)] == [2, 4]


async def test_a_protected_partner_is_in_it_for_those_who_may_know_of_it(
    api_for: ApiFor, scoped: ScopedApi
) -> None:
    unicef, country = await api_for("UNICEF"), fresh_country()
    partner = await partner_in(unicef, country, protected=True)
    plan = await _planned(api_for, "UNICEF", country, (partner, {}))
    narrow = await api_for("WFP", "assessments:read")
    assert await entries(narrow, country) == []
    assert (await narrow.read(f"{PLANS}/{plan}/activities"))["items"] == []
    assert (await narrow.read(f"{PLANS}/{plan}/coverage"))["items"] == []
    own = await api_for("UNICEF", "assessments:read")
    assert len(await entries(own, country)) == 1
    for hidden in (partner, str(uuid4())):
        answer = await narrow.get(CALENDAR, params={"partner_id": hidden})
        assert (answer.status_code, answer.json()["code"]) == (404, "partner_not_found")
    away = await scoped("WFP", countries=(fresh_country(),))
    assert await entries(away, country) == []


async def test_bad_questions_are_refused(api_for: ApiFor) -> None:
    wfp = await api_for("WFP")
    for params in (
        {"country": "ZZZ"},
        {"year": "2013"},
        {"year": "x"},
        {"type": "psea"},
        {"partner_id": "1"},
        {"limit": "0"},
        {"limit": "201"},
        {"cursor": "AAAA"},
        {"quarter": "1"},
    ):
        answer = await wfp.get(CALENDAR, params=params)
        assert answer.status_code == 422, params
