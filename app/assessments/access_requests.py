"""Access requests: an agency asks for an assessment, a person of the owner decides."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import func, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments import access, queries, sharing
from app.assessments.errors import (
    AccessNotNeeded,
    AccessRequestDecided,
    AccessRequestNotFound,
    AccessRequestOpen,
    OwnerWithdrawn,
    OwnRecord,
)
from app.assessments.models import AccessRequest
from app.assessments.schemas import AccessRequestFilter, AccessRequestIn, DecisionIn
from app.audit import service as audit
from app.audit.events import Event
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope
from app.core.errors import FieldError, InvalidRequest
from app.core.http import PreconditionFailed
from app.core.ids import new_id


def seal_context(request_id: UUID, field: str, author: UUID) -> str:
    """Encryption context of a text of a request."""
    return f"access_requests|{request_id}|{field}|{author}"


async def wire(session: AsyncSession, keyring: KeyRing, row: Any) -> dict[str, Any]:
    """A row of `queries.read_request` as AccessRequestOut needs it."""
    texts = ("", None) if row.redacted else await _texts(session, keyring, row)
    return {
        "id": row.id,
        "assessment_id": row.assessment_id,
        "owner_agency": row.owner_agency,
        "requested_by": row.requested_by,
        "level": row.level,
        "purpose": row.purpose,
        "justification": texts[0],
        "status": row.status,
        "reason": texts[1],
        "close_reason": row.close_reason,
        "redacted": row.redacted,
        "share_id": row.share_id,
        "version": row.version,
        "created_at": row.created_at,
        "decided_at": row.decided_at,
    }


async def _texts(session: AsyncSession, keyring: KeyRing, row: Any) -> tuple[str, str | None]:
    said = await keyring.open(
        session, seal_context(row.id, "justification", row.requester_id), row.sealed_justification
    )
    reason = None
    if row.sealed_reason is not None:
        context = seal_context(row.id, "reason", row.owner_id)
        reason = (await keyring.open(session, context, row.sealed_reason)).decode()
    return said.decode(), reason


async def ask(
    session: AsyncSession, keyring: KeyRing, caller: Caller, new: AccessRequestIn
) -> dict[str, Any]:
    """Ask the owner for an assessment whose summary the caller can see.

    Raises AssessmentNotFound, OwnRecord, OwnerWithdrawn, AccessNotNeeded, AccessRequestOpen;
    RoleLacksRight or LevelAboveClient where a share would not help.
    """
    assessment = await access.readable(session, caller, new.assessment_id)
    if assessment.owner_id == caller.agency_id:
        raise OwnRecord
    if assessment.owner_withdrawn:
        raise OwnerWithdrawn
    if assessment.level == "INTER_AGENCY" or new.level == "summary":
        raise AccessNotNeeded
    access.require_use_of_a_share(caller, assessment, new.purpose)
    request_id = new_id()
    sealed = await keyring.seal(
        session,
        agency_scope(caller.agency_id),
        seal_context(request_id, "justification", caller.agency_id),
        new.justification.encode(),
    )
    asked = await session.execute(
        insert(AccessRequest)
        .values(
            id=request_id,
            assessment_id=assessment.id,
            owner_agency=assessment.owner_id,
            requested_by=caller.agency_id,
            level=new.level,
            purpose=new.purpose.value,
            sealed_justification=sealed,
        )
        .on_conflict_do_nothing(
            index_elements=["assessment_id", "requested_by", "purpose"],
            index_where=text("status = 'open'"),
        )
        .returning(AccessRequest.id)
    )
    if asked.scalar_one_or_none() is None:
        raise AccessRequestOpen
    await audit.record(
        session,
        caller,
        Event.ACCESS_REQUESTED,
        audit.Subject(assessment.id, assessment.owner_id, assessment.partner_id),
        purpose=new.purpose.value,
        request=str(request_id),
        level=new.level,
    )
    return await get_request(session, keyring, caller, request_id)


async def get_request(
    session: AsyncSession, keyring: KeyRing, caller: Caller, request_id: UUID
) -> dict[str, Any]:
    """A request the caller sent or received. Raises AccessRequestNotFound."""
    row = await _find(session, caller, request_id)
    return await wire(session, keyring, row)


async def _find(session: AsyncSession, caller: Caller, request_id: UUID) -> Any:
    # What an agency writes to another to get at a RESTRICTED record is as confidential.
    row = await queries.read_request(session, request_id)
    seen = row is not None and policy.within(caller, row.country)
    if not seen or not policy.reaches(caller, "RESTRICTED"):
        raise AccessRequestNotFound
    return row


async def list_requests(
    session: AsyncSession, caller: Caller, filters: AccessRequestFilter, after: UUID | None
) -> list[Any]:
    """One row more than a page of the caller's requests, sent and received, newest first."""
    if not policy.reaches(caller, "RESTRICTED"):
        return []
    wanted = {
        "countries": sorted(caller.countries) or None,
        "status": filters.status,
        "assessment_id": filters.assessment_id,
        "after": after,
    }
    return list(await queries.list_requests(session, filters.direction, wanted, filters.limit + 1))


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
    PreconditionFailed, AccessRequestDecided, InvalidRequest, and what `sharing.give` raises.
    """
    caller.require_person()
    row = await _find(session, caller, request_id)
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
        terms = sharing.Terms(
            row.requester_id,
            row.level,
            row.purpose,
            valid_until=decision.valid_until,
            access_request_id=row.id,
        )
        await sharing.give(session, caller, assessment, terms)
    await audit.record(
        session,
        caller,
        Event.ACCESS_DECIDED,
        audit.Subject(assessment.id, assessment.owner_id, assessment.partner_id),
        purpose=row.purpose,
        request=str(request_id),
        decision=decision.decision,
    )
    return await get_request(session, keyring, caller, request_id)


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
        context = seal_context(row.id, "reason", caller.agency_id)
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
