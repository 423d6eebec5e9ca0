"""What sanctions do when something below changes."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import service as agencies
from app.events.catalogue import EventType
from app.events.models import OutboxEvent
from app.events.service import Consumer
from app.sanctions.entries import queries
from app.sanctions.entries.publishing import publish_entry


async def _renew_entries(session: AsyncSession, event: OutboxEvent) -> None:
    """A partner changed its names, or has another's, too: entries on it carry them all.

    After a merge they name the profile that stands for theirs; when it is undone, each its own.
    """
    await _renew(session, event.subject_id)
    if event.type == EventType.PARTNER_UNMERGED:
        await _renew(session, UUID(event.data["survivor_id"]))


async def _renew(session: AsyncSession, partner_id: UUID) -> None:
    entries = await queries.live_entries_of(session, partner_id)
    if not entries:
        return
    codes = await agencies.codes_by_id(session)
    for entry in entries:
        await publish_entry(session, entry, codes[entry.imposing_agency])


CONSUMERS = (
    Consumer(
        name="sanctions.partner_names",
        types=frozenset(
            {EventType.PARTNER_CHANGED, EventType.PARTNER_MERGED, EventType.PARTNER_UNMERGED}
        ),
        effect=_renew_entries,
    ),
)
