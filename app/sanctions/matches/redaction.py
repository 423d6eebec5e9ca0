"""Redaction of the reasons of a decision; what it means: `app.audit.exceptions.redaction`.

The decision itself stands: what it clears or confirms does not hang on its words.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.exceptions import redaction
from app.audit.exceptions.schemas import RedactionDecisionIn
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.events import service as events
from app.events.catalogue import EventType
from app.sanctions.matches import access, errors
from app.sanctions.matches.models import MatchDecision

_TOLD = {"confirm": EventType.CONTENT_DESTROYED, "undo": EventType.CONTENT_RESTORED}


async def _target(
    session: AsyncSession, caller: Caller, match_id: UUID, decision_id: UUID
) -> redaction.Target:
    """A decision of the own agency. Raises MatchNotFound."""
    row = await access.readable(session, caller, match_id)
    word = await session.get(MatchDecision, decision_id)
    if word is None or (word.match_id, word.owner_agency) != (row.id, caller.agency_id):
        raise errors.MatchNotFound
    return redaction.Target("match_decision", word.id, row.id, row.stored_partner_id)


async def hide(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    match_id: UUID,
    decision_id: UUID,
    reason: str,
) -> dict[str, Any]:
    """Hide the reasons of an own decision. Raises MatchNotFound, and as hiding."""
    target = await _target(session, caller, match_id, decision_id)
    found = await redaction.hide(session, keyring, caller, target, reason)
    await _tell(session, caller, EventType.CONTENT_HIDDEN, target, found)
    return found


async def decide(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    match_id: UUID,
    decision_id: UUID,
    version: int,
    decision: RedactionDecisionIn,
) -> dict[str, Any]:
    """A second person decides. Raises MatchNotFound, and what deciding raises."""
    target = await _target(session, caller, match_id, decision_id)
    found = await redaction.decide(session, keyring, caller, target, version, decision)
    await _tell(session, caller, _TOLD[decision.decision], target, found)
    return found


async def _tell(
    session: AsyncSession,
    caller: Caller,
    event: EventType,
    target: redaction.Target,
    found: dict[str, Any],
) -> None:
    about = {"redaction": str(found["id"]), "content": str(target.id)}
    await events.publish(session, event, target.record_id, caller.agency_id, **about)
