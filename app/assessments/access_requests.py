"""Access requests: an agency asks for an assessment, a person of the owner decides."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments import access, queries
from app.assessments.errors import (
    AccessNotNeeded,
    AccessRequestDecided,
    AccessRequestNotFound,
    AccessRequestOpen,
    AnswerDayInvalid,
    OwnerWithdrawn,
    OwnRecord,
    SharePeriodInvalid,
)
from app.assessments.models import AccessRequest
from app.assessments.request_rules import RULES
from app.assessments.sharing_schemas import AccessRequestFilter, AccessRequestIn
from app.assessments.terms import Basis
from app.audit import service as audit
from app.audit.events import Event
from app.auth import policy
from app.auth.caller import Caller
from app.core.clock import utc_now
from app.core.crypto import KeyRing, agency_scope
from app.core.ids import new_id
from app.events import service as events
from app.events.catalogue import EventType


def seal_context(request_id: UUID, field: str, author: UUID) -> str:
    """Encryption context of a text of a request."""
    return f"access_requests|{request_id}|{field}|{author}"


async def wire(session: AsyncSession, keyring: KeyRing, row: Any) -> dict[str, Any]:
    """A row of `queries.read_request` as AccessRequestOut needs it."""
    texts = await _texts(session, keyring, row)
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
        "redacted": row.justification_redacted or row.reason_redacted,
        "share_id": row.share_id,
        **Basis.of(row).columns,
        "valid_until": row.valid_until,
        "answer_by": row.answer_by,
        "overdue": row.overdue,
        "version": row.version,
        "created_at": row.created_at,
        "decided_at": row.decided_at,
    }


async def _texts(session: AsyncSession, keyring: KeyRing, row: Any) -> tuple[str, str | None]:
    said, reason = "", None
    if not row.justification_redacted:
        context = seal_context(row.id, "justification", row.requester_id)
        said = (await keyring.open(session, context, row.sealed_justification)).decode()
    if row.sealed_reason is not None and not row.reason_redacted:
        context = seal_context(row.id, "reason", row.owner_id)
        reason = (await keyring.open(session, context, row.sealed_reason)).decode()
    return said, reason


async def ask(
    session: AsyncSession, keyring: KeyRing, caller: Caller, new: AccessRequestIn
) -> dict[str, Any]:
    """Ask the owner for an assessment whose summary the caller can see.

    Raises AssessmentNotFound, OwnRecord, OwnerWithdrawn, AccessNotNeeded, AnswerDayInvalid,
    SharePeriodInvalid, AccessRequestOpen; RoleLacksRight or LevelAboveClient where a share would
    not help.
    """
    assessment = await access.readable(session, caller, new.assessment_id)
    if assessment.owner_id == caller.agency_id:
        raise OwnRecord
    if assessment.owner_withdrawn:
        raise OwnerWithdrawn
    if assessment.level == "INTER_AGENCY" or new.level == "summary":
        raise AccessNotNeeded
    access.require_use_of_a_share(caller, assessment, new.purpose)
    now = utc_now()
    answer_by = _answer_by(new, now.date())
    if new.valid_until is not None and new.valid_until <= now:
        raise SharePeriodInvalid
    request_id = new_id()
    sealed = await keyring.seal(
        session,
        agency_scope(caller.agency_id),
        seal_context(request_id, "justification", caller.agency_id),
        new.justification.encode(),
    )
    if not await _store(session, caller, assessment, new, request_id, sealed, answer_by):
        raise AccessRequestOpen
    await audit.record(
        session,
        caller,
        Event.ACCESS_REQUESTED,
        audit.Subject(assessment.id, assessment.owner_id, assessment.partner_id),
        purpose=new.purpose.value,
        request=str(request_id),
        level=new.level,
        legal_basis=new.legal_basis,
    )
    await publish(session, EventType.ACCESS_REQUEST_FILED, request_id, caller, assessment.id)
    return await get_request(session, keyring, caller, request_id)


async def _store(
    session: AsyncSession,
    caller: Caller,
    assessment: Any,
    new: AccessRequestIn,
    request_id: UUID,
    sealed: bytes,
    answer_by: date,
) -> bool:
    """Whether it was stored: the index refuses a second open one."""
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
            valid_until=new.valid_until,
            answer_by=answer_by,
            **Basis.of(new).columns,
        )
        .on_conflict_do_nothing(
            index_elements=["assessment_id", "requested_by", "purpose"],
            index_where=text("status = 'open'"),
        )
        .returning(AccessRequest.id)
    )
    return asked.scalar_one_or_none() is not None


def _answer_by(new: AccessRequestIn, today: date) -> date:
    if new.answer_by is None:
        return today + timedelta(days=RULES.answer_days)
    if not RULES.fewest_days <= (new.answer_by - today).days <= RULES.most_days:
        raise AnswerDayInvalid
    return new.answer_by


async def publish(
    session: AsyncSession,
    kind: EventType,
    request_id: UUID,
    caller: Caller,
    assessment_id: UUID,
    **more: str,
) -> None:
    """Tell of what became of a request: ids and codes."""
    about = {"assessment": str(assessment_id)} | more
    await events.publish(session, kind, request_id, caller.agency_id, **about)


async def get_request(
    session: AsyncSession, keyring: KeyRing, caller: Caller, request_id: UUID
) -> dict[str, Any]:
    """A request the caller sent or received. Raises AccessRequestNotFound."""
    row = await find(session, caller, request_id)
    return await wire(session, keyring, row)


async def find(session: AsyncSession, caller: Caller, request_id: UUID) -> Any:
    """The row of a request the caller sent or received. Raises AccessRequestNotFound."""
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
        "partner_id": filters.partner_id,
        "overdue": filters.overdue,
        "after": after,
    }
    return list(await queries.list_requests(session, filters.direction, wanted, filters.limit + 1))


async def withdraw(
    session: AsyncSession, keyring: KeyRing, caller: Caller, request_id: UUID
) -> dict[str, Any]:
    """Take back an open request of the caller's agency.

    Raises AccessRequestNotFound (for the owner's side too) or AccessRequestDecided.
    """
    row = await find(session, caller, request_id)
    if row.requester_id != caller.agency_id:
        raise AccessRequestNotFound
    withdrawn = await session.execute(
        update(AccessRequest)
        .where(AccessRequest.id == row.id, AccessRequest.status == "open")
        .values(status="withdrawn", version=AccessRequest.version + 1)
        .execution_options(synchronize_session=False)
        .returning(AccessRequest.id)
    )
    if withdrawn.scalar_one_or_none() is None:
        raise AccessRequestDecided
    await audit.record(
        session,
        caller,
        Event.ACCESS_WITHDRAWN,
        audit.Subject(row.assessment_id, row.owner_id, row.partner_id),
        purpose=row.purpose,
        request=str(request_id),
    )
    await publish(
        session, EventType.ACCESS_REQUEST_WITHDRAWN, request_id, caller, row.assessment_id
    )
    return await get_request(session, keyring, caller, request_id)
