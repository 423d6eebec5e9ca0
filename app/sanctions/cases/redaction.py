"""Redaction of a case's step, and of the facts of an individual.

What it means: `app.audit.exceptions.redaction`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.exceptions.redaction import Target
from app.auth import policy
from app.auth.caller import Caller
from app.events.redacting import Find
from app.sanctions.cases import errors, queries
from app.sanctions.cases.models import SanctionCase

_HIDDEN = text("SELECT id, kind, at FROM redacted_steps(:id)")


async def redacted_steps(session: AsyncSession, case_id: UUID) -> Sequence[Row[Any]]:
    """Steps of an own case that row security hides, as far as everybody may know of them."""
    return (await session.execute(_HIDDEN, {"id": case_id})).all()


async def _own_case(session: AsyncSession, caller: Caller, case_id: UUID) -> SanctionCase:
    found = await queries.find_case(session, case_id, lock=True)
    if found is None:
        raise errors.CaseNotFound
    case, country = found
    if case.agency_id != caller.agency_id:
        raise errors.CaseNotFound
    # As with assessments: no right to the content, but to know of the case.
    if not (policy.reaches(caller, "AGENCY_ONLY") and policy.within(caller, country)):
        raise errors.CaseNotFound
    return case


async def _step(session: AsyncSession, caller: Caller, case_id: UUID, step_id: UUID) -> Target:
    case = await _own_case(session, caller, case_id)
    known = {step.id for step in await queries.case_steps(session, case_id)}
    known |= {step.id for step in await redacted_steps(session, case_id)}
    if step_id not in known:
        raise errors.CaseNotFound
    return Target("case_step", step_id, case_id, case.partner_id)


async def _individual(
    session: AsyncSession, caller: Caller, case_id: UUID, respondent_id: UUID
) -> Target:
    case = await _own_case(session, caller, case_id)
    found = (await queries.respondents_of(session, [case_id])).get(case_id, [])
    one = next((row for row in found if row.id == respondent_id), None)
    if one is None or one.sealed is None:
        raise errors.RespondentNotFound
    written = bool(one.sealed)
    return Target("case_individual", respondent_id, case_id, case.partner_id, written)


async def step(case_id: UUID, step_id: UUID) -> Find:
    """What was written at a step of an own case; raises CaseNotFound."""
    return partial(_step, case_id=case_id, step_id=step_id)


async def individual(case_id: UUID, respondent_id: UUID) -> Find:
    """Who an individual in an own case is; once hidden, it is listed by nobody.

    Raises CaseNotFound, RespondentNotFound (also for a partner).
    """
    return partial(_individual, case_id=case_id, respondent_id=respondent_id)
