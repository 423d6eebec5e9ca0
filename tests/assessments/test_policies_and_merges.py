"""A policy about a partner and a merge: what is shared with whom, before, during and after it.

A merge by itself shows nobody anything. What the owner does while two profiles are one, filing or
giving a policy, holds for both; undoing the merge takes exactly that back, at once.
"""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from app.core.db import Database
from tests.assessments.factories import make_assessment, make_share
from tests.assessments.support import run
from tests.assessments.test_standing import URL, body, status
from tests.conftest import ApiFor, Settle
from tests.partners.merges.support import decided, merged, pair, proposed, unmerged
from tests.support import Api, World


async def _read(api: Api, *assessments: dict[str, Any]) -> list[int]:
    return [await status(api, one["id"]) for one in assessments]


async def test_a_merge_hides_nothing_that_was_shared_and_shows_nothing_that_was_not(
    api_for: ApiFor,
) -> None:
    unicef, wfp, fao = [await api_for(code) for code in ("UNICEF", "WFP", "FAO")]
    loser, survivor = await pair(unicef)
    about_loser = await make_assessment(unicef, loser["id"])
    about_survivor = await make_assessment(unicef, survivor["id"])
    draft = await make_assessment(unicef, loser["id"], status="draft")
    await unicef.made(URL, body(partner_id=loser["id"]))
    await unicef.made(URL, body(partner_id=survivor["id"], shared_with="FAO"))
    merge = await merged(api_for, loser, survivor)
    assert await _read(wfp, about_loser, about_survivor) == [200, 404]
    assert await _read(fao, about_loser, about_survivor) == [404, 200]
    await unicef.patch(
        f"/v1/assessments/{draft['id']}", json={"status": "final"}, headers={"If-Match": '"v1"'}
    )
    assert (await _read(wfp, draft), await _read(fao, draft)) == ([200], [404])
    await unmerged(api_for, merge)
    assert await _read(wfp, about_loser, about_survivor, draft) == [200, 404, 200]
    assert await _read(fao, about_loser, about_survivor, draft) == [404, 200, 404]


async def test_what_is_filed_about_the_survivor_is_shared_by_both_policies_until_the_undo(
    api_for: ApiFor,
) -> None:
    unicef, wfp, fao, undp = [await api_for(code) for code in ("UNICEF", "WFP", "FAO", "UNDP")]
    loser, survivor = await pair(unicef)
    await unicef.made(URL, body(partner_id=loser["id"]))
    await unicef.made(URL, body(partner_id=survivor["id"], shared_with="FAO"))
    merge = await merged(api_for, loser, survivor)
    filed = await make_assessment(unicef, survivor["id"])
    closed = await make_assessment(unicef, survivor["id"], confidentiality="AGENCY_ONLY")
    foreign = await make_assessment(undp, survivor["id"])
    unrelated = await make_assessment(unicef)
    assert await _read(wfp, filed, closed, foreign, unrelated) == [200, 404, 404, 404]
    assert await _read(fao, filed, closed, foreign, unrelated) == [200, 404, 404, 404]
    await unmerged(api_for, merge)
    assert (await _read(wfp, filed), await _read(fao, filed)) == ([404], [200])
    later = await make_assessment(unicef, survivor["id"])
    assert (await _read(wfp, later), await _read(fao, later)) == ([404], [200])


