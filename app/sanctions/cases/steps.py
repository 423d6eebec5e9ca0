"""What is written at the steps of a case, and the one way to a case."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic_core import from_json, to_json
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope
from app.core.http import PreconditionFailed
from app.core.ids import new_id
from app.events import service as events
from app.events.catalogue import EventType
from app.sanctions.cases import errors, queries
from app.sanctions.cases.models import TOLD, SanctionCase, SanctionCaseStep, SanctionRespondent
from app.sanctions.errors import DateNotPossible

Act = Literal["read", "create", "approve"]


def step_context(step_id: UUID, case_id: UUID, agency_id: UUID) -> str:
    """Encryption context of what was written at a step."""
    return f"sanction_case_steps|{step_id}|{case_id}|{agency_id}"


def individual_context(respondent_id: UUID, case_id: UUID, agency_id: UUID) -> str:
    """Encryption context of the facts of an individual."""
    return f"sanction_respondents|{respondent_id}|{case_id}|{agency_id}"


def subject_of(case: SanctionCase) -> audit.Subject:
    """The case as the log names it.

    The partner is told when somebody acted on its records: of a case only once it was told of it.
    """
    told = case.state not in ("DRAFT", "WITHDRAWN", "RECORDED")
    return audit.Subject(case.id, case.agency_id, case.partner_id if told else None)


def not_future(day: date, now: datetime) -> None:
    """Raises DateNotPossible for a day to come."""
    if day > now.date():
        raise DateNotPossible


async def insert_step(
    session: AsyncSession, keys: KeyRing, scope: str, content: Any, **columns: Any
) -> None:
    """Seal what was written at a step and add its row; ``columns`` are those of the row."""
    context = step_context(columns["id"], columns["case_id"], columns["agency_id"])
    sealed = await keys.seal(session, scope, context, to_json(content))
    await session.execute(insert(SanctionCaseStep).values(**columns, sealed=sealed).inline())


async def write_step(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    case: SanctionCase,
    kind: str,
    event: Event,
    content: Any,
    respondent: SanctionRespondent | None = None,
    **about: Any,
) -> UUID:
    """Write down a step by a person: sealed text, audit event. Returns its id.

    The respondent's own partner reads what it is told (`models.TOLD`). ``about`` goes to the log.
    """
    step_id, person = new_id(), caller.require_person()
    await insert_step(
        session,
        keys,
        agency_scope(case.agency_id),
        content,
        id=step_id,
        case_id=case.id,
        agency_id=case.agency_id,
        respondent_id=respondent.id if respondent else None,
        partner_id=respondent.partner_id if respondent and kind in TOLD else None,
        individual=bool(respondent and respondent.kind == "INDIVIDUAL"),
        kind=kind,
        person_id=person.id,
        office=person.office,
        function=person.role,
    )
    more = {"respondent": str(respondent.id)} if respondent and not respondent.main else {}
    await audit.record(
        session, caller, event, subject_of(case), version=case.version, **more, **about
    )
    return step_id


async def read_step(session: AsyncSession, keys: KeyRing, step: SanctionCaseStep) -> Any:
    """What was written at a step."""
    context = step_context(step.id, step.case_id, step.agency_id)
    return from_json(await keys.open(session, context, step.sealed))


async def moved(
    session: AsyncSession, case: SanctionCase, respondent: SanctionRespondent, what: str
) -> None:
    """Tell the agency's own systems that a case moved on; the case is read again.

    The event is the leading agency's alone: it names neither partner nor practice.
    """
    await session.flush()
    await session.refresh(case)
    await events.publish(
        session,
        EventType.CASE_MOVED,
        case.id,
        case.agency_id,
        level="AGENCY_ONLY",
        step=what,
        state=respondent.state,
        respondent=str(respondent.id),
    )


async def get_case(
    session: AsyncSession,
    caller: Caller,
    case_id: UUID,
    *,
    lock: bool = False,
    act: Act = "read",
    joined: bool = False,
) -> SanctionCase:
    """The own agency's case; with ``joined`` also one that it has joined.

    Raises CaseNotFound for any other, and where the policy hides it; RoleLacksRight.
    """
    found = await queries.find_case(session, case_id, lock=lock and not joined)
    if found is None:
        raise errors.CaseNotFound
    case, country = found
    if case.agency_id != caller.agency_id and not joined:
        raise errors.CaseNotFound
    # Row security has shown it: of a joint case the right is that of an own one.
    file = policy.Resource("DEBAR_CASE", caller.agency_id, country=country)
    policy.require_readable(policy.can(caller, "read", file), errors.CaseNotFound)
    if act != "read":
        policy.require_writable(policy.can(caller, act, file), errors.CaseNotFound)
    return case


async def take(
    session: AsyncSession,
    caller: Caller,
    case_id: UUID,
    respondent_id: UUID | None,
    act: Act,
    *,
    version: int | None = None,
    joined: bool = False,
) -> tuple[SanctionCase, SanctionRespondent]:
    """A case and one of its respondents, held until the transaction ends.

    Raises CaseNotFound, RespondentNotFound, RoleLacksRight; PreconditionFailed where ``version``
    is not that of the case; StepOutOfOrder where another agency may do nothing to it now.
    """
    await get_case(session, caller, case_id, act=act, joined=joined)
    # Whoever moves a respondent holds it first and its case after, the partner included.
    respondent = await queries.find_respondent(session, case_id, respondent_id)
    if respondent is None:
        raise errors.RespondentNotFound
    held = await queries.find_respondent(session, case_id, respondent.id, lock=True)
    if held is None:
        raise errors.StepOutOfOrder
    case = await get_case(session, caller, case_id, lock=True, act=act, joined=joined)
    if version is not None and case.version != version:
        raise PreconditionFailed
    return case, held
