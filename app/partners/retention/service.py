"""Reading what the retention runs did."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.partners.retention import queries


async def list_runs(session: AsyncSession, after: UUID | None, limit: int) -> list[dict[str, Any]]:
    """One row more than a page of runs, newest first, with the counts that the caller may see."""
    runs = await queries.list_runs(session, after, limit + 1)
    counts: dict[UUID, list[dict[str, Any]]] = {run.id: [] for run in runs}
    for row in await queries.counts(session, list(counts)):
        # Row security shows no third agency's.
        whose = "shared" if row.owner_agency is None else "own"
        counts[row.run_id].append(
            {"rule": row.rule, "records": whose, "erased": row.erased, "kept": row.kept}
        )
    return [
        {
            "id": run.id,
            "rules_version": run.rules_version,
            "started_by": run.started_by,
            "whole": run.whole,
            "started_at": run.started_at,
            "finished_at": run.finished_at,
            "counts": counts[run.id],
        }
        for run in runs
    ]
