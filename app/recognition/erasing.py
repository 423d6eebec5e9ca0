"""Destroying what a clearance holds of persons before its time: one person of the agency's
oversight asks for it, another decides. What was answered, and that it was, stays.
"""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.audit.exceptions.errors import SecondPersonRequired
from app.auth.caller import Caller
from app.core.errors import violated_constraint
from app.core.http import PreconditionFailed
from app.core.ids import new_id
from app.recognition import service
from app.recognition.errors import (
    ClearanceNotFound,
    ContentsErased,
    ContentsHeld,
    ErasureDecided,
    ErasureExists,
    ErasureNotFound,
)
from app.recognition.models import ClearanceErasure

Decision = Literal["confirm", "refuse"]
_STATES = {"confirm": "confirmed", "refuse": "refused"}
_EVENTS = {"confirm": Event.CLEARANCE_ERASED, "refuse": Event.CLEARANCE_ERASURE_REFUSED}
_ONE = "uq_clearance_erasures_clearance_id"

# Row security shows them to an oversight role of the agency alone. The last is the one that counts.
_LAST = text(
    """SELECT e.id, e.clearance_id, e.basis, e.state, e.proposed_by, e.proposed_at, e.decided_at,
      e.version, c.contents_erased_at FROM clearance_erasures e
      JOIN clearances c ON c.id = e.clearance_id
    WHERE e.clearance_id = :id ORDER BY e.proposed_at DESC, e.id DESC LIMIT 1"""
)
_DECIDE = text(
    """UPDATE clearance_erasures SET state = :state, decided_by = :person, decided_at = now(),
      version = version + 1 WHERE id = :id AND version = :version AND state = 'proposed'
    RETURNING id"""
)
_ERASE = text(
    """UPDATE clearances SET sealed_request = NULL, sealed_answer = NULL, sealed_inputs = NULL,
      contents_erased_at = now() WHERE id = :id RETURNING contents_erased_at"""
)
# Whoever guesses a name could try it against the keys that its answer is found by.
_FORGET = text(
    "DELETE FROM clearance_dependencies WHERE clearance_id = :id AND kind IN ('name', 'identifier')"
)
# What a repeated request would be answered is the same contents once more.
_FORGET_ANSWER = text(
    """DELETE FROM idempotency_keys k USING clearances c WHERE c.id = :id
      AND k.agency_id = c.agency_id AND k.client_id = c.client_id AND k.route = '/v1/clearances'
      AND k.headers ->> 'location' = '/v1/clearances/' || c.id"""
)


async def propose(
    session: AsyncSession, caller: Caller, clearance_id: UUID, basis: str
) -> dict[str, Any]:
    """Ask for the contents of an own clearance to be destroyed, as an oversight role.

    Raises PersonRequired, ClearanceNotFound, ContentsErased or ErasureExists.
    """
    person = caller.require_person()
    row = await _own(session, caller, clearance_id)
    if row.contents_erased_at is not None:
        raise ContentsErased
    values = {
        "id": new_id(),
        "clearance_id": clearance_id,
        "agency_id": caller.agency_id,
        "basis": basis,
        "proposed_by": person.id,
    }
    try:
        async with session.begin_nested():
            await session.execute(insert(ClearanceErasure).values(values).inline())
    except IntegrityError as error:
        if violated_constraint(error) != _ONE:
            raise
        raise ErasureExists from error
    await _record(session, caller, Event.CLEARANCE_ERASURE_PROPOSED, row, basis)
    return await read(session, caller, clearance_id)


async def read(session: AsyncSession, caller: Caller, clearance_id: UUID) -> dict[str, Any]:
    """What was asked for last, and what was decided of it.

    Raises ClearanceNotFound or ErasureNotFound.
    """
    await _own(session, caller, clearance_id)
    found = dict((await _last(session, clearance_id))._mapping)
    del found["proposed_by"]
    return found


async def decide(
    session: AsyncSession, caller: Caller, clearance_id: UUID, version: int, decision: Decision
) -> dict[str, Any]:
    """A second person has the contents destroyed for good, or leaves them.

    Raises PersonRequired, ClearanceNotFound, ErasureNotFound, PreconditionFailed, ErasureDecided,
    SecondPersonRequired or ContentsHeld.
    """
    person = caller.require_person()
    row = await _own(session, caller, clearance_id)
    asked = await _last(session, clearance_id)
    if asked.version != version:
        raise PreconditionFailed
    if asked.state != "proposed":
        raise ErasureDecided
    if asked.proposed_by == person.id:
        raise SecondPersonRequired
    values = {"id": asked.id, "version": version, "person": person.id, "state": _STATES[decision]}
    if await session.scalar(_DECIDE, values) is None:
        raise PreconditionFailed
    if decision == "confirm":
        await _erase(session, clearance_id)
    await _record(session, caller, _EVENTS[decision], row, asked.basis)
    return await read(session, caller, clearance_id)


async def _own(session: AsyncSession, caller: Caller, clearance_id: UUID) -> Any:
    if not caller.oversight:
        raise ClearanceNotFound
    return await service.find_clearance(session, caller, clearance_id)


async def _last(session: AsyncSession, clearance_id: UUID) -> Any:
    row = (await session.execute(_LAST, {"id": clearance_id})).one_or_none()
    if row is None:
        raise ErasureNotFound
    return row


async def _erase(session: AsyncSession, clearance_id: UUID) -> None:
    try:
        async with session.begin_nested():
            await session.execute(_ERASE, {"id": clearance_id})
            await session.execute(_FORGET, {"id": clearance_id})
            await session.execute(_FORGET_ANSWER, {"id": clearance_id})
    except IntegrityError as error:
        if violated_constraint(error) != "legal_hold":
            raise
        raise ContentsHeld from error


async def _record(
    session: AsyncSession, caller: Caller, event: Event, row: Any, basis: str
) -> None:
    subject = audit.Subject(row.id, caller.agency_id, row.partner_id)
    await audit.record(session, caller, event, subject, basis=basis)
