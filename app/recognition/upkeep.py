"""What has served its time: what was asked about partners, for the quota. Works as the worker."""

from __future__ import annotations

from sqlalchemy import text

from app.core.db import Database

_FORGET = text(
    """WITH gone AS (DELETE FROM clearance_inquiries WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM clearance_inquiries WHERE on_day < current_date - 1 LIMIT 5000))
      RETURNING 1)
    SELECT count(*) FROM gone"""
)


async def forget_inquiries(database: Database) -> int:
    """Delete a batch of what the quota counts no more; rows gone."""
    async with database.session() as session:
        return int(await session.scalar(_FORGET) or 0)
