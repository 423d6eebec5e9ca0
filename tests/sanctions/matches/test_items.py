"""What a re-screening does to work items, and what they do to their partner."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.db import Database
from app.sanctions.matches.items import Counts
from app.sanctions.matches.rules import RULES, due_from
from tests.conftest import ApiFor
from tests.partners.factories import make_partner
from tests.sanctions.matches.support import (
    Rescreening,
    a_find,
    confirmed,
    detail_of,
    match_of,
    matches_of,
    say,
    standing_reasons,
)
from tests.support import World


async def holding(operator: Database, partner: str) -> list[str]:
    """Reasons in force on a profile, whoever may know of them."""
    async with operator.session() as session:
        rows = await session.execute(
            text("SELECT reason FROM restraints_in_force(:id) ORDER BY reason"),
            {"id": UUID(partner)},
        )
        return [row.reason for row in rows]


async def test_a_pair_is_one_item_and_holds_the_partner_back_until_somebody_clears_it(
    api_for: ApiFor, rescreening: Rescreening, operator_database: Database
) -> None:
    wfp, fao = await api_for("WFP"), await api_for("FAO")
    partner = (await make_partner(wfp))["id"]
    found = a_find(partner)
    assert await rescreening.subject(partner, found) == Counts(added=1)
    assert await rescreening.subject(partner, found) == Counts()
    match = await match_of(wfp, partner)
    assert (match["state"], match["own"]["state"], match["version"]) == ("open", "open", 1)
    assert await holding(operator_database, partner) == ["POTENTIAL_MATCH"]
    assert await standing_reasons(fao, partner) == []
    told = await say(wfp, match)
    assert (told["state"], told["own"]["state"], told["own"]["by"]) == (
        *("decided", "not_a_match"),
        "own",
    )
    assert await holding(operator_database, partner) == []
    # Cleared once for all; what another agency thinks is its own.
    assert (await match_of(fao, partner))["own"]["state"] == "open"


async def test_only_another_hash_opens_it_again(
    api_for: ApiFor, rescreening: Rescreening, operator_database: Database
) -> None:
    wfp = await api_for("WFP")
    partner = (await make_partner(wfp))["id"]
    found = a_find(partner)
    await rescreening.subject(partner, found)
    await say(wfp, await match_of(wfp, partner))
    nearer = replace(found, score=0.99, reference="QDe.1", explanation={"other": 1})
    assert await rescreening.entry(found.entry_id, nearer) == Counts()
    assert (await match_of(wfp, partner))["state"] == "decided"
    for changed in (
        replace(found, subject_hash=b"t" * 32),
        replace(found, subject_hash=b"t" * 32, entry_hash=b"f" * 32),
    ):
        assert await rescreening.subject(partner, changed) == Counts(reopened=1)
        match = await match_of(wfp, partner)
        assert (match["state"], match["own"]["state"]) == ("open", "open")
        assert await holding(operator_database, partner) == ["POTENTIAL_MATCH"]
    [former] = (await detail_of(wfp, match))["decisions"]
    assert (former["current"], former["round"], match["round"]) == (False, 1, 3)
    assert former["subject_hash"] == (b"s" * 32).hex(), "it says what it was bound to"


async def test_what_is_gone_lifts_what_it_put_and_nothing_else(
    api_for: ApiFor, rescreening: Rescreening, operator_database: Database
) -> None:
    wfp = await api_for("WFP")
    partner = (await make_partner(wfp))["id"]
    first, other = a_find(partner), a_find(partner)
    await rescreening.subject(partner, first, other)
    [one, two] = await matches_of(wfp, partner)
    confirmed_id = await confirmed(wfp, await api_for("WFP_REVIEWER"), one)
    assert await holding(operator_database, partner) == ["CONFIRMED_MATCH", "POTENTIAL_MATCH"]
    kept = first if str(first.entry_id) == two["entry_id"] else other
    gone = other if kept is first else first
    assert await rescreening.entry(gone.entry_id) == Counts(obsolete=1)
    assert await holding(operator_database, partner) == ["POTENTIAL_MATCH"]
    assert await rescreening.subject(partner) == Counts(obsolete=1)
    assert await holding(operator_database, partner) == []
    # Listed again as it was: what was decided of it stands.
    assert await rescreening.entry(gone.entry_id, gone) == Counts()
    assert await holding(operator_database, partner) == ["CONFIRMED_MATCH"]
    again = await match_of(wfp, partner, state="decided")
    assert (again["id"], again["own"]["state"]) == (confirmed_id["id"], "true_match")
    assert await rescreening.entry(kept.entry_id, kept) == Counts(reopened=1)


async def test_the_truth_of_some_streams_says_nothing_of_others(
    api_for: ApiFor, rescreening: Rescreening, world: World
) -> None:
    wfp = await api_for("WFP")
    partner = (await make_partner(wfp))["id"]
    shared = a_find(partner)
    own = a_find(partner, source="eu_fsf", holder=world.agencies["WFP"])
    await rescreening.subject(partner, shared, own)
    assert await rescreening.subject(partner, streams=["source.ofac_sdn"]) == Counts()
    assert await rescreening.subject(partner, streams=["source.eu_fsf"]) == Counts(obsolete=1)
    assert await rescreening.subject(partner, own, streams=["source.eu_fsf"]) == Counts(reopened=1)
    assert await rescreening.subject(partner, streams=["inter_agency"]) == Counts(obsolete=1)
    states = {one["source"]: one["state"] for one in await matches_of(wfp, partner)}
    assert states == {"unsc": "obsolete", "eu_fsf": "open"}


async def test_a_pair_of_an_own_list_is_nobody_elses(
    api_for: ApiFor, rescreening: Rescreening, world: World, operator_database: Database
) -> None:
    wfp, fao = await api_for("WFP"), await api_for("FAO")
    partner = (await make_partner(wfp))["id"]
    await rescreening.subject(partner, a_find(partner, holder=world.agencies["WFP"]))
    match = await match_of(wfp, partner)
    assert match["own_list"] is True
    assert await matches_of(fao, partner) == []
    await confirmed(wfp, await api_for("WFP_REVIEWER"), match)
    assert await holding(operator_database, partner) == [], "no lock on the shared profile"
    for answer in (
        await fao.get(f"/v1/sanctions/matches/{match['id']}"),
        await fao.post(
            f"/v1/sanctions/matches/{match['id']}/decision",
            json={"decision": "NOT_A_MATCH", "reason": "x"},
            headers={"If-Match": '"v1"'},
        ),
    ):
        absent = await fao.get(f"/v1/sanctions/matches/{uuid4()}")
        assert (answer.status_code, answer.json()["code"]) == (404, absent.json()["code"])


async def test_two_holders_of_one_listed_party_have_an_item_each(
    api_for: ApiFor, rescreening: Rescreening, world: World
) -> None:
    wfp, fao = await api_for("WFP"), await api_for("FAO")
    partner = (await make_partner(wfp))["id"]
    mine = a_find(partner, source="eu_fsf", holder=world.agencies["WFP"])
    theirs = replace(mine, holder=world.agencies["FAO"])
    assert await rescreening.entry(mine.entry_id, mine, theirs) == Counts(added=2)
    await say(wfp, await match_of(wfp, partner))
    assert (await match_of(fao, partner))["state"] == "open"


async def test_a_find_of_another_subject_or_party_is_a_mistake(
    api_for: ApiFor, rescreening: Rescreening
) -> None:
    partner = (await make_partner(await api_for("WFP")))["id"]
    with pytest.raises(ValueError, match="another subject"):
        await rescreening.subject(partner, a_find(str(uuid4())))
    with pytest.raises(ValueError, match="another listed party"):
        await rescreening.entry(uuid4(), a_find(partner))


async def test_it_is_due_in_five_working_days(api_for: ApiFor, rescreening: Rescreening) -> None:
    friday = datetime(2026, 11, 20, 15, tzinfo=UTC)
    assert due_from(friday) == datetime(2026, 11, 27, 15, tzinfo=UTC)
    assert due_from(datetime(2026, 11, 23, 9, tzinfo=UTC)) == datetime(2026, 11, 30, 9, tzinfo=UTC)
    assert (RULES.due.working_days, RULES.due.emergency_hours) == (5, 48)
    wfp = await api_for("WFP")
    partner = (await make_partner(wfp))["id"]
    await rescreening.subject(partner, a_find(partner))
    match = await match_of(wfp, partner)
    opened = datetime.fromisoformat(match["opened_at"])
    assert datetime.fromisoformat(match["due_at"]) == due_from(opened)


@pytest.mark.parametrize(
    "change",
    ["state = 'decided'", "gone_at = now()", "version = 9", "holder = app_agency()"],
)
async def test_an_agency_writes_no_pair_itself(
    change: str, api_for: ApiFor, rescreening: Rescreening, database: Database, world: World
) -> None:
    partner = (await make_partner(await api_for("WFP")))["id"]
    await rescreening.subject(partner, a_find(partner))
    with pytest.raises(DBAPIError, match="permission denied"):
        async with database.session(world.agencies["WFP"]) as session:
            await session.execute(text(f"UPDATE screening_matches SET {change}"))
