"""Dated steps of the work on an assessment; set once, in order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, get_args
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments import access
from app.assessments.errors import AssessmentFinal, MilestoneOrder
from app.assessments.life_cycle.models import AssessmentMilestone
from app.assessments.life_cycle.schemas import MilestoneCode, MilestoneIn
from app.audit import service as audit
from app.audit.events import Event
from app.auth.caller import Caller
from app.core.errors import FieldError, InvalidRequest, violated_constraint

_POSITION = {code: number for number, code in enumerate(get_args(MilestoneCode), start=1)}
_ORDER = ("milestones_in_order", "pk_assessment_milestones")


async def reached(session: AsyncSession, assessment_id: UUID, code: str) -> bool:
    """Whether a step is recorded."""
    found = await session.scalar(
        select(AssessmentMilestone.code).where(
            AssessmentMilestone.assessment_id == assessment_id, AssessmentMilestone.code == code
        )
    )
    return found is not None


async def record(
    session: AsyncSession, caller: Caller, assessment_id: UUID, new: MilestoneIn, today: date
) -> list[dict[str, Any]]:
    """Record a step of the caller's own draft or submitted assessment; all its steps.

    Raises AssessmentNotFound, RoleLacksRight, AssessmentFinal, InvalidRequest (a day to come) or
    MilestoneOrder.
    """
    row = await access.owned(session, caller, assessment_id, "create")
    if row.status not in ("draft", "submitted"):
        raise AssessmentFinal
    # A day of grace: somewhere it is tomorrow already.
    if new.reached_on > today + timedelta(days=1):
        why = FieldError(pointer="/reached_on", code="in_future", message="it has not come yet")
        raise InvalidRequest(errors=[why])
    try:
        async with session.begin_nested():
            await session.execute(
                insert(AssessmentMilestone).values(
                    assessment_id=assessment_id,
                    code=new.code,
                    owner_agency=caller.agency_id,
                    position=_POSITION[new.code],
                    reached_on=new.reached_on,
                    recorded_by=caller.person.id if caller.person else None,
                )
            )
    except IntegrityError as error:
        if violated_constraint(error) not in _ORDER:
            raise
        raise MilestoneOrder from error
    subject = audit.Subject(row.id, owner_agency=row.owner_id, partner_id=row.partner_id)
    await audit.record(session, caller, Event.ASSESSMENT_MILESTONE, subject, code=new.code)
    return await of_record(session, assessment_id)


async def read(session: AsyncSession, caller: Caller, assessment_id: UUID) -> Sequence[Any]:
    """Steps of an assessment whose summary the caller may see. Raises AssessmentNotFound."""
    await access.readable(session, caller, assessment_id)
    return await of_record(session, assessment_id)


async def of_record(session: AsyncSession, assessment_id: UUID) -> list[dict[str, Any]]:
    """All steps of a record, as the bound party may see them."""
    found = await session.execute(
        select(AssessmentMilestone)
        .where(AssessmentMilestone.assessment_id == assessment_id)
        .order_by(AssessmentMilestone.position)
    )
    return [
        {"code": step.code, "reached_on": step.reached_on, "recorded_at": step.recorded_at}
        for step in found.scalars()
    ]
