"""The worker tells of findings past their deadline, once for each deadline."""

from __future__ import annotations

from uuid import UUID

from app.assessments.findings.upkeep import tell_overdue
from app.core.db import Database
from tests.assessments.findings.support import AGREED, CLOSING, REOPENING, do, make_finding
from tests.audit.support import events_of
from tests.conftest import ApiFor


async def told(database: Database, finding: str) -> list[str]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "SELECT type FROM outbox WHERE subject_id = $1 ORDER BY id", UUID(finding)
        )
    return [row["type"] for row in rows]


async def test_a_missed_deadline_is_told_once(
    api_for: ApiFor, worker_database: Database, operator_database: Database
) -> None:
    api = await api_for("UNICEF")
    late = await make_finding(api, usd="0.00", due_on="2026-01-31")
    early = await make_finding(api, due_on="2190-01-31")
    assert late["overdue"] is True
    assert await tell_overdue(worker_database) >= 1
    assert await tell_overdue(worker_database) == 0
    assert await told(operator_database, late["id"]) == ["finding.overdue"]
    assert await told(operator_database, early["id"]) == []
    logged = await events_of(operator_database, late["id"])
    assert [item.event for item in logged] == ["assessment:finding:overdue"]
    # Another deadline, missed again, is told again.
    await do(api, late["id"], "actions", AGREED | {"due_on": "2026-02-28"})
    assert await tell_overdue(worker_database) == 1
    # What was acted on is not overdue; taken up again, it is.
    await do(api, late["id"], "actions", AGREED | {"due_on": "2026-03-31"})
    status, body = await do(api, late["id"], "closing", CLOSING)
    assert (status, body["overdue"]) == (200, False)
    assert await tell_overdue(worker_database) == 0
    assert (await do(api, late["id"], "reopening", REOPENING))[1]["overdue"] is True
    assert await tell_overdue(worker_database) == 1
    assert await told(operator_database, late["id"]) == [
        "finding.overdue",
        "finding.overdue",
        "finding.reopened",
        "finding.overdue",
    ]


async def test_events_name_ids_and_codes_only(api_for: ApiFor, operator_database: Database) -> None:
    api = await api_for("UNICEF")
    one = await make_finding(api, usd="0.00", priority="LOW")
    await do(api, one["id"], "closing", CLOSING)
    assert await told(operator_database, one["assessment_id"]) == [
        "assessment.filed",
        "assessment.findings_opened",
    ]
    assert await told(operator_database, one["id"]) == ["finding.closed"]
    async with operator_database.connection() as connection:
        rows = await connection.fetch(
            "SELECT data::text AS data FROM outbox WHERE subject_id = ANY ($1)",
            [UUID(one["id"]), UUID(one["assessment_id"])],
        )
        logged = await connection.fetch(
            "SELECT detail::text AS data FROM audit_events WHERE subject_id = ANY ($1)",
            [UUID(one["id"]), UUID(one["assessment_id"])],
        )
    assert "Canary" not in str([*rows, *logged])
