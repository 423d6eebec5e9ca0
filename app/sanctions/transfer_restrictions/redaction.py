"""Redaction of a restriction's statement; what it means: `app.audit.exceptions.redaction`.

The restriction goes on: days, modalities and reason code stay.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.exceptions.redaction import Target
from app.audit.exceptions.schemas import RedactionDecisionIn
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.sanctions import redacting
from app.sanctions.transfer_restrictions import queries
from app.sanctions.transfer_restrictions.errors import RestrictionNotFound


async def _target(session: AsyncSession, caller: Caller, restriction_id: UUID) -> Target:
    row = await queries.lock(session, restriction_id)
    # An emergency needs no right to the content, but it must not look absent to the caller.
    if row is None or not policy.within(caller, row.country):
        raise RestrictionNotFound
    if not policy.reaches(caller, "RESTRICTED"):
        raise RestrictionNotFound
    return Target("transfer_restriction", row.id, row.id, row.partner_id)


async def hide(
    session: AsyncSession, keys: KeyRing, caller: Caller, restriction_id: UUID, reason: str
) -> dict[str, Any]:
    """Hide the statement of an own restriction. Raises RestrictionNotFound, and as hiding."""
    target = await _target(session, caller, restriction_id)
    return await redacting.hide(session, keys, caller, target, reason)


async def decide(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    restriction_id: UUID,
    version: int,
    decision: RedactionDecisionIn,
) -> dict[str, Any]:
    """A second person decides. Raises RestrictionNotFound, and what deciding raises."""
    target = await _target(session, caller, restriction_id)
    return await redacting.decide(session, keys, caller, target, version, decision)
