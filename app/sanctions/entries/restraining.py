"""A blocking measure holds its partner back for as long as it is in force."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.partners import restraints
from app.partners.restraints import Reason, Source
from app.sanctions.entries.models import SanctionEntry


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


async def hold_back(session: AsyncSession, entry: SanctionEntry) -> None:
    """Put the restraint of a measure, until the end of its last day. None for one that blocks
    nobody.
    """
    if not entry.blocking:
        return
    last = entry.effective_to
    await restraints.put(
        session,
        entry.partner_id,
        Reason.SANCTION,
        Source("sanction_entry", entry.id),
        by=entry.imposing_agency,
        since=_start(entry.effective_from),
        until=_start(last + timedelta(days=1)) if last else None,
    )


async def let_go(session: AsyncSession, entry_id: UUID) -> None:
    """End what a measure held; other measures, and other reasons, hold on."""
    await restraints.lift(session, Source("sanction_entry", entry_id))
