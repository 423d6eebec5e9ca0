"""The agency's side of a PSEA self-assessment: read it, send it back, take it up. Never commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments import service as assessments
from app.assessments.self_assessments import errors, queries, rules
from app.assessments.self_assessments.schemas import (
    AnswerIn,
    SelfAssessmentDecisionIn,
    SelfAssessmentFilter,
)
from app.assessments.self_assessments.service import (
    entry,
    opened,
    seal_context,
    subject_of,
    write,
)
from app.assessments.types import psea
from app.audit import service as audit
from app.audit.events import Event
from app.audit.purposes import OWN_RECORD
from app.auth import policy
from app.auth.caller import Caller
from app.auth.policy import Resource
from app.auth.roles import Act
from app.core.crypto import KeyRing, partner_scope
from app.core.http import PreconditionFailed
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.visibility import sees_protected

READABLE = ("submitted", "taken_up")
"""States in which the answers are before the agency; else the partner has them in hand."""


def _resource(row: Any) -> Resource:
    return Resource("PSEA_DETAIL", row.agency_id, "RESTRICTED", row.country)


async def _addressed(
    session: AsyncSession, caller: Caller, one: UUID, act: Act, *, lock: bool = False
) -> Any:
    """What was handed in to the caller's agency. Raises SelfAssessmentNotFound, RoleLacksRight."""
    row = await queries.find_addressed(session, one, holder=sees_protected(caller), lock=lock)
    if row is None:
        raise errors.SelfAssessmentNotFound
    decision = policy.can(caller, act, _resource(row))
    if act == "read":
        policy.require_readable(decision, errors.SelfAssessmentNotFound)
    else:
        policy.require_writable(decision, errors.SelfAssessmentNotFound)
    return row


async def list_addressed(
    session: AsyncSession, caller: Caller, filters: SelfAssessmentFilter, after: queries.After
) -> Sequence[Any]:
    """One row more than a page of those handed in to the caller's agency, newest first."""
    if not policy.reaches(caller, "RESTRICTED") or not policy.has_right(
        caller, "read", "PSEA_DETAIL"
    ):
        return []
    wanted: dict[str, Any] = filters.model_dump(exclude={"limit", "cursor"})
    wanted["countries"] = sorted(caller.countries) or None
    return await queries.list_addressed(
        session, wanted, after, filters.limit + 1, holder=sees_protected(caller)
    )


def agency_entry(row: Any) -> dict[str, Any]:
    """A row of the queries as its agency sees it."""
    return entry(row) | {"assessment_id": row.assessment_id}


async def get_addressed(
    session: AsyncSession, keyring: KeyRing, caller: Caller, one: UUID
) -> dict[str, Any]:
    """One with its answers, if they are before the agency; the reading is in the log.

    Raises SelfAssessmentNotFound.
    """
    row = await _addressed(session, caller, one, "read")
    await audit.record(
        session,
        caller,
        Event.SELF_ASSESSMENT_READ,
        subject_of(row),
        purpose=OWN_RECORD,
        basis="owner",
        version=row.version,
    )
    return await _shown(session, keyring, row)


async def _shown(session: AsyncSession, keyring: KeyRing, row: Any) -> dict[str, Any]:
    found = await opened(session, keyring, row) | agency_entry(row)
    return found if row.state in READABLE else found | {"standards": None}


async def decide(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    one: UUID,
    version: int,
    decision: SelfAssessmentDecisionIn,
    today: date,
) -> dict[str, Any]:
    """Send it back to the partner, or begin an own draft with its answers.

    Raises PersonRequired, SelfAssessmentNotFound, RoleLacksRight, PreconditionFailed,
    SelfAssessmentStep, ReasonMissing, AnswersInvalid or MethodologyUnknown.
    """
    person = caller.require_person()
    # Locked: of two who take it up at once the second one finds it taken up.
    row = await _addressed(session, caller, one, "create", lock=True)
    if row.version != version:
        raise PreconditionFailed
    if row.state != "submitted":
        raise errors.SelfAssessmentStep
    values = {
        "version": version + 1,
        "updated_at": func.now(),
        "decided_by": person.id,
        "decided_at": func.now(),
    }
    if decision.decision == "return":
        if decision.reason is None:
            raise errors.ReasonMissing
        context = seal_context(one, "reason", 0, row.agency_id)
        values["state"] = "returned"
        values["sealed_reason"] = await keyring.seal(
            session, partner_scope(), context, decision.reason.encode()
        )
        event, told = Event.SELF_ASSESSMENT_RETURNED, EventType.SELF_ASSESSMENT_RETURNED
    else:
        draft = await _draft(session, keyring, caller, row, decision, today)
        values |= {"state": "taken_up", "assessment_id": draft}
        event, told = Event.SELF_ASSESSMENT_TAKEN_UP, EventType.SELF_ASSESSMENT_TAKEN_UP
    await write(session, one, values)
    about: dict[str, Any] = {"version": version + 1}
    if "assessment_id" in values:
        about["assessment"] = str(values["assessment_id"])
    await audit.record(session, caller, event, subject_of(row), **about)
    await events.publish(session, told, row.id, row.agency_id, partner_id=str(row.partner_id))
    changed = await _addressed(session, caller, one, "create")
    return await _shown(session, keyring, changed)


async def _draft(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    row: Any,
    decision: SelfAssessmentDecisionIn,
    today: date,
) -> UUID:
    """The agency's own draft, which begins with a copy of the partner's answers."""
    said = (await opened(session, keyring, row))["standards"]
    answers = [AnswerIn.model_validate(item) for item in said]
    rules.check(answers, row.methodology, today, complete=True)
    new = psea.PseaIn(
        partner_id=row.root,
        type="psea",
        methodology=row.methodology,
        status="draft",
        confidentiality=decision.confidentiality,
        detail=rules.detail_of(answers),
    )
    filed = await assessments.file_assessment(session, keyring, caller, new, today)
    made: UUID = filed["id"]
    return made
