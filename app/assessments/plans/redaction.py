"""Redaction of the words of plans: of one action, or of the note of one step.

What it means: `app.audit.exceptions.redaction`. The plan goes on: days, states and counts stay.
"""

from __future__ import annotations

from functools import partial
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.plans import queries
from app.assessments.plans.errors import ActionNotFound, PlanNotFound, StepNotFound
from app.audit.exceptions.redaction import Target
from app.auth import policy
from app.auth.caller import Caller
from app.events.redacting import Find

Words = Literal["plan_action", "plan_step"]


async def _words(
    session: AsyncSession, caller: Caller, kind: Words, plan_id: UUID, words_id: UUID
) -> Target:
    """Words of the caller's own plan, which is locked.

    Raises PlanNotFound, ActionNotFound or StepNotFound.
    """
    row = await queries.lock_plan(session, plan_id)
    # An emergency needs no right to the content, but the plan must not look absent to the caller.
    if row is None or not policy.within(caller, row.country):
        raise PlanNotFound
    hidden = row.agreed_on is None or row.assessment_level == "AGENCY_ONLY"
    if not policy.reaches(caller, "AGENCY_ONLY" if hidden else "RESTRICTED"):
        raise PlanNotFound
    if kind == "plan_action" and not await queries.lock_actions(session, plan_id, words_id):
        raise ActionNotFound
    if kind == "plan_step" and not await queries.has_note(session, plan_id, words_id):
        raise StepNotFound
    return Target(kind, words_id, row.id, row.partner_id)


async def action(plan_id: UUID, action_id: UUID) -> Find:
    """The words of an action of an own plan; raises PlanNotFound or ActionNotFound."""
    return partial(_words, kind="plan_action", plan_id=plan_id, words_id=action_id)


async def step(plan_id: UUID, step_id: UUID) -> Find:
    """The note of a step of an own plan; raises PlanNotFound or StepNotFound."""
    return partial(_words, kind="plan_step", plan_id=plan_id, words_id=step_id)
