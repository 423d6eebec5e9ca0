"""A legal hold stops every destruction, by whoever; a second person ends it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core import metrics
from app.core.clock import utc_now
from app.core.db import Database
from app.core.settings import Settings
from app.events.reminders import remind
from tests.assessments.factories import make_assessment, psea_detail
from tests.audit.conftest import OfficerOf
from tests.audit.support import events_of
from tests.conftest import ApiFor
from tests.support import Api, World

REVIEW = (utc_now() + timedelta(days=90)).date().isoformat()


def hold_body(subject_id: str, kind: str = "assessment", **more: Any) -> dict[str, Any]:
    body = {
        "subject_kind": kind,
        "subject_id": subject_id,
        "reason": "Canary: litigation announced",
        "review_on": REVIEW,
    }
    return body | more


async def set_hold(api: Api, subject_id: str, kind: str = "assessment") -> dict[str, Any]:
    return await api.made("/v1/legal-holds", hold_body(subject_id, kind))


async def test_a_hold_lives_its_life_in_two_hands(
    api_for: ApiFor, officer: OfficerOf, operator_database: Database
) -> None:
    first, second = await officer("UNICEF", "LEGAL"), await officer("UNICEF", "OVS")
    record = (await make_assessment(await api_for("UNICEF")))["id"]
    hold = await set_hold(first, record)
    url = f"/v1/legal-holds/{hold['id']}"
    assert (hold["overdue"], hold["reason"]) == (False, "Canary: litigation announced")
    later = (utc_now() + timedelta(days=200)).date().isoformat()
    renewed = await second.made(f"{url}/renewal", {"review_on": later})
    assert (renewed["review_on"], renewed["version"]) == (later, 2)
    alone = await first.post(f"{url}/release", json={"reason": "Settled."})
    assert (alone.status_code, alone.json()["code"]) == (409, "same_person")
    released = await second.made(f"{url}/release", {"reason": "Settled."})
    assert (released["release_reason"], released["version"]) == ("Settled.", 3)
    again = await second.post(f"{url}/release", json={"reason": "Settled."})
    assert again.json()["code"] == "legal_hold_released"
    assert (await first.read(url))["released_by"] == released["released_by"]
    listed = await first.read(f"/v1/legal-holds?state=released&subject_id={record}")
    assert [item["id"] for item in listed["items"]] == [hold["id"]]
    assert (await first.read(f"/v1/legal-holds?state=in_force&subject_id={record}"))["items"] == []
    events = [row.event for row in await events_of(operator_database, record)]
    assert [event for event in events if event.startswith("hold:")] == [
        "hold:record:set",
        "hold:record:renew",
        "hold:record:release",
    ]


async def test_only_legal_and_oversight_hold_and_only_what_is_their_agency_s(
    api_for: ApiFor, officer: OfficerOf
) -> None:
    unicef, legal = await api_for("UNICEF"), await officer("UNICEF", "LEGAL")
    foreign = await officer("WFP", "LEGAL")
    record = (await make_assessment(unicef))["id"]
    refused = await unicef.post("/v1/legal-holds", json=hold_body(record))
    assert (refused.status_code, refused.json()["code"]) == (403, "role_required")
    assert (await unicef.get("/v1/legal-holds")).json()["code"] == "role_required"
    answers = [
        await foreign.post("/v1/legal-holds", json=hold_body(subject))
        for subject in (record, str(uuid4()))
    ]
    assert {answer.json()["code"] for answer in answers} == {"record_not_found"}
    hold = await set_hold(legal, record)
    assert (await foreign.get(f"/v1/legal-holds/{hold['id']}")).status_code == 404
    body = {"review_on": REVIEW}
    gone = await foreign.post(f"/v1/legal-holds/{hold['id']}/renewal", json=body)
    assert gone.json()["code"] == "legal_hold_not_found"
    for day in ("2020-01-01", "2190-01-01"):
        answer = await legal.post("/v1/legal-holds", json=hold_body(record, review_on=day))
        assert answer.json()["code"] == "period_invalid"


async def test_a_second_person_is_asked_for_by_the_database_too(
    api_for: ApiFor, officer: OfficerOf, world: World, database: Database
) -> None:
    legal = await officer("UNICEF", "LEGAL")
    hold = await set_hold(legal, (await make_assessment(await api_for("UNICEF")))["id"])
    with pytest.raises(DBAPIError, match="two_persons"):
        async with database.session(world.agencies["UNICEF"]) as session:
            await session.execute(
                text(
                    "UPDATE legal_holds SET released_by = set_by, released_at = now(), "
                    "sealed_release = 'x' WHERE id = :id"
                ),
                {"id": hold["id"]},
            )


@pytest.mark.parametrize("by", ["assessment", "partner"])
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM assessment_details WHERE assessment_id = $1",
        "UPDATE assessment_details SET redacted = true, sealed = '' WHERE assessment_id = $1",
    ],
)
async def test_no_statement_destroys_what_is_held_not_even_the_owner_s(
    api_for: ApiFor, officer: OfficerOf, settings: Settings, statement: str, by: str
) -> None:
    """As the superuser, whom no row security stops: a job to come cannot forget the hold."""
    # The partner may be held by any agency, and everybody's records of it are.
    legal = await officer("UNICEF" if by == "assessment" else "FAO", "LEGAL")
    made = await make_assessment(await api_for("UNICEF"))
    await set_hold(legal, made["id"] if by == "assessment" else made["partner_id"], by)
    connection = await asyncpg.connect(settings.require("database_migration_url"))
    # Retention, too, refuses to delete what it still keeps, and is asked first.
    refusals = (asyncpg.CheckViolationError, asyncpg.InsufficientPrivilegeError)
    with pytest.raises(refusals, match=r"legal hold|retention keeps"):
        await connection.execute(statement, UUID(made["id"]))
    await connection.close()


async def test_a_draft_under_hold_is_not_written_over(api_for: ApiFor, officer: OfficerOf) -> None:
    unicef, legal = await api_for("UNICEF"), await officer("UNICEF", "LEGAL")
    draft = await make_assessment(unicef, status="draft")
    await set_hold(legal, draft["id"])
    answer = await unicef.patch(
        f"/v1/assessments/{draft['id']}",
        json={"detail": psea_detail(4)},
        headers={"If-Match": '"v1"'},
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "legal_hold")


async def test_a_hold_and_a_destruction_take_turns(
    api_for: ApiFor, officer: OfficerOf, settings: Settings
) -> None:
    """A hold that is set while a destruction is under way waits for it, and the other way."""
    legal = await officer("UNICEF", "LEGAL")
    record = (await make_assessment(await api_for("UNICEF")))["id"]
    connection = await asyncpg.connect(settings.require("database_migration_url"))
    destroying = connection.transaction()
    await destroying.start()
    await connection.execute(
        "UPDATE assessment_details SET redacted = true, sealed = '' WHERE assessment_id = $1",
        UUID(record),
    )
    holding = asyncio.create_task(set_hold(legal, record))
    done, _ = await asyncio.wait([holding], timeout=0.5)
    assert not done
    await destroying.rollback()
    assert (await holding)["subject_id"] == record
    await connection.close()


async def test_an_overdue_review_is_listed_and_counted(
    api_for: ApiFor, officer: OfficerOf, operator_database: Database, worker_database: Database
) -> None:
    legal = await officer("UNICEF", "LEGAL")
    record = (await make_assessment(await api_for("UNICEF")))["id"]
    hold = await set_hold(legal, record)
    async with operator_database.session() as session:
        await session.execute(
            text("UPDATE legal_holds SET review_on = current_date - 1 WHERE id = :id"),
            {"id": hold["id"]},
        )
    listed = await legal.read(f"/v1/legal-holds?state=overdue&subject_id={record}")
    assert [item["overdue"] for item in listed["items"]] == [True]
    await remind(worker_database)
    assert metrics.exceptions_overdue.labels("legal_holds")._value.get() >= 1
