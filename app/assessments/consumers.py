"""What assessments do when something below changes."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.events.catalogue import EventType
from app.events.models import OutboxEvent
from app.events.service import Consumer

_APPLY = text(
    "SELECT apply_sharing_policies(id, owner_agency, false) FROM assessments "
    "WHERE partner_id = :partner AND status = 'final'"
)


async def _share_anew(session: AsyncSession, event: OutboxEvent) -> None:
    """A partner moved to another country: policies by country let go of it or take it in."""
    if "country" in event.data.get("fields", ()):
        await session.execute(_APPLY, {"partner": event.subject_id})


CONSUMERS = (
    Consumer(
        name="assessments.partner_country",
        types=frozenset({EventType.PARTNER_CHANGED}),
        effect=_share_anew,
    ),
)
