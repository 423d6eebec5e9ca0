"""What happens at once: real requests on real connections; one of them is first, none is lost."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from app.core.db import Database
from tests.conftest import ApiFor
from tests.partners.merges.support import decided, merged, of, pair, proposed
from tests.sanctions.factories import TERMS, reviewed_case
from tests.support import Api

ROUNDS = 3


async def _aliases(database: Database, *partners: dict[str, Any]) -> set[tuple[str, str]]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT partner_id, survivor_id FROM partner_aliases WHERE partner_id = ANY ($1)",
            [UUID(partner["id"]) for partner in partners],
        )
    return {(str(row[0]), str(row[1])) for row in rows}


async def _both(*calls: Any) -> list[int]:
    answers = await asyncio.gather(*calls)
    return [answer.status_code for answer in answers]


async def test_two_profiles_merged_into_each_other_at_once(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    for _ in range(ROUNDS):
        a, b = await pair(unicef)
        one, other = await proposed(unicef, a, b), await proposed(unicef, b, a)
        codes = await _both(decided(wfp, one), decided(wfp, other))
        assert sorted(codes) == [200, 409]
        stands = {(a["id"], b["id"])} if codes[0] == 200 else {(b["id"], a["id"])}
        assert await _aliases(operator_database, a, b) == stands


async def test_one_profile_merged_into_two_at_once(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, undp = await api_for("UNICEF"), await api_for("UNDP")
    for _ in range(ROUNDS):
        (a, b), (c, _d) = await pair(unicef), await pair(unicef)
        url = f"/v1/partners/{a['id']}/merge"
        codes = await _both(
            *(
                api.post(url, json={"into": into["id"], "reason": "One."}, headers=of(1))
                for api, into in ((unicef, b), (undp, c))
            )
        )
        assert sorted(codes) == [201, 409]


async def test_a_chain_grown_at_both_ends_at_once_is_flat(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    for _ in range(ROUNDS):
        (a, b), (c, d) = await pair(unicef), await pair(unicef)
        merges = [await proposed(unicef, *two) for two in ((a, b), (b, c), (c, d))]
        codes = await _both(*(decided(wfp, merge) for merge in merges))
        assert 200 in codes
        flat = await _aliases(operator_database, a, b, c, d)
        assert {loser for loser, _ in flat}.isdisjoint(survivor for _, survivor in flat)
        assert len(flat) == codes.count(200)


async def test_two_persons_approve_at_once(api_for: ApiFor, operator_database: Database) -> None:
    unicef, wfp, undp = await api_for("UNICEF"), await api_for("WFP"), await api_for("UNDP")
    for _ in range(ROUNDS):
        a, b = await pair(unicef)
        merge = await proposed(unicef, a, b)
        codes = await _both(decided(wfp, merge), decided(undp, merge))
        assert sorted(codes) == [200, 412]
        async with operator_database.connection() as connection:
            told = await connection.fetchval(
                "SELECT count(*) FROM outbox WHERE subject_id = $1 AND type = 'partner.merged'",
                UUID(a["id"]),
            )
        assert told == 1


@pytest.mark.parametrize("which", [0, 1])
async def test_a_merge_and_an_edit_of_either_profile_at_once(
    api_for: ApiFor, operator_database: Database, which: int
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    for _ in range(ROUNDS):
        profiles = await pair(unicef)
        merge = await proposed(unicef, *profiles)
        url = f"/v1/partners/{profiles[which]['id']}"
        edit = unicef.patch(url, json={"acronym": "NEW"}, headers=of(1))
        codes = await _both(decided(wfp, merge), edit)
        assert codes[0] == 200
        assert codes[1] in ((200, 409, 412) if which == 0 else (200,))
        async with operator_database.connection() as connection:
            row = await connection.fetchrow(
                "SELECT version, acronym, (SELECT count(*) FROM partner_versions v "
                "WHERE v.partner_id = p.id) AS kept FROM partners p WHERE id = $1",
                UUID(profiles[which]["id"]),
            )
        changes = codes.count(200) if which == 0 else 1
        assert (row["version"], row["kept"]) == (1 + changes, changes)
        assert (row["acronym"] == "NEW") == (codes[1] == 200)


async def test_a_merge_and_a_new_measure_on_the_loser_at_once(
    api_for: ApiFor, operator_database: Database
) -> None:
    """Whoever is first: the partner is sanctioned, and the feed comes to name the survivor."""
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    approver = await api_for("UNDP_APPROVER")
    body = {"measure": "DEBARMENT_FIXED", "reason": "Forged invoices.", **TERMS}
    for _ in range(3):
        loser, survivor = await pair(unicef)
        case = await reviewed_case(api_for, loser["id"])
        merge = await proposed(unicef, loser, survivor)
        decision = approver.post(
            f"/v1/sanctions/cases/{case['id']}/decision",
            json=body,
            headers=of(case["version"]),
        )
        assert await _both(decided(wfp, merge), decision) == [200, 201]
        ask = {"partner": {"id": survivor["id"]}, "country": "KEN", "purpose": "CONTRACTING"}
        answer = await approver.made("/v1/clearances", ask)
        assert answer["outcome"] == "BLOCKED"
        async with operator_database.connection() as connection:
            # Written before the merge, and so renewed after it; or with the survivor at once.
            order = await connection.fetchrow(
                "SELECT (SELECT convert_from(entry, 'UTF8')::jsonb ->> 'partner_id' "
                "FROM feed_pending WHERE entry_id = e.id::text ORDER BY id DESC LIMIT 1) AS named, "
                "e.created_at < p.updated_at AS before "
                "FROM sanction_entries e JOIN partners p ON p.id = e.partner_id "
                "WHERE e.partner_id = $1",
                UUID(loser["id"]),
            )
        assert order["before"] or order["named"] == survivor["id"]


async def test_undoing_and_the_next_merge_of_the_survivor_at_once(
    api_for: ApiFor, operator_database: Database
) -> None:
    unicef, wfp = await api_for("UNICEF"), await api_for("WFP")
    for _ in range(ROUNDS):
        (a, b), (c, _d) = await pair(unicef), await pair(unicef)
        merge = await merged(api_for, a, b)
        url = f"/v1/partner-merges/{merge['id']}/undo"
        asked = (await unicef.post(url, json={"reason": "Two."})).json()
        following = await proposed(unicef, b, c)
        codes = await _both(decided(wfp, asked, step="undo/approval"), decided(wfp, following))
        assert codes == [200, 200]
        assert await _aliases(operator_database, a, b, c) == {(b["id"], c["id"])}


async def test_a_clearance_sees_all_of_a_merge_or_nothing_of_it(api_for: ApiFor) -> None:
    unicef, wfp, undp = await api_for("UNICEF"), await api_for("WFP"), await api_for("UNDP")
    loser, survivor = await pair(unicef)
    case = await reviewed_case(api_for, loser["id"])
    approver = await api_for("UNDP_APPROVER")
    body = {"measure": "DEBARMENT_FIXED", "reason": "Forged invoices.", **TERMS}
    await approver.made(
        f"/v1/sanctions/cases/{case['id']}/decision", body, headers=of(case["version"])
    )
    merge = await proposed(unicef, loser, survivor)
    done = asyncio.create_task(decided(wfp, merge))
    seen: list[str] = []
    while not done.done():
        seen += await _outcomes(undp, loser, survivor)
    assert (await done).status_code == 200
    # One started after the merge was answered must see it.
    assert await _outcomes(undp, loser, survivor) == ["BLOCKED", "BLOCKED"]


async def _outcomes(api: Api, loser: dict[str, Any], survivor: dict[str, Any]) -> list[str]:
    ask = {"country": "KEN", "purpose": "CONTRACTING"}
    answers = await asyncio.gather(
        *(
            api.made("/v1/clearances", ask | {"partner": {"id": one["id"]}})
            for one in (loser, survivor)
        )
    )
    for answer in answers:
        meant, blocked = answer["match"]["partner_id"], answer["outcome"] == "BLOCKED"
        # Before: each for itself, the loser blocked. After: both for the survivor, blocked.
        assert blocked == (meant == loser["id"] or bool(answer["restrictions"]))
        if meant == loser["id"]:
            assert blocked
    if answers[0]["match"]["partner_id"] == survivor["id"]:
        assert answers[0]["outcome"] == "BLOCKED"
    return [answer["outcome"] for answer in answers]
