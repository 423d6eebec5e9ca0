"""What the database roles may do at all, whoever asks."""

from __future__ import annotations

from uuid import UUID

import pytest

from app.core.db import Database
from app.core.settings import Settings
from tests.assessments.factories import make_assessment
from tests.assessments.support import DENIED, TABLES, as_superuser, denied, run
from tests.conftest import ApiFor
from tests.support import World


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE assessments SET owner_agency = :agency WHERE id = :id",
        "UPDATE assessments SET partner_id = :agency WHERE id = :id",
        "UPDATE assessment_details SET owner_agency = :agency WHERE assessment_id = :id",
        "UPDATE assessment_shares SET shared_with = :agency WHERE assessment_id = :id",
        "UPDATE assessment_shares SET purpose = 'ANY' WHERE assessment_id = :id OR id = :agency",
        "DELETE FROM assessments WHERE id = :id AND :agency = owner_agency",
        "DELETE FROM assessment_details WHERE assessment_id = :id AND :agency = owner_agency",
        "DELETE FROM assessment_shares WHERE assessment_id = :id AND :agency = owner_agency",
        "UPDATE assessments_acl SET valid_to = NULL WHERE record_id = :id AND agency_id = :agency",
    ],
)
async def test_what_never_changes_cannot_even_by_the_owner(
    api_for: ApiFor, database: Database, world: World, sql: str
) -> None:
    made = UUID((await make_assessment(await api_for("UNICEF")))["id"])
    owner = world.agencies["UNICEF"]
    assert await denied(database, owner, sql, id=made, agency=owner) == DENIED


@pytest.mark.parametrize("table", TABLES)
async def test_every_table_forces_row_security(settings: Settings, table: str) -> None:
    async with as_superuser(settings) as connection:
        row = await connection.fetchrow(
            "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = $1", table
        )
    assert tuple(row) == (True, True)


_UNREAD = {
    "assessment_details": "level",
    "assessment_shares": "created_by_person",
    "access_requests": "sealed_justification",
}
"""A column of each table that the worker, which ends shares and closes requests, cannot read."""


@pytest.mark.parametrize("table", TABLES)
async def test_the_worker_reads_summaries_and_whose_shares_are(
    api_for: ApiFor, worker_database: Database, table: str
) -> None:
    await make_assessment(await api_for("UNICEF"))
    if table == "assessments":
        assert (await run(worker_database, None, "SELECT count(*) FROM assessments"))[0][0] > 0
    if table in ("assessments", "sharing_policies"):
        assert await denied(worker_database, None, f"DELETE FROM {table}") == DENIED
    elif table in _UNREAD:
        read = f"SELECT {_UNREAD[table]} FROM {table}"
        assert await denied(worker_database, None, read) == DENIED
