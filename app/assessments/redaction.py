"""Redaction of an assessment's detail, of the note of a share, of the texts of an access request;
what it means: `app.audit.exceptions.redaction`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments import access_requests, queries
from app.assessments.errors import AssessmentNotFound, ShareNotFound
from app.audit.exceptions import redaction
from app.audit.exceptions.schemas import RedactionDecisionIn
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.events import service as events
from app.events.catalogue import EventType

_TOLD = {"confirm": EventType.CONTENT_DESTROYED, "undo": EventType.CONTENT_RESTORED}
Find = Callable[[AsyncSession, Caller], Awaitable[redaction.Target]]


def of_assessment(assessment_id: UUID) -> Find:
    """The detail of an own assessment. Raises AssessmentNotFound."""

    async def find(session: AsyncSession, caller: Caller) -> redaction.Target:
        row = await _own(session, caller, assessment_id)
        return redaction.Target("assessment", row.id, row.id, row.partner_id)

    return find


def of_share(assessment_id: UUID, share_id: UUID) -> Find:
    """The note of a share that the caller's agency gave. Raises AssessmentNotFound or
    ShareNotFound.
    """

    async def find(session: AsyncSession, caller: Caller) -> redaction.Target:
        row = await _own(session, caller, assessment_id)
        if not await queries.own_share(session, assessment_id, share_id):
            raise ShareNotFound
        return redaction.Target("share", share_id, row.id, row.partner_id)

    return find


def of_request(request_id: UUID) -> Find:
    """The texts of an access request that the caller's agency sent or received: whoever asked may
    hide its own, the owner of the assessment both. Raises AccessRequestNotFound.
    """

    async def find(session: AsyncSession, caller: Caller) -> redaction.Target:
        row = await access_requests.find(session, caller, request_id)
        return redaction.Target("access_request", row.id, row.assessment_id, row.partner_id)

    return find


async def _own(session: AsyncSession, caller: Caller, assessment_id: UUID) -> Any:
    row = await queries.lock_owned(session, assessment_id)
    # An emergency needs no right to the content, but the record must not look absent to the caller.
    if row is None or not policy.reaches(caller, row.level):
        raise AssessmentNotFound
    if not policy.within(caller, row.country):
        raise AssessmentNotFound
    return row


async def hide(
    session: AsyncSession, keyring: KeyRing, caller: Caller, find: Find, reason: str
) -> dict[str, Any]:
    """Hide own content. Raises what ``find`` raises, and what hiding raises."""
    target = await find(session, caller)
    found = await redaction.hide(session, keyring, caller, target, reason)
    await _tell(session, caller, EventType.CONTENT_HIDDEN, target, found)
    return found


async def decide(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    find: Find,
    version: int,
    decision: RedactionDecisionIn,
) -> dict[str, Any]:
    """A second person decides. Raises what ``find`` raises, and what deciding raises."""
    target = await find(session, caller)
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
