"""A plan is sent back with a reason, which its agency reads and nobody else."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.db import Database
from app.core.errors import violated_constraint
from tests.assessments.assurance.support import PLANS, approve, make_plan
from tests.audit.support import add_officer, events_of
from tests.auth.scoped import ScopedApi, scoped
from tests.conftest import ApiFor
from tests.support import Api, World

__all__ = ["scoped"]
WHY = "Canary: the visits to the two new partners are missing."


async def submitted(api: Api) -> tuple[str, dict[str, str]]:
    """A plan that waits for approval: its address, and its tag."""
    plan = (await make_plan(api))["id"]
    answer = await api.post(f"{PLANS}/{plan}/submission")
    return f"{PLANS}/{plan}", {"If-Match": answer.headers["etag"]}


async def send_back(api: Api, url: str, tag: dict[str, str], **more: Any) -> Any:
    body = {"decision": "return", "reason": WHY} | more
    return await api.post(f"{url}/approval", json=body, headers=tag)


async def test_its_agency_reads_why_and_others_nothing_of_it(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, second = await api_for("UNICEF"), await api_for("UNICEF_APPROVER")
    url, tag = await submitted(unicef)
    assert (await unicef.read(f"{url}/returns"))["items"] == []
    back = await send_back(second, url, tag)
    assert back.status_code == 200, back.text
    again = await unicef.post(f"{url}/submission")
    tag = {"If-Match": again.headers["etag"]}
    assert (await send_back(second, url, tag, reason="Still.")).status_code == 200
    first = await unicef.read(f"{url}/returns?limit=1")
    rest = await unicef.read(f"{url}/returns?cursor={first['next_cursor']}")
    shown = first["items"] + rest["items"]
    assert [one["reason"] for one in shown] == ["Still.", WHY]
    assert {one["revision"] for one in shown} == {1}
    assert (await unicef.read(url))["returned_at"] == shown[0]["returned_at"]
    logged = [
        row
        for row in await events_of(operator_database, url.rpartition("/")[2])
        if row.event == "assessment:assurance_plan:return"
    ]
    assert {row.detail["return"] for row in logged} == {one["id"] for one in shown}
    assert WHY not in str([row.detail for row in logged])
    await approve(unicef, second, url.rpartition("/")[2])
    wfp = await api_for("WFP")
    assert (await wfp.read(url))["returned_at"] is None
    for other in (url, f"{PLANS}/{uuid4()}"):
        hidden = await wfp.get(f"{other}/returns")
        assert (hidden.status_code, hidden.json()["code"]) == (404, "assurance_plan_not_found")


async def test_who_may_not_know_of_the_draft_does_not_read_why(
    api_for: ApiFor, scoped: ScopedApi, world: World, operator_database: Database
) -> None:
    url, tag = await submitted(await api_for("UNICEF"))
    assert (await send_back(await api_for("UNICEF_APPROVER"), url, tag)).status_code == 200
    limited = await scoped("UNICEF", countries=("KEN",))
    assert (await limited.get(f"{url}/returns")).status_code == 404
    lower = await scoped("UNICEF", max_level="RESTRICTED")
    assert (await lower.get(f"{url}/returns")).status_code == 404
    for role, status in (("RCO", 403), ("PO", 200)):
        name = await add_officer(operator_database, world, "UNICEF", f"RET{role}", role)
        assert (await (await api_for(name)).get(f"{url}/returns")).status_code == status


@pytest.mark.parametrize(
    "body",
    [
        {"decision": "return"},
        {"decision": "return", "reason": None},
        {"decision": "return", "reason": "  "},
        {"decision": "return", "reason": "x" * 4_001},
        {"decision": "return", "reason": ["why"]},
        {"decision": "return", "reason": "a\x00b"},
        {"decision": "approve", "reason": WHY},
    ],
)
async def test_a_decision_that_says_too_little_or_too_much_is_refused(
    body: dict[str, Any], api_for: ApiFor
) -> None:
    unicef, second = await api_for("UNICEF"), await api_for("UNICEF_APPROVER")
    url, tag = await submitted(unicef)
    answer = await second.post(f"{url}/approval", json=body, headers=tag)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert (await unicef.read(url))["status"] == "submitted"


async def test_the_reason_goes_with_a_draft_that_is_discarded(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    url, tag = await submitted(unicef)
    assert (await send_back(await api_for("UNICEF_APPROVER"), url, tag)).status_code == 200
    assert (await unicef.delete(url)).status_code == 204
    async with operator_database.connection() as connection:
        left = await connection.fetchval(
            "SELECT count(*) FROM assurance_plan_returns WHERE plan_id = $1",
            UUID(url.rpartition("/")[2]),
        )
    assert left == 0


_BACK = (
    "UPDATE assurance_plans SET status = 'draft', submitted_by = NULL, submitted_at = NULL, "
    "version = version + 1 WHERE id = :plan"
)
_REASON = (
    "INSERT INTO assurance_plan_returns (id, plan_id, revision, owner_agency, returned_by, "
    "sealed_reason) VALUES (gen_random_uuid(), :plan, 1, :agency, :person, '\\x01')"
)


async def test_the_database_sends_nothing_back_without_a_reason_of_another_person(
    api_for: ApiFor, database: Database, world: World
) -> None:
    url, _ = await submitted(await api_for("UNICEF"))
    agency = world.agencies["UNICEF"]
    values = {"plan": UUID(url.rpartition("/")[2]), "agency": agency}
    persons = {name: world.persons[name] for name in ("UNICEF", "UNICEF_APPROVER")}

    async def refused(*statements: str, person: str = "UNICEF_APPROVER") -> str | None:
        try:
            async with database.session(agency) as session:
                for statement in statements:
                    bound = values | {"person": persons[person]}
                    used = {name: bound[name] for name in bound if f":{name}" in statement}
                    await session.execute(text(statement), used)
                await session.rollback()
        except DBAPIError as error:
            return violated_constraint(error)
        return None

    assert await refused(_BACK) == "assurance_plan_reasoned"
    assert await refused(_REASON, person="UNICEF") == "assurance_plan_returns_made"
    assert await refused(_REASON, _BACK, _REASON) == "assurance_plan_returns_made"
    assert await refused(_REASON, _BACK) is None
