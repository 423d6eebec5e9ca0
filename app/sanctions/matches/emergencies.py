"""Somebody has to sign in an emergency: what is open about the partner is due sooner."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import utc_now
from app.events.models import OutboxEvent
from app.partners.lineage import lineage
from app.sanctions.matches.rules import due_in_emergency

# The pairs of the partner and its headquarters that the clearance referred to; an own list's for
# its user alone. A deadline that has passed stays as it is.
_SOONER = text(
    f"""UPDATE screening_matches m SET emergency = true,
      due_at = least(m.due_at, CAST(:due AS timestamptz)), version = m.version + 1
    WHERE m.state = 'open' AND NOT m.emergency AND (m.holder IS NULL OR m.holder = :agency)
      AND (m.partner_id IN {lineage(":partner")} OR m.partner_id IN (SELECT partner_lineage(p.hq_id)
        FROM partners p WHERE p.id = partner_root(:partner) AND p.hq_id IS NOT NULL))"""  # noqa: S608 - ours
)


async def hurry(session: AsyncSession, event: OutboxEvent) -> None:
    """Consumer of given clearances: those asked for in an emergency name their partner."""
    partner = event.data.get("emergency_for")
    if partner is None:
        return
    due = due_in_emergency(utc_now())
    values = {"due": due, "agency": event.agency_id, "partner": UUID(partner)}
    await session.execute(_SOONER, values)
