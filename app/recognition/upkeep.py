"""What has served its time: what was asked about partners, for the quota, and what answers without
a profile were found by while they were open. Works as the worker.
"""

from __future__ import annotations

from sqlalchemy import text

from app.core.db import Database

_FORGET = text(
    """WITH gone AS (DELETE FROM clearance_inquiries WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM clearance_inquiries WHERE on_day < current_date - 1 LIMIT 5000))
      RETURNING 1)
    SELECT count(*) FROM gone"""
)
_FORGET_NAMES = text(
    """WITH gone AS (DELETE FROM clearance_dependencies WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM clearance_dependencies WHERE kind IN ('name', 'identifier')
        AND until <= now() LIMIT 5000)) RETURNING 1)
    SELECT count(*) FROM gone"""
)


async def forget_inquiries(database: Database) -> int:
    """Delete a batch of what the quota counts no more; rows gone."""
    async with database.session() as session:
        return int(await session.scalar(_FORGET) or 0)


async def forget_names(database: Database) -> int:
    """Delete a batch of what answers that are over were found by; rows gone."""
    async with database.session() as session:
        return int(await session.scalar(_FORGET_NAMES) or 0)
