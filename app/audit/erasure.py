"""Erasing what an event says of persons. The event, its number and its proof stay."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.events import Event
from app.audit.models import AuditEvent
from app.audit.service import Subject, record
from app.auth.caller import Caller
from app.core.errors import NotFound

_ERASE = text(
    "UPDATE audit_events SET client_id = NULL, person_id = NULL, office = NULL, role = NULL, "
    "reference = NULL, claimed_user = NULL, detail = '{}', salt = NULL "
    "WHERE id = :id AND salt IS NOT NULL"
)


async def erase_event(
    session: AsyncSession, caller: Caller | None, event_id: UUID, basis: str
) -> None:
    """Take the personal columns and the salt off a numbered event, and log that it was done.

    ``basis`` says by what right. Only the worker's or the operator's role may do it. Nothing is
    done for an event that is erased already. Raises NotFound; the database refuses an event that
    has no number yet.
    """
    found = (
        await session.execute(
            select(AuditEvent.owner_agency, AuditEvent.salt).where(AuditEvent.id == event_id)
        )
    ).one_or_none()
    if found is None:
        raise NotFound
    if found.salt is None:
        return
    # First the event that explains it: the trigger lets no other erasure pass.
    subject = Subject(event_id, owner_agency=found.owner_agency)
    await record(session, caller, Event.EVENT_ERASED, subject, basis=basis)
    await session.execute(_ERASE, {"id": event_id})
