"""The watch over reading: volume, a purpose that is new, attempts after the end of a share."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.agencies import settings
from app.assessments.watching.rules import RULES
from app.assessments.watching.watch import forget, watch_reading
from app.core.db import Database
from tests.agencies.support import calling, new_agency
from tests.assessments.factories import PURPOSE, make_assessment, make_share
from tests.assessments.support import DENIED, denied, run
from tests.audit.support import add_officer
from tests.auth.scoped import ScopedApi, scoped
from tests.conftest import ApiFor, Settle
from tests.support import Api, World

__all__ = ["scoped"]
URL = "/v1/assessments/unusual-readings"


def _for(purpose: str) -> dict[str, str]:
    return {"Access-Purpose": f'{purpose}; ref="W-1"'}


class Watched:
    """An owner and a reader that no other test has."""

    def __init__(self, owner: Api, reader: Api, world: World, codes: tuple[str, str]) -> None:
        self.owner, self.reader, self.world = owner, reader, world
        self.codes = codes

    async def shared(self, *purposes: str, **more: Any) -> tuple[str, list[str]]:
        """An assessment shared with the reader, and its shares."""
        made = (await make_assessment(self.owner, **more))["id"]
        wish = {"shared_with": self.codes[1]}
        shares = [
            (await make_share(self.owner, made, purpose=purpose, **wish))["id"]
            for purpose in purposes
        ]
        return made, shares

    async def found(self) -> list[tuple[str, str | None, int | None]]:
        items = (await self.owner.read(URL))["items"]
        assert {one["agency"] for one in items} <= {self.codes[1]}
        return [(one["kind"], one["purpose"], one["records"]) for one in reversed(items)]


@pytest.fixture
async def watched(app: FastAPI, world: World, operator_database: Database) -> Any:
    codes = [await new_agency(operator_database, world) for _ in range(2)]
    async with (
        calling(app, world, codes[0]) as owner,
        calling(app, world, codes[1]) as reader,
    ):
        yield Watched(owner, reader, world, (codes[0], codes[1]))


async def _look(settle: Settle, worker: Database) -> None:
    await settle()
    while await watch_reading(worker):
        continue


async def test_the_first_reading_for_a_purpose_is_told_once(
    watched: Watched, settle: Settle, worker_database: Database, operator_database: Database
) -> None:
    made, _ = await watched.shared("PARTNER_SELECTION", "AUDIT")
    url = f"/v1/assessments/{made}/detail"
    for purpose in ("PARTNER_SELECTION", "PARTNER_SELECTION", "AUDIT"):
        await watched.reader.read(url, headers=_for(purpose))
    await watched.owner.read(url)
    await _look(settle, worker_database)
    assert await watched.found() == [
        ("new_purpose", "PARTNER_SELECTION", None),
        ("new_purpose", "AUDIT", None),
    ]
    await watched.reader.read(url, headers=_for("AUDIT"))
    await _look(settle, worker_database)
    assert len(await watched.found()) == 2
    (first, _) = reversed((await watched.owner.read(URL))["items"])
    assert (first["assessment_id"], first["agency"]) == (made, watched.codes[1])
    sql = "SELECT agency_id, data FROM outbox WHERE type = :type AND subject_id = :id"
    ((agency, data),) = await run(
        operator_database, None, sql, type="assessment.reading_unusual", id=UUID(first["id"])
    )
    assert agency == watched.world.agencies[watched.codes[0]]
    assert data["unusual"] == "new_purpose"
    assert (await watched.reader.read(URL))["items"] == []


async def test_many_records_in_a_day_are_told_once_a_day(
    watched: Watched, settle: Settle, worker_database: Database, operator_database: Database
) -> None:
    setting = f"/v1/agencies/{watched.codes[0]}/settings/{settings.UNUSUAL_READING_RECORDS}"
    answer = await watched.owner.put(setting, json={"value": 2}, headers={"If-Match": '"v0"'})
    assert answer.status_code == 200, answer.text
    partner = (await make_assessment(watched.owner))["partner_id"]
    records = [
        (await make_assessment(watched.owner, partner, confidentiality="INTER_AGENCY"))["id"]
        for _ in range(4)
    ]

    async def read(record: str) -> None:
        await watched.reader.read(f"/v1/assessments/{record}/detail")

    for record in (records[0], records[0], records[1]):
        await read(record)
    await _look(settle, worker_database)
    assert await watched.found() == []
    await read(records[2])
    await _look(settle, worker_database)
    assert await watched.found() == [("volume", None, 3)]
    await read(records[3])
    await _look(settle, worker_database)
    assert await watched.found() == [("volume", None, 3)]
    aged = "UPDATE unusual_readings SET at = at - interval '2 days' WHERE owner_agency = :owner"
    owner = watched.world.agencies[watched.codes[0]]
    await run(operator_database, None, aged, owner=owner)
    await read(records[0])
    await _look(settle, worker_database)
    assert await watched.found() == [("volume", None, 3), ("volume", None, 4)]


async def test_an_attempt_after_a_revocation_is_told_and_one_of_a_stranger_is_not(
    watched: Watched, api_for: ApiFor, settle: Settle, worker_database: Database
) -> None:
    read, (first,) = await watched.shared("PARTNER_SELECTION")
    unread, (second,) = await watched.shared("PARTNER_SELECTION")
    never = (await make_assessment(watched.owner))["id"]
    await watched.reader.read(f"/v1/assessments/{read}/detail", headers=PURPOSE)
    for record, share in ((read, first), (unread, second)):
        done = await watched.owner.delete(f"/v1/assessments/{record}/shares/{share}")
        assert done.status_code == 204
    for record in (read, unread, never, str(uuid4())):
        answer = await watched.reader.get(f"/v1/assessments/{record}/detail", headers=PURPOSE)
        assert answer.status_code == 404
    fao = await api_for("FAO")
    assert (await fao.get(f"/v1/assessments/{read}/detail")).status_code == 404
    await _look(settle, worker_database)
    assert sorted(await watched.found()) == [
        ("after_revoke", "PARTNER_SELECTION", None),
        ("after_revoke", "PARTNER_SELECTION", None),
        ("new_purpose", "PARTNER_SELECTION", None),
    ]
    items = (await watched.owner.read(f"{URL}?kind=after_revoke"))["items"]
    assert {one["assessment_id"] for one in items} == {read, unread}


async def test_what_oversight_does_for_an_investigation_is_not_told(
    watched: Watched, settle: Settle, worker_database: Database, operator_database: Database,
    api_for: ApiFor,
) -> None:  # fmt: skip
    made = (await make_assessment(watched.owner, confidentiality="INTER_AGENCY"))["id"]
    name = await add_officer(operator_database, watched.world, watched.codes[1], "OVS1", "OVS")
    officer = await api_for(name)
    await officer.read(f"/v1/assessments/{made}/detail", headers=_for("INVESTIGATION"))
    await _look(settle, worker_database)
    assert await watched.found() == []
    await officer.read(f"/v1/assessments/{made}/detail", headers=_for("MONITORING"))
    await _look(settle, worker_database)
    assert await watched.found() == [("new_purpose", "MONITORING", None)]


async def test_only_roles_that_read_the_log_see_the_list(
    watched: Watched, scoped: ScopedApi
) -> None:
    owner = watched.codes[0]
    for role, expected in (("OVS", 200), ("IPU", 200), ("LEGAL", 200), ("PFP", 403), ("CO", 403)):
        answer = await (await scoped(owner, roles=(role,))).get(URL)
        assert answer.status_code == expected, role
    low = await scoped(owner, max_level="INTER_AGENCY")
    assert (await low.read(URL))["items"] == []


async def test_the_floor_shows_it_to_the_owner_alone(
    watched: Watched, settle: Settle, worker_database: Database, database: Database
) -> None:
    made, _ = await watched.shared("PARTNER_SELECTION")
    await watched.reader.read(f"/v1/assessments/{made}/detail", headers=PURPOSE)
    await _look(settle, worker_database)
    owner, reader = (watched.world.agencies[code] for code in watched.codes)
    sql = "SELECT 1 FROM unusual_readings WHERE assessment_id = :id"
    for agency, seen in ((owner, 1), (reader, 0), (None, 0)):
        assert len(await run(database, agency, sql, id=UUID(made))) == seen
    for wish in (
        "DELETE FROM unusual_readings",
        "UPDATE unusual_readings SET records = 1",
        "SELECT 1 FROM reading_purposes",
    ):
        assert await denied(database, owner, wish) == DENIED


async def test_what_was_found_is_forgotten_in_time(
    watched: Watched, settle: Settle, worker_database: Database, operator_database: Database
) -> None:
    made, _ = await watched.shared("PARTNER_SELECTION")
    await watched.reader.read(f"/v1/assessments/{made}/detail", headers=PURPOSE)
    await _look(settle, worker_database)
    owner = watched.world.agencies[watched.codes[0]]
    age = (
        "UPDATE unusual_readings SET at = now() - make_interval(days => :days) "
        "WHERE owner_agency = :owner"
    )
    for days, left in ((RULES.keep_days - 1, 1), (RULES.keep_days + 1, 0)):
        await run(operator_database, None, age, owner=owner, days=days)
        await forget(worker_database)
        assert len(await watched.found()) == left


async def test_the_watch_enters_the_log_by_its_indexes(worker_database: Database) -> None:
    """The count of a day: by the owner and the time in the ids, never the whole log."""
    plan = (
        "EXPLAIN SELECT count(*) FROM audit_events e WHERE "
        "e.owner_agency = '00000000-0000-4000-8000-000000000001' "
        "AND e.id > uuidv7(interval '-25 hours') AND e.client_id = 'X' AND NOT e.held"
    )
    async with worker_database.session() as session:
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        rows = (await session.execute(text(plan))).scalars().all()
    assert any("ix_audit_events_owner_agency_id" in row for row in rows), rows
