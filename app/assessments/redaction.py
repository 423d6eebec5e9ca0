"""Redaction of an assessment's detail; what it means: `app.audit.exceptions.redaction`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments import queries
from app.assessments.errors import AssessmentNotFound
from app.audit.exceptions import redaction
from app.audit.exceptions.schemas import RedactionDecisionIn
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.events import service as events
from app.events.catalogue import EventType

_TOLD = {"confirm": EventType.CONTENT_DESTROYED, "undo": EventType.CONTENT_RESTORED}


async def _target(session: AsyncSession, caller: Caller, assessment_id: UUID) -> redaction.Target:
    row = await queries.lock_owned(session, assessment_id)
    # An emergency needs no right to the content, but the record must not look absent to the caller.
    if row is None or not policy.reaches(caller, row.level):
        raise AssessmentNotFound
    if not policy.within(caller, row.country):
        raise AssessmentNotFound
    return redaction.Target("assessment", row.id, row.id, row.partner_id)


async def hide(
    session: AsyncSession, keyring: KeyRing, caller: Caller, assessment_id: UUID, reason: str
) -> dict[str, Any]:
    """Hide the detail of an own assessment. Raises AssessmentNotFound, and what hiding raises."""
    target = await _target(session, caller, assessment_id)
    found = await redaction.hide(session, keyring, caller, target, reason)
    await _tell(session, caller, EventType.CONTENT_HIDDEN, target, found)
    return found


async def decide(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    assessment_id: UUID,
    version: int,
    decision: RedactionDecisionIn,
) -> dict[str, Any]:
    """A second person decides. Raises AssessmentNotFound, and what deciding raises."""
    target = await _target(session, caller, assessment_id)
    found = await redaction.decide(session, keyring, caller, target, version, decision)
    await _tell(session, caller, _TOLD[decision.decision], target, found)
    return found


async def _tell(
    session: AsyncSession,
    caller: Caller,
    kind: EventType,
    target: redaction.Target,
    found: dict[str, Any],
) -> None:
    # Whoever keeps a copy drops it.
    about = {"redaction": str(found["id"]), "content": str(target.id)}
    await events.publish(session, kind, target.id, caller.agency_id, **about)
