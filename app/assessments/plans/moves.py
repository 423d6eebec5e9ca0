"""One move of a plan or action: the row, its step, the log and the event, all or nothing.

The database allows no other moves (triggers ``capacity_plans_step`` and
``capacity_plan_actions_step``); its refusals become errors by `explained`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.plans import texts
from app.assessments.plans.errors import (
    ActionsOpen,
    ActionStateUnfit,
    ActionTextFixed,
    AssessmentUnfit,
    OutcomeUnfit,
    PlanEmpty,
    PlanStateUnfit,
    SupporterUnfit,
    WindowInvalid,
)
from app.assessments.plans.models import CapacityPlan, CapacityPlanAction, CapacityPlanStep
from app.audit import service as audit
from app.audit.events import Event
from app.audit.exceptions.errors import (
    ContentRedacted,
    SecondPersonRequired,
    UnderLegalHold,
)
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.core.errors import ServiceError, violated_constraint
from app.core.ids import new_secret_id
from app.events import service as events
from app.events.catalogue import EventType

_REFUSALS: dict[str, type[ServiceError]] = {
    "plan_closed": PlanStateUnfit,
    "plan_draft": PlanStateUnfit,
    "plan_status": PlanStateUnfit,
    "plan_agreed": PlanStateUnfit,
    "plan_empty": PlanEmpty,
    "plan_actions_open": ActionsOpen,
    "plan_assessment": AssessmentUnfit,
    "fk_capacity_plans_assessments": AssessmentUnfit,
    "plan_outcome": OutcomeUnfit,
    "plan_supporters": SupporterUnfit,
    "plan_window": WindowInvalid,
    "ck_capacity_plans_window": WindowInvalid,
    "ck_capacity_plans_window_limit": WindowInvalid,
    "action_status": ActionStateUnfit,
    "action_fixed": ActionTextFixed,
    "action_redacted": ContentRedacted,
    "ck_capacity_plan_actions_two_persons": SecondPersonRequired,
    "legal_hold": UnderLegalHold,
}


@asynccontextmanager
async def explained() -> AsyncIterator[None]:
    """Turn what the database refuses into the error that says why."""
    try:
        yield
    except IntegrityError as error:
        found = _REFUSALS.get(violated_constraint(error) or "")
        if found is None:
            raise
        raise found from error


async def move(session: AsyncSession, row: Any, **values: Any) -> None:
    """Write the next version of a locked plan."""
    async with explained():
        await session.execute(
            update(CapacityPlan)
            .where(CapacityPlan.id == row.id, CapacityPlan.version == row.version)
            .values(**values, version=row.version + 1, updated_at=func.now())
            .execution_options(synchronize_session=False)
        )


async def move_action(session: AsyncSession, row: Any, **values: Any) -> None:
    """Write the next version of a locked action."""
    async with explained():
        await session.execute(
            update(CapacityPlanAction)
            .where(CapacityPlanAction.id == row.id, CapacityPlanAction.version == row.version)
            .values(**values, version=row.version + 1)
            .execution_options(synchronize_session=False)
        )


async def note_step(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    plan: tuple[UUID, UUID],
    step: str,
    *,
    action: UUID | None = None,
    note: str | None = None,
    evidence: str | None = None,
) -> None:
    """Add a step to the history; ``plan`` is its id and its owner's."""
    step_id, sealed = new_secret_id(), None
    if note is not None:
        words = {"note": note, "evidence": evidence}
        sealed = await texts.seal_note(session, keyring, step_id, plan[1], caller, words)
    person = caller.person if caller.subject == "agency" else None
    await session.execute(
        insert(CapacityPlanStep)
        .values(
            id=step_id,
            plan_id=plan[0],
            owner_agency=plan[1],
            action_id=action,
            step=step,
            author_agency=caller.agency_id if caller.subject == "agency" else None,
            person_id=person.id if person else None,
            office=person.office if person else None,
            made_by_client=caller.client_id,
            sealed_note=sealed,
        )
        .inline()
    )


async def tell(
    session: AsyncSession,
    caller: Caller,
    event: Event,
    row: Any,
    kind: EventType | None,
    **about: Any,
) -> None:
    """Write it to the log and, unless ``kind`` is None, to the outbox.

    A draft is nobody else's business, not even that it exists: of one, ``kind`` is None.
    """
    subject = audit.Subject(row.id, row.owner_id, row.partner_id)
    basis = "self" if caller.subject == "partner" else "owner"
    await audit.record(session, caller, event, subject, basis=basis, **about)
    if kind is None:
        return
    hidden = row.assessment_level == "AGENCY_ONLY"
    await events.publish(
        session,
        kind,
        row.id,
        row.owner_id,
        partner_id=str(row.partner_id),
        plan_kind=row.kind,
        level="AGENCY_ONLY" if hidden else "RESTRICTED",
        **about,
    )
