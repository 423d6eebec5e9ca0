"""Findings go with their assessment, and not before."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.assessments.retention import RETENTION
from app.audit import service as audit
from app.core.db import Database
from app.partners.retention import run as job
from tests.assessments.findings.support import AGREED, do, make_finding, refund
from tests.conftest import ApiFor

TABLES = ("assessment_findings", "finding_resolutions", "finding_actions")
_AGED = text(
    "UPDATE assessments SET conducted_on = '2001-01-01', valid_until = '2002-01-01', "
    "updated_at = '2002-01-01' WHERE id = :id"
)


async def test_findings_go_with_their_assessment(
    api_for: ApiFor, worker_database: Database, operator_database: Database
) -> None:
    api = await api_for("UNICEF")
    old, fresh = await make_finding(api), await make_finding(api)
    for one in (old, fresh):
        await do(api, one["id"], "actions", AGREED)
        await do(api, one["id"], "resolutions", refund("5.00"))
        read = await api.read(f"/v1/findings/{one['id']}")
        wrong = {"reverses": read["resolutions"][0]["id"], "settled_on": "2026-06-03"}
        await do(api, one["id"], "resolutions", wrong | {"reference": "Typed twice"})

    async def rows(assessment: str) -> list[int]:
        async with operator_database.session() as session:
            return [
                await session.scalar(
                    text(f"SELECT count(*) FROM {table} WHERE assessment_id = :id"),
                    {"id": UUID(assessment)},
                )
                for table in TABLES
            ]

    for table in TABLES:
        with pytest.raises(DBAPIError):
            async with worker_database.session() as session:
                await session.execute(
                    text(f"DELETE FROM {table} WHERE assessment_id = :id"),
                    {"id": UUID(old["assessment_id"])},
                )
    async with operator_database.session() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(_AGED, {"id": UUID(old["assessment_id"])})
    rules = job.chosen(RETENTION, "assessments")
    await job.apply(
        worker_database, rules, audit.OPERATOR, None, lambda step, done, total: None, whole=False
    )
    assert await rows(old["assessment_id"]) == [0, 0, 0]
    assert await rows(fresh["assessment_id"]) == [1, 2, 1]
