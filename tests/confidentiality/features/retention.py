"""Retention runs in the matrix: counts of own and of shared records, to agencies alone."""

from __future__ import annotations

from sqlalchemy import text

from app.core.ids import new_id
from tests.confidentiality.model import Facts, Row, Table, Who
from tests.confidentiality.rules import Rule, only, plain
from tests.confidentiality.scene import AGENCIES, Scene


async def prepare(scene: Scene) -> None:
    """A run with counts of the owner's, of another agency's and of shared records."""
    run = new_id()
    scene.ids["retention_run"] = str(run)
    async with scene.operator.session() as session:
        await session.execute(
            text(
                "INSERT INTO retention_runs (id, rules_version, started_by, whole) "
                "VALUES (:id, 'x', 'worker', true)"
            ),
            {"id": run},
        )
        for owner in (scene.agency("owner"), scene.agency("stranger"), None):
            await session.execute(
                text(
                    "INSERT INTO retention_counts (id, run_id, rule, owner_agency, erased) "
                    "VALUES (:id, :run, 'screenings', :owner, 1)"
                ),
                {"id": new_id(), "run": run, "owner": owner},
            )


def _seen(row: Row, who: Who, facts: Facts) -> bool:
    return who.agency is not None and row["owner_agency"] in (who.agency, None)


RULES: dict[str, Rule] = {
    "listRetentionRuns": Rule(
        plain(), only(*AGENCIES), shows={"retention_run": frozenset(AGENCIES)}
    ),
}
TABLES: dict[str, Table] = {"retention_counts": Table(("id",), select=_seen)}
