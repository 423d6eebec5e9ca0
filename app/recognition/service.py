"""Use cases beside the clearance itself. Works inside the caller's transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import policy
from app.auth.caller import Caller
from app.core.clock import utc_now
from app.core.crypto import KeyRing
from app.recognition import queries
from app.recognition.errors import (
    AsOfOutOfRange,
    ClearanceNotFound,
    ContentsErased,
    InputsNotStored,
)
from app.recognition.evidence import context, recomputed


async def find_clearance(session: AsyncSession, caller: Caller, clearance_id: UUID) -> Any:
    """The own agency's clearance. Raises ClearanceNotFound for another's.

    An answer holds what its asker could see. A client that may not handle all of that re-reads
    its own answers only; the list, which holds no contents, shows all.
    """
    row = await queries.find_clearance(session, clearance_id)
    mine = row is not None and row.client_id == caller.client_id
    if row is None or not (mine or policy.reaches(caller, "AGENCY_ONLY")):
        raise ClearanceNotFound
    return row


async def read_clearance(
    session: AsyncSession, keys: KeyRing, caller: Caller, clearance_id: UUID
) -> tuple[Any, bytes]:
    """The row, and the answer byte for byte as it was given.

    Raises ClearanceNotFound for another agency's, and ContentsErased.
    """
    row = await find_clearance(session, caller, clearance_id)
    return row, await _opened(session, keys, caller, row, "answer")


async def recompute(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    clearance_id: UUID,
    as_of: datetime | None,
) -> dict[str, Any]:
    """The decision made again from the stored facts, and how the clearance stood at that moment.

    Raises ClearanceNotFound, AsOfOutOfRange, ContentsErased or InputsNotStored.
    """
    row = await find_clearance(session, caller, clearance_id)
    if as_of is not None and not row.evaluated_at <= as_of <= utc_now():
        raise AsOfOutOfRange
    answer = await _opened(session, keys, caller, row, "answer")
    if row.sealed_inputs is None:
        raise InputsNotStored
    found = recomputed(await _opened(session, keys, caller, row, "inputs"), answer, as_of)
    return found | await _stood(session, row, as_of or row.evaluated_at)


async def _stood(session: AsyncSession, row: Any, at: datetime) -> dict[str, Any]:
    """What `/status` would have said then."""
    changed = await queries.change_at(session, row.id, at)
    status = changed.status if changed else "open"
    return {
        "status_then": "expired" if row.expires_at <= at else status,
        "outcome_then": changed.outcome if changed else row.outcome,
    }


async def _opened(
    session: AsyncSession, keys: KeyRing, caller: Caller, row: Any, name: str
) -> bytes:
    if row.contents_erased_at is not None:
        raise ContentsErased
    bound = context(name, row.id, caller.agency_id)
    return await keys.open(session, bound, getattr(row, f"sealed_{name}"))
