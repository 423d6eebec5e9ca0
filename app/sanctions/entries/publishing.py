"""What the feed and the followers of events are told of a measure.

A RESTRICTED measure is in the own streams of the agencies that answer for it, and its events say
which record changed and nothing of the partner: any other agency that may read it asks for it, for
a purpose.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.events import service as events
from app.events.catalogue import EventType
from app.sanctions.entries import queries
from app.sanctions.entries.models import SanctionEntry
from app.sanctions.entries.status import status_sql
from app.sanctions.feed import service as feed
from app.sanctions.feed.build import own_stream
from app.sanctions.feed.entries import Standing, agency_entry

_STANDING = text(
    f"""SELECT {status_sql("e", "d.day")} AS status, sanction_next_day(e.valid, d.day) AS next_day,
      EXISTS (SELECT FROM sanction_conditions c WHERE c.entry_id = e.id AND c.state = 'open')
        AS conditions,
      (SELECT n.id FROM sanction_entries n WHERE n.id = e.supersedes AND n.level <> 'RESTRICTED')
        AS supersedes,
      (SELECT n.id FROM sanction_entries n WHERE n.id = e.affiliate_of AND n.level <> 'RESTRICTED')
        AS affiliate_of
    FROM sanction_entries e,
      (SELECT coalesce(CAST(:day AS date), current_date) AS day) d WHERE e.id = :id"""  # noqa: S608 - texts of ours
)
_STREAMS = {"PUBLIC": ("public", "inter_agency"), "INTER_AGENCY": ("inter_agency",)}


def streams(entry: Any) -> tuple[str, ...]:
    """The feed's streams for a measure of its level."""
    if entry.level == "RESTRICTED":
        answering = dict.fromkeys((entry.imposing_agency, entry.custodian_agency))
        return tuple(own_stream(agency) for agency in answering if agency is not None)
    return _STREAMS[entry.level]


async def publish_entry(
    session: AsyncSession, entry: SanctionEntry, agency_code: str, day: date | None = None
) -> None:
    """Put the entry, as it is on this day (today), into the feed. What is over is not put."""
    found = (await session.execute(_STANDING, {"id": entry.id, "day": day})).one()
    standing = Standing(*found)
    if standing.status not in ("PENDING", "ACTIVE"):
        return
    profiles = await queries.partner_facts(session, entry.partner_id) if entry.partner_id else []
    sent = agency_entry(entry, profiles, agency_code, standing)
    await feed.put(session, sent, streams(entry))


async def retract_entry(
    session: AsyncSession, entry: Any, reason: str, of: tuple[str, ...] | None = None
) -> None:
    """Take the entry out of its streams, or of these; the tombstone says why, and no name."""
    await feed.remove(session, str(entry.id), reason, streams(entry) if of is None else of)


async def tell(session: AsyncSession, kind: EventType, entry: Any, **more: Any) -> None:
    """Publish an event of a measure."""
    about: dict[str, Any] = {"level": "RESTRICTED"}
    if entry.level != "RESTRICTED":
        about = {"partner_id": str(entry.partner_id) if entry.partner_id else None, **more}
    await events.publish(session, kind, entry.id, entry.imposing_agency, **about)
