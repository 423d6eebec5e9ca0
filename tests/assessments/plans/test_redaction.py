"""Words of plans are hidden at once, destroyed by two persons only, and the plan goes on."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.db import Binding, Database
from tests.assessments.plans.support import (
    NOTE,
    PURPOSE,
    actions_of,
    agreed_plan,
    make_plan,
    report,
    url_of,
    verify,
)
from tests.audit.support import add_officer, events_of
from tests.audit.test_holds import set_hold
from tests.audit.test_redaction import CONFIRM, REASON, UNDO, decide
from tests.auth.scoped import ScopedApi, scoped
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.partners.flags.support import partner_api
from tests.support import Api, World

__all__ = ["scoped"]
SELF = "/v1/self/capacity-plans"
WORDS = ("text", "provider", "evidence_expected")


@pytest.fixture
async def stage(
    api_for: ApiFor, world: World, operator_database: Database
) -> tuple[Api, Api, Api, dict[str, Any], dict[str, Any]]:
    """The owner, its second person, the partner, an agreed plan and its action, reported on."""
    owner = await api_for("UNICEF")
    partner = (await make_partner(owner))["id"]
    own = await partner_api(api_for, operator_database, world, partner)
    plan = await agreed_plan(owner, partner)
    (action,) = await actions_of(owner, plan)
    assert (await report(own, plan, action, "in_progress", "/v1/self")).status_code == 200
    return owner, await api_for("UNICEF_APPROVER"), own, plan, action


async def noted(api: Api, plan: dict[str, Any]) -> dict[str, Any]:
    """The newest step with words."""
    steps = (await api.read(f"{url_of(plan)}/steps"))["items"]
    return next(step for step in steps if step["note"] or step["redacted"])


Stage = tuple[Api, Api, Api, dict[str, Any], dict[str, Any]]


async def test_an_action_is_hidden_from_all_and_brought_back_whole(
    stage: Stage, api_for: ApiFor, database: Database, world: World
) -> None:
    owner, second, own, plan, action = stage
    wfp, url = await api_for("WFP"), f"{url_of(plan)}/actions/{action['id']}"
    before = await owner.read(f"{url_of(plan)}/detail")
    assert (await wfp.read(f"{url_of(plan)}/detail", headers=PURPOSE))["items"][0]["text"]
    made = await owner.made(f"{url}/redaction", REASON)
    assert (made["subject_kind"], made["record_id"]) == ("plan_action", plan["id"])
    assert "WFP" in [reader["agency"] for reader in made["readers"]]
    for api, path, headers in (
        (owner, f"{url_of(plan)}/detail", {}),
        (wfp, f"{url_of(plan)}/detail", PURPOSE),
        (own, f"{SELF}/{plan['id']}", {}),
    ):
        read = await api.read(path, headers=headers)
        (shown,) = read["items"]
        assert [shown[name] for name in WORDS] == [None] * 3
        # All but the words stays, and the plan goes on.
        assert (shown["redacted"], shown["status"], shown["due_on"]) == (
            True,
            "in_progress",
            action["due_on"],
        )
        assert "train all personnel" not in json.dumps(read)
    bindings = (
        Binding(agency_id=world.agencies["UNICEF"]),
        Binding(partner_id=UUID(plan["partner_id"])),
    )
    for binding in bindings:
        async with database.session(binding) as session:
            sql = text("SELECT length(sealed) FROM capacity_plan_actions WHERE id = :id")
            assert await session.scalar(sql, {"id": UUID(action["id"])}) == 0
    changed = await owner.patch(url, json={"due_on": "2027-06-30"}, headers={"If-Match": '"v2"'})
    assert (changed.status_code, changed.json()["code"]) == (410, "content_redacted")
    assert (await decide(second, url, UNDO)).status_code == 201
    assert (await owner.read(f"{url_of(plan)}/detail"))["items"] == before["items"]
    # It may be hidden again; the two are different redactions.
    again = await owner.made(f"{url}/redaction", REASON)
    assert again["id"] != made["id"]


async def test_confirmed_it_is_destroyed_and_the_plan_goes_on(
    stage: Stage, operator_database: Database
) -> None:
    owner, second, own, plan, action = stage
    url = f"{url_of(plan)}/actions/{action['id']}"
    await owner.made(f"{url}/redaction", REASON)
    done = await decide(second, url, CONFIRM)
    assert done.status_code == 201, done.text
    async with operator_database.session() as session:
        row = (
            await session.execute(
                text(
                    "SELECT length(sealed) AS words, sealed_hidden, redacted "
                    "FROM capacity_plan_actions WHERE id = :id"
                ),
                {"id": UUID(action["id"])},
            )
        ).one()
        kept = await session.scalar(
            text("SELECT array_agg(route) FROM idempotency_keys WHERE route LIKE :route"),
            {"route": f"%/capacity-plans/{plan['id']}/actions%"},
        )
    assert (row.words, row.sealed_hidden, row.redacted) == (0, None, True)
    # Stored answers that repeated the words are gone; that to the redaction itself is not.
    assert {route.rpartition("/")[2] for route in kept} == {"redaction", "decision"}
    late = await decide(owner, url, UNDO, 2)
    assert late.status_code in (409, 404)
    assert (await report(own, plan, action, "done", "/v1/self")).status_code == 200
    assert (await verify(owner, plan, action)).json()["status"] == "verified"
    closed = await owner.post(f"{url_of(plan)}/closure", json={"outcome": "completed"})
    assert closed.status_code == 200
    events = [row.event for row in await events_of(operator_database, plan["id"])]
    assert {"redaction:content:hide", "redaction:content:destroy"} <= set(events)


async def test_a_note_is_hidden_brought_back_and_destroyed(
    stage: Stage, operator_database: Database, world: World, database: Database
) -> None:
    owner, second, own, plan, _ = stage
    step = await noted(owner, plan)
    assert (step["note"], step["by"], step["redacted"]) == (NOTE, "partner", False)
    url = f"{url_of(plan)}/steps/{step['id']}"
    await owner.made(f"{url}/redaction", REASON)
    for api, path in ((owner, f"{url_of(plan)}/steps"), (own, f"{SELF}/{plan['id']}/steps")):
        read = await api.read(path)
        hidden = next(one for one in read["items"] if one["id"] == step["id"])
        assert (hidden["note"], hidden["evidence"], hidden["redacted"]) == (None, None, True)
    assert (await decide(owner, url, CONFIRM)).json()["code"] == "same_person"
    assert (await decide(second, url, CONFIRM, 7)).status_code == 412
    assert (await decide(second, url, UNDO)).status_code == 201
    assert (await noted(owner, plan)) == step
    await owner.made(f"{url}/redaction", REASON)
    assert (await decide(second, url, CONFIRM)).status_code == 201
    async with operator_database.session() as session:
        sql = text(
            "SELECT length(sealed_note), sealed_hidden FROM capacity_plan_steps WHERE id = :id"
        )
        assert tuple((await session.execute(sql, {"id": UUID(step["id"])})).one()) == (0, None)
    # History stays append-only for whoever is no redaction.
    with pytest.raises(DBAPIError):
        async with database.session(world.agencies["UNICEF"]) as session:
            await session.execute(
                text("UPDATE capacity_plan_steps SET redacted = false WHERE id = :id"),
                {"id": UUID(step["id"])},
            )


async def test_raw_sql_reads_nothing_of_what_is_hidden(
    stage: Stage, database: Database, world: World
) -> None:
    owner, _, _, plan, action = stage
    await owner.made(f"{url_of(plan)}/actions/{action['id']}/redaction", REASON)
    for table in ("capacity_plan_actions", "capacity_plan_steps"):
        for sql in (f"SELECT sealed_hidden FROM {table}", f"SELECT * FROM {table}"):
            with pytest.raises(DBAPIError, match="permission denied"):
                async with database.session(world.agencies["UNICEF"]) as session:
                    await session.execute(text(sql))
    forge = "UPDATE capacity_plan_actions SET sealed = '\\x01' WHERE id = :id"
    with pytest.raises(DBAPIError):
        async with database.session(world.agencies["UNICEF"]) as session:
            await session.execute(text(forge), {"id": UUID(action["id"])})


async def test_the_words_of_a_draft_are_not_written_anew_while_hidden(api_for: ApiFor) -> None:
    owner, second = await api_for("UNICEF"), await api_for("UNICEF_APPROVER")
    plan = await make_plan(owner)
    (action,) = await actions_of(owner, plan)
    url = f"{url_of(plan)}/actions/{action['id']}"
    await owner.made(f"{url}/redaction", REASON)
    answer = await owner.patch(url, json={"text": "Anew."}, headers={"If-Match": '"v1"'})
    assert (answer.status_code, answer.json()["code"]) == (410, "content_redacted")
    assert (await decide(second, url, UNDO)).status_code == 201
    answer = await owner.patch(url, json={"text": "Anew."}, headers={"If-Match": '"v1"'})
    assert answer.json()["text"] == "Anew."


async def test_who_may_not_know_of_the_plan_neither_hides_nor_decides(
    stage: Stage, api_for: ApiFor, scoped: ScopedApi
) -> None:
    owner, _, own, plan, action = stage
    url = f"{url_of(plan)}/actions/{action['id']}"
    wfp, far = await api_for("WFP"), await scoped("UNICEF", countries=("UGA",))
    draft = await make_plan(owner)
    (drafted,) = await actions_of(owner, draft)
    lower = await scoped("UNICEF", max_level="RESTRICTED")
    hidden = f"{url_of(draft)}/actions/{drafted['id']}"
    for api, at in ((wfp, url), (far, url), (lower, hidden), (wfp, hidden)):
        answer = await api.post(f"{at}/redaction", json=REASON)
        assert (answer.status_code, answer.json()["code"]) == (404, "capacity_plan_not_found")
        late = await decide(api, at, CONFIRM)
        assert (late.status_code, late.json()["code"]) == (404, "capacity_plan_not_found")
    assert (await own.post(f"{url}/redaction", json=REASON)).status_code == 403
    other = f"{url_of(draft)}/actions/{action['id']}"
    assert (await owner.post(f"{other}/redaction", json=REASON)).json()["code"] == (
        "capacity_plan_action_not_found"
    )
    created = (await owner.read(f"{url_of(plan)}/steps"))["items"][-1]
    for step in (created["id"], action["id"], str(uuid4())):
        answer = await owner.post(f"{url_of(plan)}/steps/{step}/redaction", json=REASON)
        assert (answer.status_code, answer.json()["code"]) == (404, "capacity_plan_step_not_found")
    for body in ({}, {"reason": ""}, {"reason": "x", "scope": "plan"}, {"reason": 7}):
        assert (await owner.post(f"{url}/redaction", json=body)).status_code == 422
    assert (await owner.read(f"{url_of(plan)}/detail"))["items"][0]["redacted"] is False


async def test_two_who_hide_at_once_make_one_redaction(stage: Stage) -> None:
    owner, second, _, plan, action = stage
    url = f"{url_of(plan)}/actions/{action['id']}"
    hidden = await asyncio.gather(
        *(api.post(f"{url}/redaction", json=REASON) for api in (owner, second))
    )
    assert sorted(answer.status_code for answer in hidden) == [201, 409]


async def test_under_a_legal_hold_they_are_hidden_but_kept(
    stage: Stage, api_for: ApiFor, world: World, operator_database: Database
) -> None:
    owner, second, _, plan, action = stage
    legal = await api_for(await add_officer(operator_database, world, "UNICEF", "PLEGAL", "LEGAL"))
    await set_hold(legal, plan["partner_id"], "partner")
    step = await noted(owner, plan)
    for part in (f"actions/{action['id']}", f"steps/{step['id']}"):
        url = f"{url_of(plan)}/{part}"
        await owner.made(f"{url}/redaction", REASON)
        answer = await decide(second, url, CONFIRM)
        assert (answer.status_code, answer.json()["code"]) == (409, "legal_hold")
    async with operator_database.session() as session:
        left = await session.scalar(
            text("SELECT length(sealed_hidden) FROM capacity_plan_actions WHERE id = :id"),
            {"id": UUID(action["id"])},
        )
    assert left > 0
