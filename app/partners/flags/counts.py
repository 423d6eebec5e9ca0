"""How many flags stand against a partner, for all agencies to know."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.partners.flags import queries


@dataclass(slots=True)
class Counts:
    """Flags that stand; invalid and lapsed ones are not among them."""

    observation: int = 0
    yellow: int = 0
    yellow_escalated: int = 0
    red: int = 0


@dataclass(slots=True)
class FlagCounts:
    """Of the profile itself (all of its lineage), and of its headquarters; ``mine`` of all of
    them are the asking agency's."""

    own: Counts = field(default_factory=Counts)
    inherited: Counts = field(default_factory=Counts)
    mine: int = 0


async def counts(session: AsyncSession, partner_id: UUID, agency: UUID) -> FlagCounts:
    """Flags on a profile. The session must be bound to ``agency``, or row security shows none."""
    found = FlagCounts()
    for row in await queries.counted(session, partner_id, agency):
        setattr(found.inherited if row.inherited else found.own, row.counted, row.number)
        found.mine += row.mine
    return found
