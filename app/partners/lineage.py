"""Profiles that are one partner: the survivor of a merge and those that were merged into it.

A statement stays with the profile it was made about. Whoever reads statements asks for those of
all of the lineage, inside its own snapshot: a sanction on a merged profile is one on the survivor
from the instant of the merge on.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_ROOT = text("SELECT partner_root(:id)")


def lineage(partner: str) -> str:
    """SQL: the ids that are the same partner as this expression of SQL, as a subquery for IN."""
    return f"(SELECT partner_lineage({partner}))"


def root(partner: str) -> str:
    """SQL: the profile that stands for this one now, itself unless it was merged."""
    return f"partner_root({partner})"


def root_inline(partner: str) -> str:
    """As `root`, for hot statements: planned with them, without a function call."""
    return (
        f"coalesce((SELECT r.survivor_id FROM partner_aliases r "  # noqa: S608 - expressions of ours
        f"WHERE r.partner_id = {partner}), {partner})"
    )


def ids_inline(standing: str) -> str:
    """SQL: array of a profile that stands for itself and all that were merged into it."""
    return (
        f"ARRAY(SELECT {standing} UNION ALL SELECT m.partner_id FROM partner_aliases m "  # noqa: S608 - texts of ours; values are bound
        f"WHERE m.survivor_id = {standing})"
    )


async def root_of(session: AsyncSession, partner_id: UUID) -> UUID:
    """The profile that stands for this one now."""
    found: UUID = await session.scalar(_ROOT, {"id": partner_id})
    return found
