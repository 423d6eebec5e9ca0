"""Every select of external lists."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.sanctions.lists.models import ListSourceState


async def source_states(session: AsyncSession) -> dict[str, ListSourceState]:
    """What is held of each external source."""
    return {row.code: row for row in await session.scalars(select(ListSourceState))}
