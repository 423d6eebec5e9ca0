"""What a case does to the list: one decision, one change of it, and no day in between."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.db import Database
from app.sanctions.entries.expiry import expire_entries
from tests.conftest import ApiFor, Settle
from tests.partners.claims.support import claimed_partner
from tests.sanctions.cases.support import REASON, Case, code, day, fourth, version
from tests.sanctions.cases.test_procedures import approved
from tests.sanctions.entries.support import changes
from tests.support import World

LATER: dict[str, Any] = {"effective_from": day(10), "effective_to": day(700)}


async def _suspended(api_for: ApiFor) -> tuple[Case, list[str]]:
    """A case with a suspension until day 89 and its renewal until day 150."""
    case = await Case.open(api_for)
    await case.told()
    decider, url = await case.decider(), f"{case.url}/interim-suspensions"
    first = await decider.made(url, {"effective_from": day(), "until_on": day(89)} | REASON)
    second = await decider.made(url, {"effective_from": day(90), "until_on": day(150)} | REASON)
    await case.replied()
    await case.reviewed()
    return case, [first["entry_id"], second["entry_id"]]


async def _on(case: Case, entries: list[str], days: int) -> list[str]:
    api = await case.investigator()
    urls = [f"/v1/sanctions/entries/{entry}?on={day(days)}" for entry in entries]
    return [(await api.read(url))["status"] for url in urls]


async def test_a_measure_takes_the_place_of_a_suspension_without_a_day_between(
    api_for: ApiFor, settle: Settle
) -> None:
    case, interims = await _suspended(api_for)
    entry = (await case.decide(**LATER)).json()
    assert entry["supersedes"] == interims[0]
    every = [*interims, entry["entry_id"]]
    assert await _on(case, every, 9) == ["ACTIVE", "LIFTED", "PENDING"]
    assert await _on(case, every, 10) == ["SUPERSEDED", "LIFTED", "ACTIVE"]
    assert await _on(case, every, 120) == ["SUPERSEDED", "LIFTED", "ACTIVE"]
    ends = [item["ended_on"] for item in (await case.read())["interims"]]
    assert ends == [day(10), day()]
    # That there was a suspension is nobody else's to know.
    wfp = await api_for("WFP")
    assert (await wfp.read(f"/v1/sanctions/entries/{entry['entry_id']}"))["supersedes"] is None
    await settle()
    page = await wfp.read("/v1/feeds/sanctions/changes?after=0&limit=1000")
    assert interims[0] not in str(page)


@pytest.mark.parametrize(
    ("starts", "expected"),
    [
        (-3, ["SUPERSEDED", "LIFTED", "ACTIVE"]),  # of before: it stands for all of its days
        (90, ["ACTIVE", "LIFTED", "PENDING"]),  # from the day after the first one ends
        (120, ["ACTIVE", "PENDING", "PENDING"]),  # during the renewal, whose place it takes
        (300, ["ACTIVE", "PENDING", "PENDING"]),  # later than a suspension may last: each lapses
    ],
)
async def test_whichever_suspension_holds_on_its_first_day_is_followed(
    api_for: ApiFor, starts: int, expected: list[str]
) -> None:
    case, interims = await _suspended(api_for)
    done = await case.decide(effective_from=day(starts), effective_to=day(900))
    assert done.status_code == 201, done.text
    entry = done.json()
    every = [*interims, entry["entry_id"]]
    assert await _on(case, every, 0) == expected
    followed = {-3: interims[0], 90: interims[0], 120: interims[1], 300: None}
    assert entry["supersedes"] == followed[starts]
    for days in (0, 89, 90, 120, 151, 300):
        holds = (await _on(case, every, days)).count("ACTIVE")
        assert holds == (0 if starts == 300 and 150 < days < 300 else 1), days


async def test_a_measure_that_does_not_block_ends_a_suspension_today(api_for: ApiFor) -> None:
    case, interims = await _suspended(api_for)
    done = await case.decide(measure="CENSURE", effective_from=day(), effective_to=None)
    assert (done.status_code, done.json()["supersedes"]) == (201, None)
    assert await _on(case, interims, 0) == ["LIFTED", "LIFTED"]


async def test_no_decision_is_a_suspension_without_its_limits(
    api_for: ApiFor, database: Database, world: World
) -> None:
    case = await Case.open(api_for)
    await case.to_review()
    endless: dict[str, Any] = {"measure": "INTERIM_SUSPENSION", "effective_to": day(2000)}
    assert code(await case.decide(**endless)) == (422, "measure_terms")
    await case.decide()
    with pytest.raises(DBAPIError, match="no decision on this party"):
        async with database.session(world.agencies["UNDP"]) as session:
            await session.execute(
                text(
                    "INSERT INTO sanction_entries (id, partner_id, imposing_agency, case_id, "
                    "respondent_id, measure, blocking, new_agreements, renewals, level, practices, "
                    "procedure, decided_on, effective_from, effective_to, regime) "
                    "SELECT gen_random_uuid(), partner_id, agency_id, case_id, id, "
                    "'INTERIM_SUSPENSION', true, 'stop', 'stop', 'RESTRICTED', '{CORRUPT}', "
                    "'full', current_date, current_date, current_date + 30, 'VENDOR' "
                    "FROM sanction_respondents WHERE case_id = :case"
                ),
                {"case": UUID(case.opened["id"])},
            )


async def test_a_reduced_measure_follows_the_one_it_was(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    case = await Case.open(api_for)
    entry = await case.imposed(effective_from=day(-3), effective_to=day(700))
    judge = await fourth(api_for, operator_database, world)
    filed = {"filed_on": day(), "text": "Canary"}
    appeal = await (await case.investigator()).made(f"{case.url}/appeals", filed)
    url, less = f"{case.url}/appeals/{appeal['id']}/decision", {"measure": "DEBARMENT_FIXED"}
    for harsher in (
        less | {"effective_from": day(5), "effective_to": day(701)},
        less | {"effective_from": day(-9), "effective_to": day(300)},
        {"measure": "DEBARMENT_INDEFINITE", "effective_from": day(5)},
    ):
        body = {"outcome": "reduced", "terms": harsher} | REASON
        refused = await judge.post(url, json=body, headers=version(1))
        assert code(refused) == (422, "appeal_not_less")
    terms = less | {"effective_from": day(5), "effective_to": day(300)}
    await judge.made(url, {"outcome": "reduced", "terms": terms} | REASON, headers=version(1))
    follows = (await case.read())["respondents"][0]["entry_id"]
    both = [entry["entry_id"], follows]
    assert await _on(case, both, 4) == ["ACTIVE", "PENDING"]
    assert await _on(case, both, 5) == ["SUPERSEDED", "ACTIVE"]
    shown = await (await api_for("WFP")).read(f"/v1/sanctions/entries/{follows}")
    assert shown["supersedes"] == entry["entry_id"]


@pytest.mark.parametrize("starts", [31, -3])
async def test_the_partners_own_appeal_suspends_where_the_procedure_says_so(
    api_for: ApiFor,
    world: World,
    settle: Settle,
    operator_database: Database,
    worker_database: Database,
    starts: int,
) -> None:
    await approved(api_for, "UNHCR", appeal_suspensive=True)
    partner, own = await claimed_partner(api_for, world)
    case = await Case.open(api_for, "UNHCR", partner)
    await case.told(sent_on="2026-11-03")
    await case.replied(received_on="2026-11-10")
    await case.reviewed()
    entry = (await case.decide(effective_from=day(31), effective_to=day(700))).json()
    await settle()
    if starts < 0:  # the decision was sent late, and the measure runs
        async with operator_database.session() as session:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
            await session.execute(
                text(
                    "UPDATE sanction_entries SET effective_from = current_date - 3, "
                    "announced = 'ACTIVE' WHERE id = :id"
                ),
                {"id": UUID(entry["entry_id"])},
            )
    await expire_entries(worker_database)
    (seen,) = (await own.read("/v1/self/sanction-cases"))["items"]
    url = f"/v1/self/sanction-cases/{seen['id']}/appeals"
    assert (await own.made(url, {"text": "Canary: too long."}))["suspensive"] is True
    assert await _on(case, [entry["entry_id"]], 0) == ["LIFTED"]
    assert await _on(case, [entry["entry_id"]], 40) == ["LIFTED"]
    assert await expire_entries(worker_database) == 1
    assert await expire_entries(worker_database) == 0
    await settle()
    assert (await changes(api_for, entry))[-1] == ("remove", "lifted", None)
    standing = await (await api_for("WFP")).read(f"/v1/partners/{partner}/standing")
    assert standing["restraints"] == []
    # Upheld, the measure begins anew, and is no longer than it was.
    (appeal,) = (await case.read())["appeals"]
    judge = await fourth(api_for, operator_database, world, "UNHCR")
    decide = f"{case.url}/appeals/{appeal['id']}/decision"
    bare = await judge.post(decide, json={"outcome": "upheld"} | REASON, headers=version(1))
    assert code(bare) == (422, "terms_needed")
    longer = {"measure": "DEBARMENT_FIXED", "effective_from": day(), "effective_to": day(900)}
    body = {"outcome": "upheld", "terms": longer} | REASON
    refused = await judge.post(decide, json=body, headers=version(1))
    assert code(refused) == (422, "appeal_not_less")
    body["terms"] = longer | {"effective_to": day(669)}
    await judge.made(decide, body, headers=version(1))
    follows = (await case.read())["respondents"][0]["entry_id"]
    assert await _on(case, [entry["entry_id"], follows], 0) == ["LIFTED", "ACTIVE"]


async def test_a_reconsideration_suspends_nothing(api_for: ApiFor, world: World) -> None:
    partner, own = await claimed_partner(api_for, world)
    case = await Case.open(api_for, partner=partner)
    entry = await case.imposed()
    (seen,) = (await own.read("/v1/self/sanction-cases"))["items"]
    filed = {"text": "Canary", "kind": "reconsideration"}
    await own.made(f"/v1/self/sanction-cases/{seen['id']}/appeals", filed)
    assert await _on(case, [entry["entry_id"]], 0) == ["ACTIVE"]


async def test_the_list_says_when_a_measure_was_reviewed(api_for: ApiFor, settle: Settle) -> None:
    case = await Case.open(api_for)
    entry = await case.imposed(measure="DEBARMENT_INDEFINITE", effective_to=None)
    decider = await case.decider()
    await decider.made(f"{case.url}/measure-reviews", {"note": "Canary: nothing has changed."})
    shown = await (await api_for("WFP")).read(f"/v1/sanctions/entries/{entry['entry_id']}")
    assert (shown["last_reviewed"], shown["version"]) == (day(), 2)
    await settle()
    assert await changes(api_for, entry) == [("put", None, "ACTIVE")] * 2


async def _released_in_sql(database: Database, world: World, release: str, entry: str) -> None:
    async with database.session(world.agencies["UNDP"]) as session:
        await session.execute(
            text(
                "UPDATE sanction_releases SET outcome = 'released', decided_by = :person, "
                "decided_on = current_date, version = 3 WHERE id = :id"
            ),
            {"id": UUID(release), "person": world.persons["UNDP_APPROVER"]},
        )
        await session.execute(
            text(
                "UPDATE sanction_entries SET end_reason = 'released', ended_on = current_date "
                "WHERE id = :id"
            ),
            {"id": UUID(entry)},
        )


async def test_a_release_waits_for_conditions_and_its_earliest_day(
    api_for: ApiFor, operator_database: Database, database: Database, world: World
) -> None:
    case = await Case.open(api_for)
    entry = await case.imposed(
        measure="DEBARMENT_CONDITIONAL_RELEASE",
        effective_to=None,
        release_not_before=day(1),
        conditions=[{"condition": "Repay what was lost."}],
    )
    url = f"{case.url}/releases"
    made = await (await case.investigator()).made(url, {"text": "Canary"})
    url = f"{url}/{made['id']}"
    check = {"verified": True, "note": "Canary"}
    await (await case.reviewer()).made(f"{url}/verification", check)
    decider, released = await case.decider(), {"outcome": "released"} | REASON
    early = await decider.post(f"{url}/decision", json=released, headers=version(2))
    assert code(early) == (409, "conditions_not_met")
    assert (await case.read())["releases"][0]["outcome"] is None
    # Below the API the measure does not end either, whatever the row of the release says.
    with pytest.raises(DBAPIError, match="conditions of the release"):
        await _released_in_sql(database, world, made["id"], entry["entry_id"])
    async with operator_database.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(
            text("UPDATE sanction_entries SET release_not_before = current_date WHERE id = :id"),
            {"id": UUID(entry["entry_id"])},
        )
    condition = entry["conditions"][0]["id"]
    await decider.post(
        f"/v1/sanctions/entries/{entry['entry_id']}/conditions/{condition}/verification",
        json={"state": "met", "note": "Canary"},
        headers=version(1),
    )
    done = await decider.made(f"{url}/decision", released, headers=version(2))
    assert done["outcome"] == "released"
    assert await _on(case, [entry["entry_id"]], 0) == ["RELEASED"]


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("sanction_entries", "ended_on = current_date, end_reason = 'lifted', ended_by = :person"),
        ("sanction_entries", "ended_on = current_date, end_reason = 'released'"),
    ],
)
async def test_only_persons_of_the_agency_end_a_measure(
    api_for: ApiFor, database: Database, world: World, table: str, change: str
) -> None:
    case = await Case.open(api_for)
    entry = await case.imposed()
    values: dict[str, Any] = {"id": UUID(entry["entry_id"])}
    if ":person" in change:
        values["person"] = world.persons["WFP"]
    with pytest.raises(DBAPIError, match=r"sanction_own_person|takes two persons"):
        async with database.session(world.agencies["UNDP"]) as session:
            await session.execute(text(f"UPDATE {table} SET {change} WHERE id = :id"), values)


async def test_only_persons_of_the_agency_act_on_a_measure(
    api_for: ApiFor, database: Database, world: World
) -> None:
    case = await Case.open(api_for)
    entry = await case.imposed()
    with pytest.raises(DBAPIError, match="sanction_own_person"):
        async with database.session(world.agencies["UNDP"]) as session:
            await session.execute(
                text(
                    "INSERT INTO sanction_entry_acts (id, entry_id, owner_agency, kind, "
                    "proposed_by, sealed) VALUES (gen_random_uuid(), :id, :agency, 'annul', "
                    ":person, 'x')"
                ),
                {
                    "id": UUID(entry["entry_id"]),
                    "agency": world.agencies["UNDP"],
                    "person": world.persons["WFP"],
                },
            )


async def test_what_has_ended_is_not_brought_back_by_an_appeal(
    api_for: ApiFor, operator_database: Database, world: World
) -> None:
    case = await Case.open(api_for)
    entry = await case.imposed()
    filed = {"filed_on": day(), "text": "Canary"}
    appeal = await (await case.investigator()).made(f"{case.url}/appeals", filed)
    lift = f"/v1/sanctions/entries/{entry['entry_id']}/lift"
    await (await case.decider()).made(lift, REASON, headers=version(1))
    judge = await fourth(api_for, operator_database, world)
    url = f"{case.url}/appeals/{appeal['id']}/decision"
    less = {"measure": "CENSURE", "effective_from": day()}
    body = {"outcome": "reduced", "terms": less} | REASON
    gone = await judge.post(url, json=body, headers=version(1))
    assert code(gone) == (409, "step_out_of_order")
    await judge.made(url, {"outcome": "upheld"} | REASON, headers=version(1))
    assert await _on(case, [entry["entry_id"]], 0) == ["LIFTED"]
