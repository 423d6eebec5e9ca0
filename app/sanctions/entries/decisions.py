"""Conditions that are verified, and what other agencies decide about a measure."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope
from app.core.http import PreconditionFailed
from app.core.ids import new_id
from app.events.catalogue import EventType
from app.sanctions.entries import errors, queries
from app.sanctions.entries.decision_models import SanctionCondition, SanctionRecognition
from app.sanctions.entries.decision_schemas import RecognitionIn, VerificationIn
from app.sanctions.entries.models import SanctionEntry
from app.sanctions.entries.publishing import publish_entry, tell


def condition_context(condition: Any) -> str:
    """Encryption context of the note beside a verified condition."""
    return f"sanction_conditions|{condition.id}|{condition.entry_id}|{condition.owner_agency}"


async def verify_condition(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    entry_id: UUID,
    condition_id: UUID,
    version: int,
    found: VerificationIn,
    now: datetime,
) -> SanctionCondition:
    """A person of the agency that answers for the measure says how a condition stands.

    A breached one may be met later; one that was met or waived stays so. Raises ConditionNotFound,
    PreconditionFailed, ConditionSettled or EntryEnded.
    """
    person = caller.require_person()
    entry = await queries.lock_entry(session, entry_id)
    if entry is None or (entry.custodian_agency or entry.imposing_agency) != caller.agency_id:
        raise errors.ConditionNotFound
    query = select(SanctionCondition).where(
        SanctionCondition.id == condition_id, SanctionCondition.entry_id == entry_id
    )
    condition = (await session.scalars(query)).one_or_none()
    if condition is None:
        raise errors.ConditionNotFound
    if condition.version != version:
        raise PreconditionFailed
    if entry.end_reason is not None:
        raise errors.EntryEnded
    if condition.state in ("met", "waived"):
        raise errors.ConditionSettled
    condition.state = found.state
    condition.verified_by = person.id
    condition.verified_on = now.date()
    condition.sealed = await keys.seal(
        session, agency_scope(caller.agency_id), condition_context(condition), to_json(found)
    )
    condition.version += 1
    await session.flush()
    await _tell_change(session, caller, entry, now)
    subject = audit.Subject(entry.id, entry.imposing_agency, entry.partner_id)
    about = {"condition": str(condition.id), "state": condition.state}
    await audit.record(session, caller, Event.ENTRY_CONDITION_VERIFIED, subject, **about)
    return condition


async def _tell_change(
    session: AsyncSession, caller: Caller, entry: SanctionEntry, now: datetime
) -> None:
    code = await queries.agency_code(session, entry.imposing_agency)
    await publish_entry(session, entry, code or caller.agency_code, now.date())
    await tell(session, EventType.SANCTION_CHANGED, entry)


async def recognise(
    session: AsyncSession, caller: Caller, entry_id: UUID, decided: RecognitionIn
) -> dict[str, Any]:
    """The calling agency says whether it treats another's measure as its own; the latest counts.

    Raises EntryNotFound, OwnMeasure or EntryEnded (an annulled measure cannot be recognised).
    """
    person = caller.require_person()
    entry = await session.get(SanctionEntry, entry_id)
    if entry is None:
        raise errors.EntryNotFound
    if caller.agency_id == (entry.custodian_agency or entry.imposing_agency):
        raise errors.OwnMeasure
    if entry.voided_at is not None:
        raise errors.EntryEnded
    values = {
        "id": new_id(),
        "entry_id": entry.id,
        "owner_agency": caller.agency_id,
        "decision": decided.decision,
        "reason": decided.reason,
        "policy": decided.policy,
        "entry_version": entry.version,
        "decided_by": person.id,
    }
    await session.execute(insert(SanctionRecognition).values(values).inline())
    subject = audit.Subject(entry.id, entry.imposing_agency, entry.partner_id)
    about: dict[str, Any] = {"decision": decided.decision, "version": entry.version}
    await audit.record(session, caller, Event.ENTRY_RECOGNISED, subject, **about)
    by = {"by": caller.agency_code, "decision": decided.decision}
    await tell(session, EventType.SANCTION_RECOGNISED, entry, **by)
    found = await queries.recognitions_of(session, [entry.id], None)
    return next(
        {name: value for name, value in row._mapping.items() if name != "entry_id"}
        for row in found
        if row.agency == caller.agency_code
    )
