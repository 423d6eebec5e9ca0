"""Coverage: required, planned and done, of one partner and of all partners of a plan."""

from __future__ import annotations

from datetime import date
from typing import Any

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
    rate,
)
from tests.conftest import ApiFor
from tests.support import Api, World

CASH = {"cash_usd": "200000.00", "liquidations_usd": "80000.00"}


async def covered(api: Api, partner: str, **params: Any) -> dict[str, Any]:
    return await api.read(f"/v1/partners/{partner}/assurance-coverage", params=CASH | params)


async def test_a_partners_coverage_goes_from_void_to_complete(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef, country = await api_for("UNICEF"), fresh_country()
    partner, owner = await partner_in(unicef, country), world.agencies["UNICEF"]
    await rate(operator_database, world.agencies["WFP"], partner, "hact_micro", "MODERATE")
    found = await covered(unicef, partner)
    assert (found["status"], found["required_by"]) == ("void", "policy")
    assert found["programmatic_visits"] == {"required": 2, "planned": 0, "done": 0, "done_by": []}
    assert found["requirements"]["risk"]["hact"]["agency"] == "WFP"

    async def filed(kind: str, **more: Any) -> str:
        return await file_final(operator_database, owner, partner, kind, **more)

    await filed("programmatic_visit", conducted_on=date(YEAR - 1, 12, 31))
    await filed("programmatic_visit", status="draft")
    assert (await covered(unicef, partner))["status"] == "void"
    visit = await filed("programmatic_visit")
    partial = await covered(unicef, partner)
    assert (partial["status"], partial["programmatic_visits"]["done_by"]) == ("partial", [visit])
    await filed("programmatic_visit")
    await filed("spot_check")
    complete = await covered(unicef, partner)
    assert (complete["status"], complete["audits"]["done"]) == ("complete", 0)
    # For another agency these are not done.
    assert (await covered(await api_for("FAO"), partner))["status"] == "void"
    assert (await covered(await api_for("FAO"), partner, agency="UNICEF"))["status"] == "complete"


async def test_without_amounts_there_is_no_status(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    partner = await partner_in(unicef, fresh_country())
    url = f"/v1/partners/{partner}/assurance-coverage"
    found = await unicef.read(url)
    assert (found["status"], found["missing"]) == (None, ["cash_usd", "liquidations_usd"])
    assert found["programmatic_visits"]["required"] is None
    half = await unicef.read(url, params={"cash_usd": "0"})
    assert (half["status"], half["missing"]) == (None, ["liquidations_usd"])
    zero = await unicef.read(url, params={"cash_usd": "0", "liquidations_usd": "0"})
    assert zero["status"] == "complete"


async def test_another_agencys_activity_counts_where_the_plan_says_joint(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef, country = await api_for("UNICEF"), fresh_country()
    partner = await partner_in(unicef, country)
    await file_final(operator_database, world.agencies["WFP"], partner, "spot_check")
    await file_final(operator_database, world.agencies["WFP"], partner, "spot_check")
    assert (await covered(unicef, partner))["spot_checks"]["done"] == 0
    plan = (await make_plan(unicef, country))["id"]
    await plan_row(unicef, plan, partner, joint_with=["WFP"], lead_agency="WFP")
    assert (await covered(unicef, partner))["spot_checks"]["done"] == 0
    await approve(unicef, await api_for("UNICEF_APPROVER"), plan)
    found = (await covered(unicef, partner))["spot_checks"]
    assert (found["planned"], found["done"]) == (1, 1)


async def test_a_plans_coverage_lists_each_partner_once(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef, country = await api_for("UNICEF"), fresh_country()
    partners = [await partner_in(unicef, country) for _ in range(3)]
    plan = (await make_plan(unicef, country))["id"]
    for partner in partners:
        await plan_row(unicef, plan, partner)
        await plan_row(unicef, plan, partner, type="programmatic_visit", quarter=1)
    await plan_row(unicef, plan, partners[0], type="special_audit", basis="additional")
    await approve(unicef, await api_for("UNICEF_APPROVER"), plan)
    owner = world.agencies["UNICEF"]
    for kind in ("spot_check", "programmatic_visit"):
        await file_final(operator_database, owner, partners[0], kind)
    await file_final(operator_database, owner, partners[1], "spot_check")
    found: dict[str, dict[str, Any]] = {}
    params: dict[str, Any] = {"limit": 2}
    for _ in range(2):
        page = await unicef.read(f"{PLANS}/{plan}/coverage", params=params)
        found |= {row["partner_id"]: row for row in page["items"]}
        params["cursor"] = page["next_cursor"]
    assert params["cursor"] is None
    assert [found[partner]["status"] for partner in partners] == ["complete", "partial", "void"]
    first = found[partners[0]]
    assert (first["required_by"], first["audits"]["required"], first["audits"]["planned"]) == (
        "plan",
        0,
        1,
    )


async def test_a_merged_partners_rows_and_activities_are_one(
    api_for: ApiFor, world: World, operator_database: Database
) -> None:
    unicef, second = await api_for("UNICEF"), await api_for("UNICEF_APPROVER")
    country = fresh_country()
    loser, survivor = [await partner_in(unicef, country) for _ in range(2)]
    plan = (await make_plan(unicef, country))["id"]
    await plan_row(unicef, plan, loser)
    await plan_row(unicef, plan, survivor, quarter=4)
    await approve(unicef, second, plan)
    await file_final(operator_database, world.agencies["UNICEF"], loser, "spot_check")
    body = {"into": survivor, "reason": "entered twice"}
    merge = await unicef.made(f"/v1/partners/{loser}/merge", body, headers={"If-Match": '"v1"'})
    decided = await second.post(
        f"/v1/partner-merges/{merge['id']}/decision",
        json={"decision": "approve", "reason": "one"},
        headers={"If-Match": '"v1"'},
    )
    assert decided.status_code == 200, decided.text
    (row,) = (await unicef.read(f"{PLANS}/{plan}/coverage"))["items"]
    assert row["partner_id"] == survivor
    assert (row["spot_checks"]["required"], row["spot_checks"]["done"]) == (2, 1)
    found = await covered(unicef, survivor)
    assert (found["spot_checks"]["planned"], found["spot_checks"]["done"]) == (2, 1)
