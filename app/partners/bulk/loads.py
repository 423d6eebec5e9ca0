"""Loads: begun, counted, finished. In the caller's transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.ids import new_id
from app.partners.bulk.errors import LoadNotFound, LoadUndone
from app.partners.bulk.lines import Entry
from app.partners.bulk.models import PartnerLoad

_COUNT = text(
    """UPDATE partner_loads SET lines = lines + :lines, created = created + :created,
      updated = updated + :updated, unchanged = unchanged + :unchanged,
      conflicts = conflicts + :conflict, invalid = invalid + :invalid, moved_at = now()
    WHERE id = :id"""
)
_STATUSES = ("created", "updated", "unchanged", "conflict", "invalid")


async def begin(
    session: AsyncSession, caller: Caller, kind: str, load_id: UUID | None = None
) -> UUID:
    """A new load of the caller's agency, or one that goes on. Raises LoadNotFound or LoadUndone."""
    if load_id is None:
        made = new_id()
        values = {
            "id": made,
            "agency_id": caller.agency_id,
            "client_id": caller.client_id,
            "person_id": caller.person.id if caller.person else None,
            "format": kind,
        }
        await session.execute(insert(PartnerLoad).values(values).inline())
        subject = audit.Subject(made, caller.agency_id)
        await audit.record(session, caller, Event.LOAD_BEGUN, subject, format=kind)
        return made
    found = await find(session, caller, load_id)
    if found.state == "undone":
        raise LoadUndone
    await session.execute(
        update(PartnerLoad)
        .where(PartnerLoad.id == load_id)
        .values(state="running", finished_at=None)
        .execution_options(synchronize_session=False)
    )
    return load_id


async def count(session: AsyncSession, load_id: UUID, entries: Sequence[Entry]) -> None:
    """Add a chunk to what the load shows of itself."""
    counts = Counter(entry.status for entry in entries)
    values = {status: counts[status] for status in _STATUSES}
    await session.execute(_COUNT, values | {"id": load_id, "lines": len(entries)})


async def finish(session: AsyncSession, caller: Caller, load_id: UUID) -> None:
    """The stream has come to its end."""
    await session.execute(
        update(PartnerLoad)
        .where(PartnerLoad.id == load_id, PartnerLoad.state == "running")
        .values(state="finished", finished_at=func.now())
        .execution_options(synchronize_session=False)
    )
    subject = audit.Subject(load_id, caller.agency_id)
    await audit.record(session, caller, Event.LOAD_FINISHED, subject)


async def find(session: AsyncSession, caller: Caller, load_id: UUID) -> PartnerLoad:
    """A load of the caller's agency. Raises LoadNotFound."""
    query = select(PartnerLoad).where(
        PartnerLoad.id == load_id, PartnerLoad.agency_id == caller.agency_id
    )
    found = await session.scalar(query.execution_options(populate_existing=True))
    if found is None:
        raise LoadNotFound
    return found


async def page(
    session: AsyncSession, caller: Caller, after: UUID | None, limit: int
) -> list[PartnerLoad]:
    """Loads of the caller's agency, newest first; ``limit`` rows."""
    query = select(PartnerLoad).where(PartnerLoad.agency_id == caller.agency_id)
    if after is not None:
        query = query.where(PartnerLoad.id < after)
    return list(await session.scalars(query.order_by(PartnerLoad.id.desc()).limit(limit)))


def wire(load: PartnerLoad) -> dict[str, Any]:
    """A load as LoadOut shows it."""
    hidden = {"agency_id", "person_id"}
    return {c.key: getattr(load, c.key) for c in PartnerLoad.__table__.c if c.key not in hidden}
