"""A blocking measure holds its partner back for as long as it is in force."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.partners import restraints
from app.partners.restraints import Reason, Source
from app.sanctions.entries.models import SanctionEntry

_COUNTRY = text("SELECT country FROM partners WHERE id = :partner")


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


async def hold_back(session: AsyncSession, entry: SanctionEntry) -> None:
    """Put the restraint of a measure, for the days on which it is valid.

    None for one that blocks nobody; none for a RESTRICTED one, whose restraint would tell of it;
    none for a regime or a scope that does not reach the partner's work as a whole where it is at
    home. Clearances weigh all of these for the work they are asked about.
    """
    if entry.partner_id is None or not entry.blocking or not await _reaches(session, entry):
        return
    until = entry.valid.upper
    await restraints.put(
        session,
        entry.partner_id,
        Reason.SANCTION,
        Source("sanction_entry", entry.id),
        by=entry.imposing_agency,
        since=_start(entry.effective_from),
        until=_start(until) if until else None,
    )


async def _reaches(session: AsyncSession, entry: SanctionEntry) -> bool:
    if entry.level == "RESTRICTED" or entry.regime != "IMPLEMENTING_PARTNER":
        return False
    if entry.scope_modalities:
        return False
    if not entry.scope_countries:
        return True
    return await session.scalar(_COUNTRY, {"partner": entry.partner_id}) in entry.scope_countries


async def let_go(session: AsyncSession, entry_id: UUID) -> None:
    """End what a measure held; other measures, and other reasons, hold on."""
    await restraints.lift(session, Source("sanction_entry", entry_id))
