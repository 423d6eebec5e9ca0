"""SQL of the reports. Row security shows an agency its own counts and the shared profile's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.partners.retention.models import RetentionCount, RetentionRun

_LAST = text(
    """SELECT r.id, r.started_at, r.finished_at, r.started_by, r.rules_version, c.rule,
      sum(c.erased) AS erased, sum(c.held) AS held, sum(c.kept) AS kept
    FROM (SELECT id, started_at, finished_at, started_by, rules_version
      FROM retention_runs ORDER BY id DESC LIMIT :last) r
      LEFT JOIN retention_counts c ON c.run_id = r.id
    GROUP BY r.id, r.started_at, r.finished_at, r.started_by, r.rules_version, c.rule
    ORDER BY r.id DESC, c.rule"""
)


async def last_runs(session: AsyncSession, last: int) -> Sequence[Any]:
    """The newest runs, a row for each rule that found something. For the worker's role."""
    return (await session.execute(_LAST, {"last": last})).all()


async def list_runs(
    session: AsyncSession, after: UUID | None, limit: int
) -> Sequence[RetentionRun]:
    """Runs, newest first."""
    query = select(RetentionRun).order_by(RetentionRun.id.desc()).limit(limit)
    if after is not None:
        query = query.where(RetentionRun.id < after)
    return (await session.scalars(query)).all()


async def counts(session: AsyncSession, runs: Sequence[UUID]) -> Sequence[Any]:
    """What the caller may see of what these runs did."""
    found = await session.execute(
        select(
            RetentionCount.run_id,
            RetentionCount.rule,
            RetentionCount.owner_agency,
            RetentionCount.erased,
            (RetentionCount.held + RetentionCount.kept).label("kept"),
        )
        .where(RetentionCount.run_id.in_(runs))
        .order_by(RetentionCount.rule, RetentionCount.owner_agency)
    )
    return found.all()
