"""Two profiles that are one partner: of each owner and type the newest result counts, and the
undoing of the merge gives each profile its own back. No statement is changed for it.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.assessments import queries
from app.assessments.life_cycle.upkeep import notify_expiring
from app.core.db import Database
from tests.assessments.factories import assessment_body, make_assessment, psea_detail
from tests.assessments.life_cycle.test_life_cycle import URL, seen, withdraw
from tests.audit.support import events_of
from tests.conftest import ApiFor
from tests.partners.merges.support import decided, merged, pair, proposed, unmerged
from tests.support import Api, World

OLD, NEW = "2025-03-01", "2026-03-01"


async def ids(api: Api, partner: dict[str, Any], **filters: str) -> list[str]:
    found = await api.read(URL, params={"partner_id": partner["id"], **filters})
    return [item["id"] for item in found["items"]]


async def standing(api: Api, *records: dict[str, Any]) -> list[tuple[str, str | None, bool]]:
    found = [await seen(api, one) for one in records]
    return [(one["status"], one["superseded_by"], one["superseded_by_merge"]) for one in found]


FINAL = ("final", None, False)


@pytest.mark.parametrize("newer_is", ["loser", "survivor"])
async def test_the_newest_of_either_profile_counts_everywhere_until_the_undo(
    newer_is: str, api_for: ApiFor, database: Database, world: World
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    loser, survivor = await pair(unicef)
    first, second = (survivor, loser) if newer_is == "loser" else (loser, survivor)
    old = await make_assessment(unicef, first["id"], conducted_on=OLD, detail=psea_detail(2))
    new = await make_assessment(unicef, second["id"], conducted_on=NEW)
    theirs = await make_assessment(wfp, first["id"], conducted_on="2024-01-01")
    private = await make_assessment(unicef, first["id"], confidentiality="AGENCY_ONLY")

    async def counted(partner: dict[str, Any]) -> set[str]:
        async with database.session(world.agencies["FAO"]) as session:
            return {one["id"] for one in await queries.summaries(session, UUID(partner["id"]))}

    assert await standing(wfp, old, new) == [FINAL, FINAL]
    merge = await merged(api_for, loser, survivor)
    for api in (unicef, wfp):
        assert await standing(api, old, new, theirs) == [
            ("superseded", new["id"], True),
            FINAL,
            FINAL,
        ]
        assert old["id"] in await ids(api, survivor, status="superseded")
        assert old["id"] not in await ids(api, survivor, status="final")
        assert old["id"] not in await ids(api, survivor, expiring_before="2190-01-01")
        assert {new["id"], theirs["id"]} <= set(await ids(api, survivor, status="final"))
    assert (await seen(unicef, old))["version"] == old["version"]
    assert await standing(unicef, private) == [FINAL]
    assert (await unicef.read(f"{URL}/{old['id']}/detail"))["status"] == "superseded"
    assert await counted(survivor) == {new["id"], theirs["id"]}
    fao = await api_for("FAO")
    warned = await fao.read(
        f"{URL}/overlaps", params={"partner_id": survivor["id"], "type": "psea"}
    )
    assert {one["assessment_id"] for one in warned["items"]} == {new["id"], theirs["id"]}
    await unmerged(api_for, merge)
    assert await standing(wfp, old, new) == [FINAL, FINAL]
    assert await counted(first) == {old["id"], theirs["id"]}
    assert await ids(wfp, second, status="final") == [new["id"]]


async def test_a_withdrawal_makes_the_other_profiles_result_current_and_moves_nothing(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    loser, survivor = await pair(unicef)
    oldest = await make_assessment(unicef, survivor["id"], conducted_on="2023-01-01")
    middle = await make_assessment(unicef, survivor["id"], conducted_on="2024-01-01")
    newest = await make_assessment(unicef, loser["id"], conducted_on=NEW)
    merge = await merged(api_for, loser, survivor)
    assert (await withdraw(unicef, newest)).status_code == 201
    assert await standing(unicef, oldest, middle) == [("superseded", middle["id"], False), FINAL]
    told = [row.event for row in await events_of(operator_database, middle["id"])]
    assert told[-1] == "assessment:record:reinstate"
    await unmerged(api_for, merge)
    assert await standing(unicef, middle) == [FINAL]
    assert await ids(unicef, loser, status="final") == []


async def test_a_withdrawal_of_what_a_merge_supersedes_puts_nothing_in_force(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    loser, survivor = await pair(unicef)
    before = await make_assessment(unicef, loser["id"], conducted_on="2023-01-01")
    old = await make_assessment(unicef, loser["id"], conducted_on=OLD)
    new = await make_assessment(unicef, survivor["id"], conducted_on=NEW)
    merge = await merged(api_for, loser, survivor)
    assert (await withdraw(unicef, old)).status_code == 201
    assert await standing(unicef, before, new) == [("superseded", new["id"], True), FINAL]
    for one in (before, new):
        told = [row.event for row in await events_of(operator_database, one["id"])]
        assert "assessment:record:reinstate" not in told
    await unmerged(api_for, merge)
    assert await standing(unicef, before, new) == [FINAL, FINAL]


async def test_what_is_filed_about_the_survivor_overtakes_both_until_the_undo(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    loser, survivor = await pair(unicef)
    of_loser = await make_assessment(unicef, loser["id"], conducted_on=OLD)
    of_survivor = await make_assessment(unicef, survivor["id"], conducted_on="2024-01-01")
    merge = await merged(api_for, loser, survivor)
    late = await make_assessment(unicef, survivor["id"], conducted_on="2024-06-01")
    assert (late["status"], late["superseded_by"]) == ("superseded", of_loser["id"])
    filed = await make_assessment(unicef, survivor["id"], conducted_on=NEW)
    assert filed["status"] == "final"
    assert await standing(unicef, of_loser, of_survivor, late) == [
        ("superseded", filed["id"], True),
        ("superseded", late["id"], False),
        ("superseded", filed["id"], False),
    ]
    told = [row.event for row in await events_of(operator_database, of_loser["id"])]
    assert told[-1] == "assessment:record:supersede"
    await unmerged(api_for, merge)
    assert await standing(unicef, of_loser, filed) == [FINAL, FINAL]


async def test_a_chain_of_merges_has_one_current_result(api_for: ApiFor) -> None:
    unicef = await api_for("UNICEF")
    (one, two), (three, _) = await pair(unicef), await pair(unicef)
    records = [
        await make_assessment(unicef, partner["id"], conducted_on=day)
        for partner, day in ((one, "2026-02-01"), (two, "2026-01-01"), (three, "2026-03-01"))
    ]
    await merged(api_for, one, two)
    upper = await merged(api_for, two, three)
    newest = ("superseded", records[2]["id"], True)
    assert await standing(unicef, *records) == [newest, newest, FINAL]
    await unmerged(api_for, upper)
    assert await standing(unicef, *records) == [
        FINAL,
        ("superseded", records[0]["id"], True),
        FINAL,
    ]


async def test_filings_on_both_while_they_are_merged_leave_one_current(api_for: ApiFor) -> None:
    unicef, approver = await api_for("UNICEF"), await api_for("UNICEF_APPROVER")
    loser, survivor = await pair(unicef)
    merge = await proposed(unicef, loser, survivor)
    days = [f"2026-0{month}-01" for month in (1, 2, 3, 4)]

    async def file(api: Api, partner: dict[str, Any], day: str) -> int:
        body = assessment_body(partner["id"], conducted_on=day)
        return (await api.post(URL, json=body)).status_code

    approved, *filed = await asyncio.gather(
        decided(await api_for("WFP"), merge),
        file(unicef, loser, days[2]),
        file(approver, survivor, days[3]),
        file(approver, loser, days[0]),
        file(unicef, survivor, days[1]),
    )
    assert approved.status_code == 200
    # What comes too late for the loser is refused; nothing else is.
    assert set(filed[1::2]) == {201}
    assert set(filed[::2]) <= {201, 409}
    items = (await unicef.read(URL, params={"partner_id": survivor["id"]}))["items"]
    current = [item["conducted_on"] for item in items if item["status"] == "final"]
    assert current == [max(item["conducted_on"] for item in items)]
    await unmerged(api_for, approved.json())
    for partner in (loser, survivor):
        items = (await unicef.read(URL, params={"partner_id": partner["id"]}))["items"]
        current = [item["conducted_on"] for item in items if item["status"] == "final"]
        assert current == ([max(item["conducted_on"] for item in items)] if items else [])


async def test_a_protected_profiles_result_is_not_named_to_who_may_not_know_of_it(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    holder, other = await api_for("FAO"), await api_for("FAO", "assessments:read")
    loser, survivor = await pair(unicef)
    old = await make_assessment(unicef, loser["id"], conducted_on=OLD)
    new = await make_assessment(unicef, survivor["id"], conducted_on=NEW)
    await merged(api_for, loser, survivor)
    protect = "UPDATE partners SET protected = true, version = version + 1 WHERE id = :id"
    async with operator_database.session() as session:
        await session.execute(text(protect), {"id": UUID(survivor["id"])})
    for api in (unicef, holder):
        assert await standing(api, old) == [("superseded", new["id"], True)]
    assert (await other.get(f"{URL}/{new['id']}")).status_code == 404
    assert await standing(other, old) == [FINAL]


async def test_no_notice_is_given_of_the_end_of_what_a_merge_supersedes(
    api_for: ApiFor, worker_database: Database, operator_database: Database
) -> None:
    unicef = await api_for("UNICEF")
    loser, survivor = await pair(unicef)
    old = await make_assessment(unicef, loser["id"], conducted_on="2021-12-20")
    await make_assessment(unicef, survivor["id"], conducted_on=NEW)
    day = (datetime.now(UTC) + timedelta(days=45)).date()
    async with operator_database.session() as session:
        sql = "UPDATE assessments SET valid_until = :day WHERE id = :id"
        await session.execute(text(sql), {"day": day, "id": UUID(old["id"])})

    async def told() -> list[int]:
        while await notify_expiring(worker_database):
            pass
        sql = "SELECT (data ->> 'days')::int FROM outbox WHERE subject_id = :id AND type = :type"
        values = {"id": UUID(old["id"]), "type": "assessment.expiring"}
        async with operator_database.session() as session:
            return list(await session.scalars(text(sql), values))

    merge = await merged(api_for, loser, survivor)
    assert await told() == []
    await unmerged(api_for, merge)
    assert await told() == [60]
