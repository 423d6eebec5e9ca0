"""Deciding about access requests: a person of the owner approves, which shares, or denies."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments import access, access_requests, sharing
from app.assessments.errors import (
    AccessRequestDecided,
    AccessRequestNotFound,
    DecisionExceedsRequest,
)
from app.assessments.models import AccessRequest
from app.assessments.sharing_schemas import DecisionIn
from app.assessments.terms import Basis
from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope
from app.core.errors import FieldError, InvalidRequest
from app.core.http import PreconditionFailed
from app.events.catalogue import EventType


async def decide(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    request_id: UUID,
    version: int,
    decision: DecisionIn,
) -> dict[str, Any]:
    """Approve, which gives the share, or deny a request to the caller's agency.

    Raises PersonRequired, RoleLacksRight, AccessRequestNotFound (the asking agency's decision too),
    PreconditionFailed, AccessRequestDecided, DecisionExceedsRequest, InvalidRequest, and what
    `sharing.give` raises.
    """
    caller.require_person()
    row = await access_requests.find(session, caller, request_id)
    if row.owner_id != caller.agency_id:
        raise AccessRequestNotFound
    if decision.decision == "deny" and decision.reason is None:
        why = FieldError(pointer="/reason", code="missing", message="a refusal says why")
        raise InvalidRequest(errors=[why])
    assessment = await access.owned(
        session, caller, row.assessment_id, "share", AccessRequestNotFound
    )
    await _close(session, keyring, caller, row, version, decision)
    if decision.decision == "approve":
        await sharing.give(session, keyring, caller, assessment, _given(row, decision))
    await audit.record(
        session,
        caller,
        Event.ACCESS_DECIDED,
        audit.Subject(assessment.id, assessment.owner_id, assessment.partner_id),
        purpose=row.purpose,
        request=str(request_id),
        decision=decision.decision,
    )
    await access_requests.publish(
        session,
        EventType.ACCESS_REQUEST_DECIDED,
        request_id,
        caller,
        row.assessment_id,
        decision=decision.decision,
        requested_by=str(row.requester_id),
    )
    return await access_requests.get_request(session, keyring, caller, request_id)


def _given(row: Any, decision: DecisionIn) -> sharing.Terms:
    """What an approval gives: what was asked for, or less. Raises DecisionExceedsRequest."""
    level, end = decision.level or row.level, decision.valid_until or row.valid_until
    if level == "detail" and row.level != "detail":
        raise DecisionExceedsRequest
    if decision.purpose not in (None, row.purpose) or _later(end, row.valid_until):
        raise DecisionExceedsRequest
    return sharing.Terms(
        row.requester_id,
        level,
        row.purpose,
        valid_until=end,
        access_request_id=row.id,
        roles=tuple(decision.roles),
        basis=Basis.of(row if decision.legal_basis is None else decision),
    )


def _later(end: datetime | None, asked: datetime | None) -> bool:
    return asked is not None and end is not None and end > asked


async def _close(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    row: Any,
    version: int,
    decision: DecisionIn,
) -> None:
    # The UPDATE decides between two persons who decide at once.
    if row.version != version:
        raise PreconditionFailed
    if row.status != "open":
        raise AccessRequestDecided
    reason = None
    if decision.reason is not None:
        context = access_requests.seal_context(row.id, "reason", caller.agency_id)
        reason = await keyring.seal(
            session, agency_scope(caller.agency_id), context, decision.reason.encode()
        )
    closed = await session.execute(
        update(AccessRequest)
        .where(AccessRequest.id == row.id, AccessRequest.version == version)
        .values(
            status="approved" if decision.decision == "approve" else "denied",
            decided_by=caller.require_person().id,
            decided_at=func.now(),
            sealed_reason=reason,
            version=version + 1,
        )
        .execution_options(synchronize_session=False)
        .returning(AccessRequest.id)
    )
    if closed.scalar_one_or_none() is None:
        raise PreconditionFailed
