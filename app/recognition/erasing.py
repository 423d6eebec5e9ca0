"""Destroying what a clearance holds of persons. What was answered, and that it was, stays."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.errors import violated_constraint
from app.recognition import service
from app.recognition.errors import ClearanceNotFound, ContentsErased, ContentsHeld

# Only for an oversight role does row security let this touch a row.
_ERASE = text(
    """UPDATE clearances SET sealed_request = NULL, sealed_answer = NULL, sealed_inputs = NULL,
      contents_erased_at = now() WHERE id = :id RETURNING contents_erased_at"""
)


async def erase(
    session: AsyncSession, caller: Caller, clearance_id: UUID, basis: str
) -> dict[str, Any]:
    """Destroy the contents of an own clearance, as an oversight role, and log by what right.

    Raises ClearanceNotFound, ContentsErased or ContentsHeld.
    """
    row = await service.find_clearance(session, caller, clearance_id)
    if row.contents_erased_at is not None:
        raise ContentsErased
    try:
        async with session.begin_nested():
            at = await session.scalar(_ERASE, {"id": clearance_id})
    except IntegrityError as error:
        if violated_constraint(error) != "legal_hold":
            raise
        raise ContentsHeld from error
    if at is None:
        raise ClearanceNotFound
    subject = audit.Subject(clearance_id, caller.agency_id, row.partner_id)
    await audit.record(session, caller, Event.CLEARANCE_ERASED, subject, basis=basis)
    return {"clearance_id": clearance_id, "contents_erased_at": at}
