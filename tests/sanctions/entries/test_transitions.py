"""Measures begin and end by themselves; the worker tells of it once, however late it comes."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text

from app.auth import jose
from app.core.db import Database
from app.sanctions.entries.expiry import expire_entries
from tests.conftest import ApiFor, Settle
from tests.sanctions.entries.support import (
    changes,
    clearance,
    day,
    lift,
    measure,
    new_partner,
    reasons,
    shift,
)
from tests.sanctions.factories import ended, released, suspend


@pytest.fixture(autouse=True)
async def nothing_due(worker_database: Database) -> None:
    """What other tests left behind is told before a test counts."""
    await expire_entries(worker_database)


async def _events(database: Database, entry: dict[str, object]) -> list[tuple[str, object]]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT type, data ->> 'reason' AS reason FROM outbox WHERE subject_id = $1 "
            "ORDER BY id",
            UUID(str(entry["entry_id"])),
        )
    return [(row["type"], row["reason"]) for row in rows]


async def test_a_measure_begins_on_its_day(
    api_for: ApiFor, settle: Settle, operator_database: Database, worker_database: Database
) -> None:
    partner = await new_partner(api_for)
    entry = await measure(api_for, partner, effective_from=day(2))
    assert await expire_entries(worker_database) == 0
    assert reasons(await clearance(api_for, partner)) == {}
    await shift(operator_database, entry, effective_from="current_date")
    # In force at once; the worker only tells of it.
    assert reasons(await clearance(api_for, partner)) == {"SANCTIONED_OTHER_AGENCY": "REFER"}
    assert await expire_entries(worker_database) == 1
    assert await expire_entries(worker_database) == 0
    await settle()
    assert await changes(api_for, entry) == [("put", None, "PENDING"), ("put", None, "ACTIVE")]
    assert await _events(operator_database, entry) == [
        ("sanction.imposed", None),
        ("sanction.began", None),
    ]


async def test_one_that_came_and_went_unseen_is_told_of_once(
    api_for: ApiFor, settle: Settle, operator_database: Database, worker_database: Database
) -> None:
    entry = await measure(api_for, effective_from=day(2), effective_to=day(3))
    await settle()
    await shift(
        operator_database,
        entry,
        effective_from="current_date - 3",
        effective_to="current_date - 2",
    )
    assert await expire_entries(worker_database) == 1
    await settle()
    assert await changes(api_for, entry) == [
        ("put", None, "PENDING"),
        ("remove", "expired", None),
    ]


async def test_many_workers_tell_once(
    api_for: ApiFor, settle: Settle, operator_database: Database, worker_database: Database
) -> None:
    made = [await measure(api_for) for _ in range(3)]
    for entry in made:
        await shift(operator_database, entry, effective_to="current_date - 1")
    told = await asyncio.gather(*(expire_entries(worker_database) for _ in range(4)))
    assert sum(told) == 3
    await settle()
    for entry in made:
        assert await changes(api_for, entry) == [
            ("put", None, "ACTIVE"),
            ("remove", "expired", None),
        ]


@pytest.mark.parametrize(
    ("end", "reason", "status"),
    [("lift", "lifted", "LIFTED"), ("release", "released", "RELEASED"),
     ("annul", "annulled", "ANNULLED")],
)  # fmt: skip
async def test_the_feed_says_how_it_ended(
    end: str, reason: str, status: str, api_for: ApiFor, settle: Settle,
    operator_database: Database, worker_database: Database
) -> None:  # fmt: skip
    entry = await measure(api_for)
    if end == "lift":
        assert (await lift(api_for, entry)).json()["status"] == status
    elif end == "release":
        assert (await released(api_for, entry))["status"] == status
    else:
        assert (await ended(api_for, entry, end))["entry_status"] == status
    assert await expire_entries(worker_database) == 0
    await settle()
    # Of what was annulled the feed keeps nothing but that it was.
    put = ("remove", reason, None) if end == "annul" else ("put", None, "ACTIVE")
    assert await changes(api_for, entry) == [put, ("remove", reason, None)]
    assert (await _events(operator_database, entry))[-1] == ("sanction.lifted", reason)
    standing = await (await api_for("WFP")).read(f"/v1/partners/{entry['partner_id']}/standing")
    assert standing["locked"] is False


async def test_another_measure_takes_its_place_in_one_instant(
    api_for: ApiFor, settle: Settle, operator_database: Database, worker_database: Database
) -> None:
    partner = await new_partner(api_for)
    old = await measure(api_for, partner)
    named = {"entry_id": old["entry_id"], "version": 1}
    new = await measure(
        api_for, partner, measure="DEBARMENT_INDEFINITE", effective_from=day(4),
        effective_to=None, supersedes=named,
    )  # fmt: skip
    assert (new["status"], new["supersedes"]) == ("PENDING", old["entry_id"])
    wfp, url = await api_for("WFP"), f"/v1/sanctions/entries/{old['entry_id']}"
    now = await wfp.read(url)
    assert (now["status"], now["superseded_by"]) == ("ACTIVE", new["entry_id"])
    assert now["next_transition_at"] == f"{day(4)}T00:00:00.000000Z"
    assert (await wfp.read(f"{url}?on={day(3)}"))["status"] == "ACTIVE"
    assert (await wfp.read(f"{url}?on={day(4)}"))["status"] == "SUPERSEDED"
    # Its end is set: neither lifted nor superseded again.
    assert (await lift(api_for, now)).json()["code"] == "entry_ended"
    await expire_entries(worker_database)  # what other tests left behind
    await shift(operator_database, old, ended_on="current_date")
    await shift(operator_database, new, effective_from="current_date")
    assert await expire_entries(worker_database) == 2
    await settle()
    assert (await changes(api_for, old))[-1] == ("remove", "superseded", None)
    assert (await changes(api_for, new))[-1] == ("put", None, "ACTIVE")
    answer = await clearance(api_for, partner)
    assert [one["entry_id"] for one in answer["restrictions"]] == [new["entry_id"]]


async def test_the_manifest_says_when_the_list_changes_next(
    api_for: ApiFor, settle: Settle, operator_database: Database, worker_database: Database
) -> None:
    await expire_entries(worker_database)
    async with operator_database.session() as session:
        # What other tests left behind changes on days of its own.
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(text("UPDATE sanction_entries SET announced = 'ENDED'"))
    wfp = await api_for("WFP")

    async def following() -> object:
        await settle()
        manifest = (await wfp.get("/v1/feeds/sanctions/manifest")).text
        return jose.unverified_claims(manifest)["next_transition_at"]

    entry = await measure(api_for, effective_from=day(1), effective_to=day(2))
    assert await following() == f"{day(1)}T00:00:00Z"
    assert (await lift(api_for, entry)).status_code == 201
    hidden = await suspend(api_for, await new_partner(api_for), until_on=day(0))
    await measure(api_for, effective_to=day(2))
    assert await following() == f"{day(3)}T00:00:00Z"
    assert hidden["level"] == "RESTRICTED"


async def test_one_that_ended_before_it_began_is_kept_no_longer_than_others(
    api_for: ApiFor, operator_database: Database, worker_database: Database
) -> None:
    entry = await measure(api_for, effective_from=day(20))
    assert (await lift(api_for, entry)).json()["status"] == "LIFTED"
    query = text("SELECT count(*) FROM retention_sanctions_ended WHERE id = :id")
    for ended_on, due in (("current_date - 3000", 0), ("current_date - 4000", 1)):
        await shift(operator_database, entry, ended_on=ended_on)
        async with worker_database.session() as session:
            assert await session.scalar(query, {"id": UUID(entry["entry_id"])}) == due
