"""What is written at the steps of a case, and the one way to a case."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope
from app.core.ids import new_id
from app.sanctions.cases import errors, queries
from app.sanctions.cases.models import SanctionCase, SanctionCaseStep


def step_context(step_id: UUID, case_id: UUID, agency_id: UUID) -> str:
    """Encryption context of what was written at a step."""
    return f"sanction_case_steps|{step_id}|{case_id}|{agency_id}"


async def write_step(
    session: AsyncSession,
    keys: KeyRing,
    caller: Caller,
    case: SanctionCase,
    kind: str,
    event: Event,
    content: Any,
) -> None:
    """Write down a step: sealed text, audit event."""
    step_id = new_id()
    sealed = await keys.seal(
        session,
        agency_scope(case.agency_id),
        step_context(step_id, case.id, case.agency_id),
        to_json(content),
    )
    await session.execute(
        insert(SanctionCaseStep).values(
            id=step_id,
            case_id=case.id,
            agency_id=case.agency_id,
            kind=kind,
            person_id=caller.require_person().id,
            sealed=sealed,
        )
    )
    subject = audit.Subject(case.id, case.agency_id, case.partner_id)
    await audit.record(session, caller, event, subject, version=case.version)


async def get_case(
    session: AsyncSession, caller: Caller, case_id: UUID, *, lock: bool = False
) -> SanctionCase:
    """The own agency's case. Raises CaseNotFound for any other, and where the policy hides it."""
    found = await queries.find_case(session, case_id, lock=lock)
    if found is None:
        raise errors.CaseNotFound
    case, country = found
    file = policy.Resource("DEBAR_CASE", case.agency_id, country=country)
    policy.require_readable(policy.can(caller, "read", file), errors.CaseNotFound)
    return case
