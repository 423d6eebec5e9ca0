"""Redaction of words of the sanctions part; what it means: `app.audit.exceptions.redaction`.

The features say which words they have; whoever keeps a copy is told to drop it. Never commits.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.exceptions import redaction
from app.audit.exceptions.redaction import Target
from app.audit.exceptions.schemas import RedactionDecisionIn
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.events import service as events
from app.events.catalogue import EventType

_TOLD = {"confirm": EventType.CONTENT_DESTROYED, "undo": EventType.CONTENT_RESTORED}


async def hide(
    session: AsyncSession, keys: KeyRing, caller: Caller, target: Target, reason: str
) -> dict[str, Any]:
    """Hide own words, and tell. Raises what hiding raises."""
    found = await redaction.hide(session, keys, caller, target, reason)
    await _tell(session, caller, EventType.CONTENT_HIDDEN, target, found)
    return found


async def decide(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    target: Target,
    version: int,
    decision: RedactionDecisionIn,
) -> dict[str, Any]:
    """A second person decides, and it is told. Raises what deciding raises."""
    found = await redaction.decide(session, keys, caller, target, version, decision)
    await _tell(session, caller, _TOLD[decision.decision], target, found)
    return found


async def _tell(
    session: AsyncSession, caller: Caller, kind: EventType, target: Target, found: dict[str, Any]
) -> None:
    about = {"redaction": str(found["id"]), "content": str(target.id)}
    await events.publish(session, kind, target.record_id, caller.agency_id, **about)