async def test_a_policy_given_about_the_survivor_holds_for_both_profiles_until_the_undo(
    api_for: ApiFor,
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    loser, survivor = await pair(unicef)
    of_loser = await make_assessment(unicef, loser["id"])
    of_survivor = await make_assessment(unicef, survivor["id"])
    merge = await merged(api_for, loser, survivor)
    await unicef.made(URL, body(partner_id=survivor["id"]))
    assert await _read(wfp, of_loser, of_survivor) == [200, 200]
    await unmerged(api_for, merge)
    assert await _read(wfp, of_loser, of_survivor) == [404, 200]
    again = await merged(api_for, loser, survivor)
    assert await _read(wfp, of_loser, of_survivor) == [404, 200], "the owner has not said so since"
    await unmerged(api_for, again)


async def test_a_chain_of_merges_counts_each_from_its_own_day_and_parts_where_it_is_undone(
    api_for: ApiFor,
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    first, second = await pair(unicef)
    third, _ = await pair(unicef)
    await unicef.made(URL, body(partner_id=first["id"]))
    await merged(api_for, first, second)
    filed = await make_assessment(unicef, second["id"])
    before = await make_assessment(unicef, third["id"])
    upper = await merged(api_for, second, third)
    after = await make_assessment(unicef, third["id"])
    assert await _read(wfp, filed, before, after) == [200, 404, 200]
    await unmerged(api_for, upper)
    assert await _read(wfp, filed, before, after) == [200, 404, 404]


async def test_a_share_is_of_its_record_and_knows_of_no_merge(api_for: ApiFor) -> None:
    unicef, wfp, fao = [await api_for(code) for code in ("UNICEF", "WFP", "FAO")]
    loser, survivor = await pair(unicef)
    shared = await make_assessment(unicef, loser["id"])
    other = await make_assessment(unicef, survivor["id"])
    await make_share(unicef, shared["id"])
    merge = await merged(api_for, loser, survivor)
    new = await make_assessment(unicef, survivor["id"])
    for _ in range(2):
        assert await _read(wfp, shared, other, new) == [200, 404, 404]
        assert await _read(fao, shared, other, new) == [404, 404, 404]
        if merge["state"] == "merged":
            merge = await unmerged(api_for, merge)


async def test_a_policy_that_is_ended_ends_for_all_profiles(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    loser, survivor = await pair(unicef)
    given = await unicef.made(URL, body(partner_id=loser["id"]))
    old = await make_assessment(unicef, loser["id"])
    await merged(api_for, loser, survivor)
    new = await make_assessment(unicef, survivor["id"])
    assert await _read(wfp, old, new) == [200, 200]
    for one in (loser, survivor):
        found = await wfp.read(f"{URL}?partner_id={one['id']}")
        assert [item["id"] for item in found["items"]] == [given["id"]]
    assert (await unicef.delete(f"{URL}/{given['id']}")).status_code == 204
    assert await _read(wfp, old, new) == [404, 404]


async def test_the_worker_that_applies_policies_anew_keeps_what_a_merge_lets_them_share(
    api_for: ApiFor, worker_database: Database, settle: Settle
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    loser, survivor = await pair(unicef)
    await unicef.made(URL, body(partner_id=loser["id"]))
    before = await make_assessment(unicef, survivor["id"])
    await merged(api_for, loser, survivor)
    filed = await make_assessment(unicef, survivor["id"])
    again = (
        "SELECT apply_sharing_policies(id, owner_agency, false) FROM assessments "
        "WHERE partner_id = :partner"
    )
    await run(worker_database, None, again, partner=UUID(survivor["id"]))
    await settle()
    assert await _read(wfp, before, filed) == [404, 200]


async def test_a_record_filed_while_a_merge_is_undone_is_not_left_shared(
    api_for: ApiFor, database: Database, world: World
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    loser, survivor = await pair(unicef)
    await unicef.made(URL, body(partner_id=loser["id"]))
    merge = await merged(api_for, loser, survivor)
    filed = await make_assessment(unicef, survivor["id"])
    asked = await unicef.post(
        f"/v1/partner-merges/{merge['id']}/undo", json={"reason": "Two certificates."}
    )
    copy = (
        "INSERT INTO assessments SELECT (jsonb_populate_record(a, jsonb_build_object('id', "
        "CAST(:new AS text), 'current_key', NULL))).* FROM assessments a WHERE a.id = :old"
    )
    new = uuid4()
    async with database.session(world.agencies["UNICEF"]) as session:
        await session.execute(text(copy), {"new": str(new), "old": UUID(filed["id"])})
        undoing = asyncio.create_task(decided(wfp, asked.json(), step="undo/approval"))
        await asyncio.sleep(0.3)
        assert not undoing.done(), "it waits for what is being written about the profiles"
    assert (await undoing).status_code == 200
    listed = "SELECT record_id FROM assessments_acl WHERE record_id = ANY (:ids)"
    ids = [new, UUID(filed["id"])]
    assert await run(database, world.agencies["WFP"], listed, ids=ids) == []


async def test_a_rejected_proposal_and_a_rejected_undo_change_nothing(api_for: ApiFor) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    loser, survivor = await pair(unicef)
    await unicef.made(URL, body(partner_id=loser["id"]))
    refused = await decided(wfp, await proposed(unicef, loser, survivor), "reject")
    assert refused.status_code == 200
    apart = await make_assessment(unicef, survivor["id"])
    merge = await merged(api_for, loser, survivor)
    asked = await unicef.post(
        f"/v1/partner-merges/{merge['id']}/undo", json={"reason": "Two certificates."}
    )
    filed = await make_assessment(unicef, survivor["id"])
    kept = await decided(wfp, asked.json(), "reject", step="undo/approval")
    assert kept.json()["state"] == "merged"
    assert await _read(wfp, apart, filed) == [404, 200]
