"""Redaction of the words of plans: of one action, or of the note of one step.

What it means: `app.audit.exceptions.redaction`. The plan goes on: days, states and counts stay.
"""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.plans import queries
from app.assessments.plans.errors import ActionNotFound, PlanNotFound, StepNotFound
from app.audit.exceptions import redaction
from app.audit.exceptions.schemas import RedactionDecisionIn
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.events import service as events
from app.events.catalogue import EventType

Words = Literal["plan_action", "plan_step"]
_TOLD = {"confirm": EventType.CONTENT_DESTROYED, "undo": EventType.CONTENT_RESTORED}


async def _target(
    session: AsyncSession, caller: Caller, kind: Words, plan_id: UUID, words_id: UUID
) -> redaction.Target:
    """Words of the caller's own plan, which is locked.

    Raises PlanNotFound, ActionNotFound or StepNotFound.
    """
    row = await queries.lock_plan(session, plan_id)
    # An emergency needs no right to the content, but the plan must not look absent to the caller.
    if row is None or not policy.within(caller, row.country):
        raise PlanNotFound
    hidden = row.agreed_on is None or row.assessment_level == "AGENCY_ONLY"
    if not policy.reaches(caller, "AGENCY_ONLY" if hidden else "RESTRICTED"):
        raise PlanNotFound
    if kind == "plan_action" and not await queries.lock_actions(session, plan_id, words_id):
        raise ActionNotFound
    if kind == "plan_step" and not await queries.has_note(session, plan_id, words_id):
        raise StepNotFound
    return redaction.Target(kind, words_id, row.id, row.partner_id)


async def hide(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    kind: Words,
    plan_id: UUID,
    words_id: UUID,
    reason: str,
) -> dict[str, Any]:
    """Hide words of an own plan. Raises what `_target` raises, and what hiding raises."""
    target = await _target(session, caller, kind, plan_id, words_id)
    found = await redaction.hide(session, keyring, caller, target, reason)
    await _tell(session, caller, EventType.CONTENT_HIDDEN, target, found)
    return found


async def decide(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    kind: Words,
    plan_id: UUID,
    words_id: UUID,
    version: int,
    decision: RedactionDecisionIn,
) -> dict[str, Any]:
    """A second person decides. Raises what `_target` raises, and what deciding raises."""
    target = await _target(session, caller, kind, plan_id, words_id)
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
    await events.publish(session, kind, target.record_id, caller.agency_id, **about)
