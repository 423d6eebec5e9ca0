"""The floor below the policy: raw SQL as reg_app and reg_worker sees no more than it may."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import DBAPIError

from app.core.db import Database
from app.core.errors import sqlstate
from tests.assessments.factories import (
    make_assessment,
    make_share,
    request_body,
)
from tests.assessments.support import DENIED, denied, run, touched
from tests.conftest import ApiFor
from tests.support import World

DETAIL = "SELECT assessment_id FROM assessment_details WHERE assessment_id = :id"


async def test_detail_by_level_and_agency(
    api_for: ApiFor, database: Database, world: World
) -> None:
    unicef = await api_for("UNICEF")
    made = {
        level: UUID((await make_assessment(unicef, confidentiality=level))["id"])
        for level in ("INTER_AGENCY", "RESTRICTED", "AGENCY_ONLY")
    }
    owner, stranger = world.agencies["UNICEF"], world.agencies["WFP"]
    expected = {
        ("INTER_AGENCY", owner): 1,
        ("INTER_AGENCY", stranger): 1,
        ("INTER_AGENCY", None): 0,
        ("RESTRICTED", owner): 1,
        ("RESTRICTED", stranger): 0,
        ("RESTRICTED", None): 0,
        ("AGENCY_ONLY", owner): 1,
        ("AGENCY_ONLY", stranger): 0,
        ("AGENCY_ONLY", None): 0,
    }
    for (level, agency), count in expected.items():
        assert len(await run(database, agency, DETAIL, id=made[level])) == count, (level, agency)


async def test_summaries_and_drafts(api_for: ApiFor, database: Database, world: World) -> None:
    unicef = await api_for("UNICEF")
    restricted = UUID((await make_assessment(unicef))["id"])
    hidden = [
        UUID((await make_assessment(unicef, confidentiality="AGENCY_ONLY"))["id"]),
        UUID((await make_assessment(unicef, status="draft"))["id"]),
    ]
    sql = "SELECT id FROM assessments WHERE id = :id"
    assert len(await run(database, world.agencies["WFP"], sql, id=restricted)) == 1
    for one in hidden:
        assert len(await run(database, world.agencies["UNICEF"], sql, id=one)) == 1
        assert not await run(database, world.agencies["WFP"], sql, id=one)
        assert not await run(database, None, sql, id=one)


async def test_a_share_opens_the_detail_to_one_agency_until_revoked(
    api_for: ApiFor, database: Database, world: World
) -> None:
    unicef = await api_for("UNICEF")
    made = (await make_assessment(unicef))["id"]
    share = await make_share(unicef, made)
    one = UUID(made)
    assert len(await run(database, world.agencies["WFP"], DETAIL, id=one)) == 1
    assert not await run(database, world.agencies["FAO"], DETAIL, id=one)
    await unicef.delete(f"/v1/assessments/{made}/shares/{share['id']}")
    assert not await run(database, world.agencies["WFP"], DETAIL, id=one)


ACL = (
    "INSERT INTO assessments_acl (agency_id, record_id, share_id, owner_agency, level, purpose, "
    "valid_from, valid_to) VALUES (:agency, :record, :share, :owner, :level, 'AUDIT', :start, :end)"
)


async def insert_acl(
    database: Database,
    bound: UUID,
    record: UUID,
    *,
    owner: UUID,
    agency: UUID,
    level: str = "detail",
    days: tuple[int, int] = (-1, 1),
) -> None:
    now = datetime.now(UTC)
    await run(
        database,
        bound,
        ACL,
        agency=agency,
        record=record,
        share=uuid4(),
        owner=owner,
        level=level,
        start=now + timedelta(days=days[0]),
        end=now + timedelta(days=days[1]),
    )


@pytest.mark.parametrize(
    ("level", "days", "seen"),
    [
        ("detail", (-1, 1), 1),
        ("detail", (-2, -1), 0),
        ("detail", (1, 2), 0),
        ("summary", (-1, 1), 0),
    ],
)
async def test_an_entry_counts_within_its_time_and_level(
    api_for: ApiFor, database: Database, world: World, level: str, days: tuple[int, int], seen: int
) -> None:
    made = UUID((await make_assessment(await api_for("UNICEF")))["id"])
    owner, wfp = world.agencies["UNICEF"], world.agencies["WFP"]
    await insert_acl(database, owner, made, owner=owner, agency=wfp, level=level, days=days)
    assert len(await run(database, wfp, DETAIL, id=made)) == seen


async def test_nobody_opens_the_record_of_another(
    api_for: ApiFor, database: Database, world: World
) -> None:
    made = UUID((await make_assessment(await api_for("UNICEF")))["id"])
    unicef, wfp, fao = (world.agencies[code] for code in ("UNICEF", "WFP", "FAO"))
    # Honest about the owner: the policy refuses. Lying: the composite key does, and in the same
    # way for a record that does not exist.
    for owner, record, state in (
        (unicef, made, DENIED),
        (wfp, made, "23503"),
        (wfp, uuid4(), "23503"),
    ):
        with pytest.raises(DBAPIError) as caught:
            await insert_acl(
                database, wfp, record, owner=owner, agency=wfp if owner != wfp else fao
            )
        assert sqlstate(caught.value) == state
    assert not await run(database, wfp, DETAIL, id=made)


async def test_a_recipient_passes_nothing_on_and_removes_nothing(
    api_for: ApiFor, database: Database, world: World
) -> None:
    unicef = await api_for("UNICEF")
    made = (await make_assessment(unicef))["id"]
    await make_share(unicef, made)
    owner, wfp, fao = (world.agencies[code] for code in ("UNICEF", "WFP", "FAO"))
    for claimed in (owner, wfp):
        with pytest.raises(DBAPIError):
            await insert_acl(database, wfp, UUID(made), owner=claimed, agency=fao)
    one = UUID(made)
    assert (
        await touched(database, wfp, "DELETE FROM assessments_acl WHERE record_id = :id", id=one)
        == 0
    )
    assert (
        await touched(
            database,
            wfp,
            "UPDATE assessment_shares SET active = false WHERE assessment_id = :id",
            id=one,
        )
        == 0
    )


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE assessments SET version = version + 1 WHERE id = :id",
        "UPDATE assessments SET confidentiality = 'INTER_AGENCY' WHERE id = :id",
        "UPDATE assessment_details SET version = 9 WHERE assessment_id = :id",
    ],
)
async def test_an_update_of_anothers_row_touches_none(
    api_for: ApiFor, database: Database, world: World, sql: str
) -> None:
    unicef = await api_for("UNICEF")
    made = (await make_assessment(unicef, confidentiality="INTER_AGENCY"))["id"]
    assert await touched(database, world.agencies["UNICEF"], sql, id=UUID(made)) == 1
    assert await touched(database, world.agencies["WFP"], sql, id=UUID(made)) == 0
    assert await touched(database, None, sql, id=UUID(made)) == 0


@pytest.mark.parametrize(
    ("table", "key"), [("assessments_acl", "record_id"), ("assessment_shares", "assessment_id")]
)
async def test_who_may_read_is_known_to_the_two_sides_only(
    api_for: ApiFor, database: Database, world: World, table: str, key: str
) -> None:
    made = (await make_assessment(await api_for("UNICEF")))["id"]
    await make_share(await api_for("UNICEF"), made)
    sql = f"SELECT 1 FROM {table} WHERE {key} = :id"
    for code, seen in (("UNICEF", 1), ("WFP", 1), ("FAO", 0)):
        assert len(await run(database, world.agencies[code], sql, id=UUID(made))) == seen
    assert not await run(database, None, sql, id=UUID(made))


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO assessment_details (assessment_id, owner_agency, level, version, sealed) "
        "SELECT id, owner_agency, level, 1, '' FROM assessments WHERE id = :id",
        "INSERT INTO assessment_shares (id, assessment_id, owner_agency, shared_with, level, "
        "purpose, valid_from, valid_until, created_by_person, created_by_client) "
        "SELECT id, id, owner_agency, (SELECT app_agency()), 'detail', 'AUDIT', now(), 'infinity', "
        "(SELECT id FROM persons LIMIT 1), 'x' FROM assessments WHERE id = :id",
    ],
)
async def test_nobody_writes_beside_anothers_record(
    api_for: ApiFor, database: Database, world: World, sql: str
) -> None:
    made = UUID((await make_assessment(await api_for("UNICEF")))["id"])
    assert await denied(database, world.agencies["WFP"], sql, id=made) == DENIED


async def test_nobody_files_in_anothers_name(
    api_for: ApiFor, database: Database, world: World
) -> None:
    made = await make_assessment(await api_for("UNICEF"))
    copy = (
        "INSERT INTO assessments (id, partner_id, type, methodology, owner_agency, status, "
        "confidentiality, level) VALUES (:id, :partner, 'psea', 'X', :owner, 'draft', "
        "'RESTRICTED', 'AGENCY_ONLY')"
    )
    values = {"id": uuid4(), "partner": UUID(made["partner_id"])}
    owner = world.agencies["UNICEF"]
    state = await denied(database, world.agencies["WFP"], copy, owner=owner, **values)
    assert state == DENIED


async def test_nobody_asks_in_anothers_name_or_grants_itself(
    api_for: ApiFor, database: Database, world: World
) -> None:
    made = UUID((await make_assessment(await api_for("UNICEF")))["id"])
    unicef, wfp = world.agencies["UNICEF"], world.agencies["WFP"]
    sql = (
        "INSERT INTO access_requests (id, assessment_id, owner_agency, requested_by, level, "
        "purpose, sealed_justification, status, decided_by, decided_at) VALUES "
        "(:id, :record, :owner, :asker, 'detail', 'AUDIT', '', :status, :person, :at)"
    )
    common = {"id": uuid4(), "record": made, "owner": unicef}
    forged = {"status": "approved", "person": world.persons["UNICEF"], "at": datetime.now(UTC)}
    honest = {"status": "open", "person": None, "at": None}
    assert await denied(database, wfp, sql, asker=wfp, **common, **forged) == DENIED
    fao = world.agencies["FAO"]
    assert await denied(database, wfp, sql, asker=fao, **common, **honest) == DENIED
    asked = await (await api_for("WFP")).made("/v1/access-requests", request_body(str(made)))
    update = "UPDATE access_requests SET version = version + 1 WHERE id = :id"
    assert await denied(database, wfp, update, id=UUID(asked["id"])) == DENIED
    assert await touched(database, fao, update, id=UUID(asked["id"])) == 0
    assert await touched(database, unicef, update, id=UUID(asked["id"])) == 1
    # Of its own request the asking agency says one thing only: that it takes it back.
    back = "UPDATE access_requests SET status = 'withdrawn'{} WHERE id = :id"
    more = ", sealed_reason = '\\x00'"
    assert await denied(database, wfp, back.format(more), id=UUID(asked["id"])) == DENIED
    assert await touched(database, wfp, back.format(""), id=UUID(asked["id"])) == 1


async def test_the_level_of_a_detail_is_that_of_its_summary(
    api_for: ApiFor, database: Database, world: World
) -> None:
    made = UUID((await make_assessment(await api_for("UNICEF")))["id"])
    owner = world.agencies["UNICEF"]
    open_up = "UPDATE assessment_details SET level = 'INTER_AGENCY' WHERE assessment_id = :id"
    assert await denied(database, owner, open_up, id=made) == "23503"
    disagree = "UPDATE assessments SET level = 'INTER_AGENCY' WHERE id = :id"
    assert await denied(database, owner, disagree, id=made) == "23514"
