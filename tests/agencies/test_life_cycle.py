"""Where an agency may stand, who lets it, and that the database says so, too."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any

import asyncpg
import pytest
from fastapi import FastAPI

from app.agencies import life_cycle
from app.agencies.life_cycle import AgencyProblem, Contact, NewAgency, Paper
from app.agencies.models import AGREEMENTS, REQUIRED_SUBJECTS
from app.core.clock import utc_now
from app.core.db import Database
from tests.agencies.support import WHY, calling, do, events_of, new_agency, new_code, one, withdraw
from tests.support import Api, World, plain_client

TODAY = utc_now().date()
NO_HASH = "0" * 64


async def applicant(database: Database, code: str, *, without: str = "", **paper: Any) -> None:
    """An applicant that has all it needs but what is named."""
    async with database.session() as session:
        await life_cycle.apply(session, NewAgency(code, code, "Office", "p@example.org"))
        for kind in AGREEMENTS:
            if kind != without:
                facts: dict[str, Any] = {
                    "signed_on": TODAY - timedelta(days=9),
                    "document_sha256": NO_HASH,
                }
                await life_cycle.record_agreement(
                    session,
                    code,
                    Paper(kind, f"{code}-{kind}", **(facts | paper)),
                    by="tester",
                    today=date.max,
                )
        for subject in REQUIRED_SUBJECTS:
            if subject != without:
                contact = Contact(subject, "Unit", "unit@example.org")
                await life_cycle.add_contact(session, code, contact)


async def status(database: Database, code: str) -> str:
    found: str = await one(database, "SELECT status FROM agencies WHERE code = $1", code)
    return found


async def by_hand(database: Database, code: str, to: str) -> str | None:
    """Constraint that refuses a status set past all our code, or None."""
    async with database.connection() as connection:
        try:
            await connection.execute("UPDATE agencies SET status = $2 WHERE code = $1", code, to)
        except asyncpg.CheckViolationError as error:
            return str(error.constraint_name)
    return None


@pytest.mark.parametrize("missing", [*AGREEMENTS, *REQUIRED_SUBJECTS])
async def test_nobody_becomes_active_without(missing: str, operator_database: Database) -> None:
    code = new_code()
    await applicant(operator_database, code, without=missing)
    with pytest.raises(AgencyProblem, match=f"lacks .*{missing}"):
        await do(operator_database, life_cycle.activate, code)
    assert await by_hand(operator_database, code, "active") == "agencies_active_needs"
    assert await status(operator_database, code) == "applicant"


@pytest.mark.parametrize(
    "paper",
    [
        {"valid_until": TODAY - timedelta(days=1)},
        {"signed_on": TODAY + timedelta(days=30)},
    ],
)
async def test_a_paper_that_is_not_in_force_counts_for_nothing(
    paper: dict[str, Any], operator_database: Database
) -> None:
    code = new_code()
    await applicant(operator_database, code, **paper)
    assert await by_hand(operator_database, code, "active") == "agencies_active_needs"


async def test_the_whole_life_is_written_down(operator_database: Database) -> None:
    code = new_code()
    await applicant(operator_database, code)
    for step in (life_cycle.activate, life_cycle.suspend, life_cycle.resume):
        await do(operator_database, step, code)
    await withdraw(operator_database, code, "UNDP")
    agency = await one(operator_database, "SELECT id FROM agencies WHERE code = $1", code)
    events = await events_of(operator_database, agency)
    assert [event for event in events if event.startswith("agency:record")] == [
        "agency:record:create",
        "agency:record:activate",
        "agency:record:suspend",
        "agency:record:resume",
        "agency:record:withdraw",
    ]
    async with operator_database.connection() as connection:
        told = await connection.fetch(
            "SELECT type FROM outbox WHERE subject_id = $1 ORDER BY id", agency
        )
        steps = await connection.fetch(
            "SELECT from_status, to_status, reason, recorded_by FROM agency_status_changes "
            "WHERE agency_id = $1 ORDER BY id",
            agency,
        )
        who = await connection.fetchrow(
            "SELECT DISTINCT client_id, agency_id FROM audit_events WHERE subject_id = $1", agency
        )
    assert [row["type"] for row in told] == [
        "agency.created",
        "agency.activated",
        "agency.suspended",
        "agency.resumed",
        "agency.withdrawn",
    ]
    assert [tuple(row) for row in steps][-1] == ("active", "withdrawn", "a test", "tester")
    assert len(steps) == 4
    assert tuple(who or ()) == ("operator", None)


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ((), "suspended"),
        ((), "withdrawn"),
        (("active",), "applicant"),
        (("active", "suspended"), "applicant"),
    ],
)
async def test_the_database_knows_no_other_way(
    path: tuple[str, ...], to: str, operator_database: Database
) -> None:
    code = new_code()
    await applicant(operator_database, code)
    for step in path:
        assert await by_hand(operator_database, code, step) is None
    assert await by_hand(operator_database, code, to) == "agencies_life_cycle"


async def test_there_is_no_way_back_from_withdrawal(
    operator_database: Database, world: World
) -> None:
    code = await new_agency(operator_database, world)
    await withdraw(operator_database, code, "UNDP")
    for to in ("active", "suspended", "applicant"):
        assert await by_hand(operator_database, code, to) == "agencies_life_cycle"
    for step in (life_cycle.activate, life_cycle.resume, life_cycle.suspend):
        with pytest.raises(AgencyProblem, match="is withdrawn"):
            await do(operator_database, step, code)
    with pytest.raises(AgencyProblem, match="only a participant"):
        await withdraw(operator_database, code, "UNDP")


async def test_an_agency_begins_as_an_applicant(operator_database: Database) -> None:
    async with operator_database.connection() as connection:
        with pytest.raises(asyncpg.CheckViolationError) as caught:
            await connection.execute(
                "INSERT INTO agencies (id, code, name, contact_office, contact_email, status) "
                "VALUES (uuidv7(), $1, 'x', 'x', 'x', 'active')",
                new_code(),
            )
    assert caught.value.constraint_name == "agencies_life_cycle"


async def test_resuming_needs_the_papers_again(operator_database: Database, world: World) -> None:
    code = await new_agency(operator_database, world)
    await do(operator_database, life_cycle.suspend, code)
    # Only a fault, or the end of a paper, takes one away.
    async with operator_database.connection() as connection:
        await connection.execute("ALTER TABLE focal_points DISABLE TRIGGER focal_points_required")
        await connection.execute(
            "DELETE FROM focal_points WHERE agency_id = $1 AND subject = 'legal'",
            world.agencies[code],
        )
        await connection.execute("ALTER TABLE focal_points ENABLE TRIGGER focal_points_required")
    with pytest.raises(AgencyProblem, match="lacks focal_point:legal"):
        await do(operator_database, life_cycle.resume, code)


async def test_of_two_activations_at_once_one_is_written_down(operator_database: Database) -> None:
    code = new_code()
    await applicant(operator_database, code)
    outcomes = await asyncio.gather(
        *(do(operator_database, life_cycle.activate, code) for _ in range(4)),
        return_exceptions=True,
    )
    assert sorted(type(item).__name__ for item in outcomes) == ["AgencyProblem"] * 3 + ["NoneType"]
    steps = "SELECT count(*) FROM agency_status_changes c JOIN agencies a ON a.id = c.agency_id "
    assert await one(operator_database, steps + "WHERE a.code = $1", code) == 1


async def test_clients_are_refused_from_the_next_request_on(
    operator_database: Database, app: FastAPI, world: World
) -> None:
    code = await new_agency(operator_database, world)
    async with calling(app, world, code) as api:
        assert (await api.get("/v1/agencies")).status_code == 200
        await do(operator_database, life_cycle.suspend, code)
        assert (await api.get("/v1/agencies")).status_code == 401
        await do(operator_database, life_cycle.resume, code)
        assert (await api.get("/v1/agencies")).status_code == 200
        await withdraw(operator_database, code, "UNDP")
        assert (await api.get("/v1/agencies")).status_code == 401
        assert (await writes(api)) == 401


async def writes(api: Api) -> int:
    body = {"legal_name": "X", "partner_type": "CBO", "country": "KEN"}
    return (await api.post("/v1/partners", json=body)).status_code


async def test_a_custodian_is_an_active_agency_or_an_office(
    operator_database: Database, world: World
) -> None:
    code, heir = (
        await new_agency(operator_database, world),
        await new_agency(operator_database, world),
    )
    for wrong, words in ((code, "another, active"), ("NOBODY_1", "no agency"), (" ", "no agency")):
        with pytest.raises(AgencyProblem, match=words):
            await withdraw(operator_database, code, wrong)
    await do(operator_database, life_cycle.suspend, heir)
    with pytest.raises(AgencyProblem, match="another, active"):
        await withdraw(operator_database, code, heir)
    await do(operator_database, life_cycle.resume, heir)
    await withdraw(operator_database, code, heir)
    # The heir leaves: what it answered for goes to its own custodian.
    await withdraw(operator_database, heir, "CEB secretariat, partners desk")
    found = await one(
        operator_database,
        "SELECT array_agg(coalesce(custodian_office, '?')) FROM agencies WHERE code = ANY ($1)",
        [code, heir],
    )
    assert found == ["CEB secretariat, partners desk"] * 2


async def test_two_agencies_cannot_become_each_others_custodian(
    operator_database: Database, world: World
) -> None:
    pair = [await new_agency(operator_database, world) for _ in range(2)]
    outcomes = await asyncio.gather(
        withdraw(operator_database, pair[0], pair[1]),
        withdraw(operator_database, pair[1], pair[0]),
        return_exceptions=True,
    )
    assert sum(outcome is None for outcome in outcomes) <= 1
    gone = [code for code in pair if await status(operator_database, code) == "withdrawn"]
    assert len(gone) <= 1


@pytest.mark.parametrize(
    ("paper", "words"),
    [
        (Paper("nonsense", "R", TODAY, NO_HASH), "kind of paper"),
        (Paper("participation", "R", TODAY + timedelta(days=1), NO_HASH), "in the future"),
        (
            Paper("participation", "R", TODAY, NO_HASH, TODAY - timedelta(days=1)),
            "ends before",
        ),
        (Paper("participation", "R", TODAY, "abc"), "64 hexadecimal"),
    ],
)
async def test_a_bad_paper_is_refused(
    paper: Paper, words: str, operator_database: Database
) -> None:
    async with operator_database.session() as session:
        with pytest.raises(AgencyProblem, match=words):
            await life_cycle.record_agreement(session, "WFP", paper, by="x", today=TODAY)


async def test_what_the_operator_is_told(operator_database: Database) -> None:
    paper = Paper("participation", "WFP-participation-2026", TODAY, NO_HASH)
    async with operator_database.session() as session:
        with pytest.raises(AgencyProblem, match="recorded already"):
            await life_cycle.record_agreement(session, "WFP", paper, by="x", today=TODAY)
        with pytest.raises(AgencyProblem, match="no agency NOBODY"):
            await life_cycle.suspend(session, "NOBODY", **WHY)
        with pytest.raises(AgencyProblem, match="Say why"):
            await life_cycle.suspend(session, "WFP", reason=" ", by="x")
        with pytest.raises(AgencyProblem, match="not an applicant"):
            await life_cycle.activate(session, "WFP", **WHY)
        with pytest.raises(AgencyProblem, match="not suspended"):
            await life_cycle.resume(session, "WFP", **WHY)
        with pytest.raises(AgencyProblem, match="already"):
            await life_cycle.apply(session, NewAgency("WFP", "x", "x", "a@b"))
        await session.rollback()


async def test_the_operators_papers_are_not_for_the_api(database: Database) -> None:
    async with database.connection() as connection:
        for table in ("agency_agreements", "agency_status_changes", "sanction_custody"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(f"SELECT id FROM {table}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("UPDATE agencies SET status = 'active'")


async def test_a_stranger_learns_nothing(app: FastAPI) -> None:
    async with plain_client(app) as client:
        assert (await client.get("/v1/agencies")).status_code == 401
