"""Measures begin and end on their day even if nobody writes: the worker says so to the feed.

Whether one is in force never waits for this: every reader asks for the day. What is told here is
told once, by whichever worker holds the row, and late where no worker was there in time.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.core.db import Database
from app.events.catalogue import EventType
from app.sanctions.entries import queries, restraining
from app.sanctions.entries.models import SanctionEntry
from app.sanctions.entries.publishing import publish_entry, retract_entry, tell
from app.sanctions.entries.status import status_sql

_COLUMNS = "e.id, e.partner_id, e.imposing_agency, e.custodian_agency, e.version, e.level"
_ENDED = text(
    f"""WITH due AS (SELECT id FROM sanction_entries
        WHERE announced <> 'ENDED' AND (upper(valid) <= current_date OR isempty(valid))
        ORDER BY upper(valid) LIMIT 500 FOR UPDATE SKIP LOCKED)
    UPDATE sanction_entries e SET announced = 'ENDED' FROM due WHERE e.id = due.id
    RETURNING {_COLUMNS}, lower({status_sql("e")}) AS reason"""  # noqa: S608 - texts of ours
)
_BEGUN = text(
    """WITH due AS (SELECT id FROM sanction_entries
        WHERE announced = 'PENDING' AND effective_from <= current_date AND valid @> current_date
        ORDER BY effective_from LIMIT 500 FOR UPDATE SKIP LOCKED)
    UPDATE sanction_entries e SET announced = 'ACTIVE' FROM due WHERE e.id = due.id
    RETURNING e.id"""
)

# After a handover, and of measures that are older than these streams.
_LACKING = text(
    f"""SELECT e.id FROM sanction_entries e WHERE e.level = 'RESTRICTED' AND e.announced <> 'ENDED'
      AND {status_sql("e")} IN ('PENDING', 'ACTIVE')
      AND NOT EXISTS (SELECT FROM feed_pending p WHERE p.entry_id = e.id::text)
      AND EXISTS (SELECT FROM unnest(ARRAY[e.imposing_agency, e.custodian_agency]) a (id)
        WHERE a.id IS NOT NULL AND NOT EXISTS (SELECT FROM feed_entries f
          WHERE f.stream = 'agency:' || a.id AND f.entry_id = e.id::text))
    LIMIT 500 FOR NO KEY UPDATE OF e SKIP LOCKED"""  # noqa: S608 - texts of ours
)


async def complete_own_streams(database: Database) -> None:
    """Put RESTRICTED measures into the streams of agencies that answer for them and lack them."""
    async with database.session() as session:
        lacking = (await session.scalars(_LACKING)).all()
        found = select(SanctionEntry).where(SanctionEntry.id.in_(lacking))
        for entry in (await session.scalars(found)).all():
            code = await queries.agency_code(session, entry.imposing_agency)
            assert code is not None
            await publish_entry(session, entry, code)


async def expire_entries(database: Database) -> int:
    """Tell of what began and of what is past its last day; how many that were."""
    async with database.session() as session:
        ended = (await session.execute(_ENDED)).all()
        for row in ended:
            await _tell_end(session, row)
        begun = (await session.scalars(_BEGUN)).all()
        if begun:
            found = select(SanctionEntry).where(SanctionEntry.id.in_(begun))
            for entry in (await session.scalars(found)).all():
                await _tell_begin(session, entry)
    return len(ended) + len(begun)


async def _tell_end(session: AsyncSession, row: Any) -> None:
    await restraining.let_go(session, row.id)
    await retract_entry(session, row, row.reason)
    subject = audit.Subject(row.id, row.imposing_agency, row.partner_id)
    about = {"version": row.version, "reason": row.reason}
    await audit.record(session, None, Event.ENTRY_EXPIRED, subject, **about)
    await tell(session, EventType.SANCTION_LIFTED, row, reason=row.reason)


async def _tell_begin(session: AsyncSession, entry: SanctionEntry) -> None:
    code = await queries.agency_code(session, entry.imposing_agency)
    assert code is not None
    await publish_entry(session, entry, code)
    subject = audit.Subject(entry.id, entry.imposing_agency, entry.partner_id)
    await audit.record(session, None, Event.ENTRY_BEGAN, subject, version=entry.version)
    await tell(session, EventType.SANCTION_BEGAN, entry, measure=entry.measure)
