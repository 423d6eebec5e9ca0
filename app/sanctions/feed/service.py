"""Writing to the feed, in the transaction of the business change, and reading it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.sanctions.feed import build
from app.sanctions.feed.models import FeedPending


async def put(session: AsyncSession, entry: dict[str, Any], streams: Sequence[str]) -> None:
    """Add or replace an entry in these streams; numbered after commit."""
    await session.execute(
        insert(FeedPending)
        .values(
            entry_id=entry["entry_id"],
            op="put",
            entry=build.canonical(entry),
            streams=list(streams),
        )
        .inline()
    )


async def remove(session: AsyncSession, entry_id: str, reason: str, streams: Sequence[str]) -> None:
    """Take an entry out of these streams; the tombstone carries the reason and no name."""
    await session.execute(
        insert(FeedPending)
        .values(entry_id=entry_id, op="remove", reason=reason, streams=list(streams))
        .inline()
    )
