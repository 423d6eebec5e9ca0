"""Withdrawing a result, and rating it anew for other information. Never commits."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments import access, queries
from app.assessments.errors import (
    AdjustmentDecided,
    AdjustmentNotFound,
    AdjustmentOpen,
    AdjustmentValueInvalid,
    AssessmentNotFinal,
    SamePerson,
)
from app.assessments.life_cycle import notes, superseding
from app.assessments.life_cycle.models import AssessmentAdjustment
from app.assessments.life_cycle.schemas import AdjustmentDecisionIn, AdjustmentIn, WithdrawalIn
from app.assessments.models import Assessment, AssessmentAcl
from app.assessments.types import ALL
from app.assessments.wire import wire
from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope
from app.core.errors import FieldError, InvalidRequest
from app.core.explain import explained
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id
from app.events import service as events
from app.events.catalogue import EventType

STANDING = ("final", "superseded")
_END_SHARES = text(
    "UPDATE assessment_shares SET active = false, ended_at = now(), "
    "end_reason = 'assessment_withdrawn' WHERE assessment_id = :id AND active"
)
_CLOSE_REQUESTS = text(
    "UPDATE access_requests SET status = 'closed', close_reason = 'assessment_withdrawn', "
    "version = version + 1 WHERE assessment_id = :id AND status = 'open'"
)
_ADJUSTMENTS = text(
    """SELECT j.id, j.assessment_id, j.owner_agency, j.value, j.level, j.sealed_reason, j.state,
        j.sealed_decision, j.proposed_by AS proposer, p.office AS proposed_by, j.proposed_at,
        d.office AS decided_by, j.decided_at, j.version
    FROM assessment_adjustments j JOIN persons p ON p.id = j.proposed_by
    LEFT JOIN persons d ON d.id = j.decided_by
    WHERE j.assessment_id = :assessment AND (CAST(:id AS uuid) IS NULL OR j.id = :id)
    ORDER BY j.proposed_at, j.id"""
)


def _subject(row: Any) -> audit.Subject:
    return audit.Subject(row.id, owner_agency=row.owner_id, partner_id=row.partner_id)


async def withdraw(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    assessment_id: UUID,
    version: int,
    new: WithdrawalIn,
) -> dict[str, Any]:
    """Say that the caller's own result no longer stands, and why; nothing is deleted.

    What it had superseded is current again; its shares end and open requests are closed. Raises
    PersonRequired, AssessmentNotFound, RoleLacksRight, PreconditionFailed or AssessmentNotFinal.
    """
    caller.require_person()
    row = await access.governed(session, caller, assessment_id)
    if row.version != version:
        raise PreconditionFailed
    if row.status not in STANDING:
        raise AssessmentNotFinal
    withdrawn = await session.execute(
        update(Assessment)
        .where(Assessment.id == assessment_id)
        .values(
            status="withdrawn",
            withdrawn_at=func.now(),
            withdrawal_reason=new.reason,
            superseded_by=None,
            held_until=None,
            level=row.confidentiality,
            version=version + 1,
            updated_at=func.now(),
        )
        .returning(Assessment.current_key)
    )
    key = withdrawn.scalar_one()
    await notes.write(session, keyring, caller, row, "withdrawn", new.note)
    await session.execute(_END_SHARES, {"id": assessment_id})
    await session.execute(_CLOSE_REQUESTS, {"id": assessment_id})
    await session.execute(
        delete(AssessmentAcl)
        .where(AssessmentAcl.record_id == assessment_id)
        .execution_options(synchronize_session=False)
    )
    about: dict[str, Any] = {"reason": new.reason, "version": version + 1}
    await audit.record(session, caller, Event.ASSESSMENT_WITHDRAWN, _subject(row), **about)
    if row.level != "AGENCY_ONLY":
        await events.publish(
            session,
            EventType.ASSESSMENT_WITHDRAWN,
            row.id,
            caller.agency_id,
            partner_id=str(row.partner_id),
            **about,
        )
    if row.status == "final":
        await _put_back(session, caller, row, key)
    changed = await queries.read_assessment(session, assessment_id, holder=True)
    assert changed is not None
    return wire(changed)


async def _put_back(session: AsyncSession, caller: Caller, row: Any, key: str | None) -> None:
    back = await superseding.put_back(session, caller.agency_id, row.partner_id, key, row.id)
    if back is None:
        return
    subject = audit.Subject(back.id, owner_agency=caller.agency_id, partner_id=back.partner_id)
    await audit.record(session, caller, Event.ASSESSMENT_REINSTATED, subject, withdrawn=str(row.id))
    if back.level != "AGENCY_ONLY":
        await events.publish(
            session,
            EventType.ASSESSMENT_REINSTATED,
            back.id,
            caller.agency_id,
            partner_id=str(back.partner_id),
        )


# ------------------------------------------------------------------------------ adjusted ratings


def seal_context(adjustment_id: UUID, field: str, owner: UUID) -> str:
    """Encryption context of a text of an adjusted rating."""
    return f"assessment_adjustments|{adjustment_id}|{field}|{owner}"


async def _seal(
    session: AsyncSession, keyring: KeyRing, caller: Caller, one: UUID, field: str, said: str
) -> bytes:
    context = seal_context(one, field, caller.agency_id)
    return await keyring.seal(session, agency_scope(caller.agency_id), context, said.encode())


async def propose(
    session: AsyncSession, keyring: KeyRing, caller: Caller, assessment_id: UUID, new: AdjustmentIn
) -> dict[str, Any]:
    """Propose another rating of the caller's own result; a second person decides.

    Raises PersonRequired, AssessmentNotFound, RoleLacksRight, AssessmentNotFinal,
    AdjustmentValueInvalid or AdjustmentOpen.
    """
    person = caller.require_person()
    row = await access.governed(session, caller, assessment_id)
    if row.status not in STANDING:
        raise AssessmentNotFinal
    kind = ALL[row.type]
    values = kind.values(kind.methodologies[row.methodology])
    if new.value not in values or new.value == (row.adjusted_value or row.rating_value):
        raise AdjustmentValueInvalid
    adjustment_id = new_secret_id()
    sealed = await _seal(session, keyring, caller, adjustment_id, "reason", new.reason)
    async with explained(session, {"uq_assessment_adjustments_proposed": AdjustmentOpen}):
        await session.execute(
            insert(AssessmentAdjustment).values(
                id=adjustment_id,
                assessment_id=assessment_id,
                owner_agency=caller.agency_id,
                value=new.value,
                level=values[new.value],
                sealed_reason=sealed,
                proposed_by=person.id,
            )
        )
    about = {"adjustment": str(adjustment_id)}
    await audit.record(session, caller, Event.ADJUSTMENT_PROPOSED, _subject(row), **about)
    return (await _adjustments(session, keyring, assessment_id, adjustment_id))[0]


async def decide(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    assessment_id: UUID,
    adjustment_id: UUID,
    version: int,
    decision: AdjustmentDecisionIn,
) -> dict[str, Any]:
    """Approve or refuse a proposed rating, as another person than its proposer.

    Raises PersonRequired, AssessmentNotFound, RoleLacksRight, AdjustmentNotFound, SamePerson,
    AdjustmentDecided, PreconditionFailed, AssessmentNotFinal or InvalidRequest.
    """
    person = caller.require_person()
    # Locks the assessment: of two who decide at once the second one sees what the first one did.
    row = await access.governed(session, caller, assessment_id)
    found = await session.execute(
        select(AssessmentAdjustment).where(
            AssessmentAdjustment.id == adjustment_id,
            AssessmentAdjustment.assessment_id == assessment_id,
        )
    )
    proposed = found.scalar_one_or_none()
    if proposed is None:
        raise AdjustmentNotFound
    if proposed.version != version:
        raise PreconditionFailed
    if proposed.state != "proposed":
        raise AdjustmentDecided
    if proposed.proposed_by == person.id:
        raise SamePerson
    if decision.decision == "refuse" and decision.reason is None:
        why = FieldError(pointer="/reason", code="missing", message="a refusal says why")
        raise InvalidRequest(errors=[why])
    if decision.decision == "approve" and row.status not in STANDING:
        raise AssessmentNotFinal
    said = decision.reason
    await session.execute(
        update(AssessmentAdjustment)
        .where(AssessmentAdjustment.id == adjustment_id)
        .values(
            state="approved" if decision.decision == "approve" else "refused",
            decided_by=person.id,
            decided_at=func.now(),
            sealed_decision=said
            and await _seal(session, keyring, caller, adjustment_id, "decision", said),
            version=version + 1,
        )
        .execution_options(synchronize_session=False)
    )
    if decision.decision == "approve":
        await _adjust(session, caller, row, proposed)
    about = {"adjustment": str(adjustment_id), "decision": decision.decision}
    await audit.record(session, caller, Event.ADJUSTMENT_DECIDED, _subject(row), **about)
    return (await _adjustments(session, keyring, assessment_id, adjustment_id))[0]


async def _adjust(session: AsyncSession, caller: Caller, row: Any, to: Any) -> None:
    await session.execute(
        update(Assessment)
        .where(Assessment.id == row.id)
        .values(
            adjusted_value=to.value,
            adjusted_level=to.level,
            adjusted_at=func.now(),
            version=row.version + 1,
            updated_at=func.now(),
        )
        .execution_options(synchronize_session=False)
    )
    if row.level != "AGENCY_ONLY":
        await events.publish(
            session,
            EventType.ASSESSMENT_ADJUSTED,
            row.id,
            caller.agency_id,
            partner_id=str(row.partner_id),
            version=row.version + 1,
        )


async def list_adjustments(
    session: AsyncSession, keyring: KeyRing, caller: Caller, assessment_id: UUID
) -> list[dict[str, Any]]:
    """Adjusted ratings of the caller's own result. Raises AssessmentNotFound or RoleLacksRight."""
    await access.owned(session, caller, assessment_id, "read")
    return await _adjustments(session, keyring, assessment_id)


