"""Use cases beside the clearance itself. Works inside the caller's transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.recognition import queries
from app.recognition.errors import ClearanceNotFound


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
) -> bytes:
    """The answer, byte for byte as it was given. Raises ClearanceNotFound for another agency's."""
    row = await find_clearance(session, caller, clearance_id)
    context = f"clearances.answer|{row.id}|{caller.agency_id}"
    return await keys.open(session, context, row.sealed_answer)
