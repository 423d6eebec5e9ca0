"""Redaction of a case's step; what it means: `app.audit.exceptions.redaction`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.exceptions import redaction
from app.audit.exceptions.schemas import RedactionDecisionIn
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.events import service as events
from app.events.catalogue import EventType
from app.sanctions.cases import errors, queries

_TOLD = {"confirm": EventType.CONTENT_DESTROYED, "undo": EventType.CONTENT_RESTORED}
_HIDDEN = text("SELECT id, kind, at FROM redacted_steps(:id)")


async def redacted_steps(session: AsyncSession, case_id: UUID) -> Sequence[Row[Any]]:
    """Steps of an own case that row security hides, as far as everybody may know of them."""
    return (await session.execute(_HIDDEN, {"id": case_id})).all()


async def _target(
    session: AsyncSession, caller: Caller, case_id: UUID, step_id: UUID
) -> redaction.Target:
    found = await queries.find_case(session, case_id, lock=True)
    if found is None:
        raise errors.CaseNotFound
    case, country = found
    if case.agency_id != caller.agency_id:
        raise errors.CaseNotFound
    # As with assessments: no right to the content, but to know of the case.
    if not (policy.reaches(caller, "AGENCY_ONLY") and policy.within(caller, country)):
        raise errors.CaseNotFound
    known = {step.id for step in await queries.case_steps(session, case_id)}
    known |= {step.id for step in await redacted_steps(session, case_id)}
    if step_id not in known:
        raise errors.CaseNotFound
    return redaction.Target("case_step", step_id, case_id, case.partner_id)


async def hide(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    case_id: UUID,
    step_id: UUID,
    reason: str,
) -> dict[str, Any]:
    """Hide what was written at a step of an own case. Raises CaseNotFound, and as hiding."""
    target = await _target(session, caller, case_id, step_id)
    found = await redaction.hide(session, keyring, caller, target, reason)
    await _tell(session, caller, EventType.CONTENT_HIDDEN, target, found)
    return found


async def decide(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    case_id: UUID,
    step_id: UUID,
    version: int,
    decision: RedactionDecisionIn,
) -> dict[str, Any]:
    """A second person decides. Raises CaseNotFound, and what deciding raises."""
    target = await _target(session, caller, case_id, step_id)
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
