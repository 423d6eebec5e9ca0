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
from app.sanctions.lists.audience import known
from app.sanctions.lists.streams import align
from app.sanctions.matches import queue as matches
from app.sanctions.matches.emergencies import hurry


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


async def _align_list(session: AsyncSession, event: OutboxEvent) -> None:
    """A joint list was enabled or ended: its parties enter or leave the streams that all read."""
    source = known(event.data["source"])
    if source is not None and event.data["audience"] == "joint":
        await align(session, source)


CONSUMERS = (
    Consumer(
        name="sanctions.partner_names",
        types=frozenset(
            {EventType.PARTNER_CHANGED, EventType.PARTNER_MERGED, EventType.PARTNER_UNMERGED}
        ),
        effect=_renew_entries,
    ),
    Consumer(
        name="sanctions.joint_lists",
        types=frozenset({EventType.LIST_USE_CHANGED}),
        effect=_align_list,
    ),
    *matches.CONSUMERS,
    Consumer(
        name="sanctions.match_emergencies",
        types=frozenset({EventType.CLEARANCE_GIVEN}),
        effect=hurry,
    ),
)