async def _adjustments(
    session: AsyncSession, keyring: KeyRing, assessment_id: UUID, one: UUID | None = None
) -> list[dict[str, Any]]:
    found = await session.execute(_ADJUSTMENTS, {"assessment": assessment_id, "id": one})
    shown = []
    for row in found:
        opened = {}
        for field, sealed in (("reason", row.sealed_reason), ("decision", row.sealed_decision)):
            context = seal_context(row.id, field, row.owner_agency)
            opened[field] = (
                (await keyring.open(session, context, sealed)).decode() if sealed else None
            )
        shown.append(
            {
                "id": row.id,
                "assessment_id": row.assessment_id,
                "value": row.value,
                "level": row.level,
                "reason": opened["reason"],
                "state": row.state,
                "decision_reason": opened["decision"],
                "proposed_by": row.proposed_by,
                "proposed_at": row.proposed_at,
                "decided_by": row.decided_by,
                "decided_at": row.decided_at,
                "version": row.version,
            }
        )
    return shown


async def list_notes(
    session: AsyncSession, keyring: KeyRing, caller: Caller, assessment_id: UUID
) -> list[dict[str, Any]]:
    """Notes on the caller's own record. Raises AssessmentNotFound or RoleLacksRight."""
    await access.owned(session, caller, assessment_id, "read")
    return await notes.read(session, keyring, assessment_id)
