"""What sanctions do when something below changes."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import service as agencies
from app.events.catalogue import EventType
from app.events.models import OutboxEvent
from app.events.service import Consumer
from app.sanctions import queries, service


async def _renew_entries(session: AsyncSession, event: OutboxEvent) -> None:
    """A partner changed its names: entries on it carry the new ones."""
    entries = await queries.live_entries_of(session, event.subject_id)
    if not entries:
        return
    codes = await agencies.codes_by_id(session)
    for entry in entries:
        await service.publish_entry(session, entry, codes[entry.imposing_agency])


CONSUMERS = (
    Consumer(
        name="sanctions.partner_names",
        types=frozenset({EventType.PARTNER_CHANGED}),
        effect=_renew_entries,
    ),
)
