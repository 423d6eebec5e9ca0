"""However many deciders press at once: one measure, and every change in its turn."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text

from app.core.clock import utc_now
from app.core.db import Database
from app.sanctions.entries.errors import EntryOverlaps
from app.sanctions.entries.schemas import MeasureTerms
from app.sanctions.entries.service import NewEntry, impose
from tests.conftest import ApiFor
from tests.sanctions.entries.support import day, measure, new_partner, version
from tests.sanctions.entries.test_terms import caller_of
from tests.support import World


async def _rounds(database: Database, world: World, partner: str, rounds: int) -> None:
    """Two debarments of one agency on one partner, at the same instant, on two connections; each
    round begins a day after the one before has ended."""
    caller = caller_of(world)

    async def debar(terms: MeasureTerms, gate: asyncio.Barrier) -> str:
        try:
            async with database.session(caller.binding) as session:
                # Both transactions are open before either writes.
                await session.execute(text("SELECT 1"))
                await gate.wait()
                new = NewEntry(UUID(partner), None, ["FRAUDULENT"], terms)
                await impose(session, caller, new, utc_now())
        except EntryOverlaps:
            return "lost"
        return "won"

    for number in range(rounds):
        first = {"effective_from": day(3 * number), "effective_to": day(3 * number + 1)}
        second = {"effective_from": day(3 * number + 1), "effective_to": day(3 * number + 2)}
        gate = asyncio.Barrier(2)
        done = await asyncio.gather(
            *(
                debar(MeasureTerms.model_validate({"measure": "DEBARMENT_FIXED", **dates}), gate)
                for dates in (first, second)
            )
        )
        assert sorted(done) == ["lost", "won"], number
    async with database.session(caller.binding) as session:
        stored = await session.scalar(
            text("SELECT count(*) FROM sanction_entries WHERE partner_id = :partner"),
            {"partner": UUID(partner)},
        )
    assert stored == rounds


async def test_of_two_debarments_at_once_one_wins(
    api_for: ApiFor, database: Database, world: World
) -> None:
    await _rounds(database, world, await new_partner(api_for), 15)


@pytest.mark.drill
async def test_of_two_debarments_at_once_one_wins_two_hundred_times(
    api_for: ApiFor, database: Database, world: World
) -> None:
    await _rounds(database, world, await new_partner(api_for), 200)


async def test_a_lift_and_a_change_at_once_take_their_turns(
    api_for: ApiFor, database: Database
) -> None:
    undp = await api_for("UNDP_APPROVER")
    for _ in range(4):
        entry = await measure(api_for)
        url = f"/v1/sanctions/entries/{entry['entry_id']}"
        answers = await asyncio.gather(
            undp.post(f"{url}/lift", json={"reason": "Served."}, headers=version(entry)),
            undp.patch(url, json={"contact_office": "Ethics"}, headers=version(entry)),
        )
        assert sorted(one.is_success for one in answers) == [False, True]
        assert {one.status_code for one in answers if not one.is_success} == {412}
        rows = (await undp.read(f"{url}/history"))["items"]
        assert [one["version"] for one in rows] == [1, 2]


async def test_two_persons_approve_an_end_once(api_for: ApiFor) -> None:
    entry = await measure(api_for)
    url = f"/v1/sanctions/entries/{entry['entry_id']}"
    asked = await (await api_for("UNDP")).made(
        f"{url}/annul", {"reason": "Wrong partner."}, headers=version(entry)
    )
    body = {"decision": "approve", "reason": "Checked."}
    answers = await asyncio.gather(
        *[
            (await api_for(name)).post(
                f"{url}/acts/{asked['id']}/decision", json=body, headers={"If-Match": '"v1"'}
            )
            for name in ("UNDP_APPROVER", "UNDP_REVIEWER")
        ]
    )
    assert sorted(one.status_code for one in answers) == [200, 412]
