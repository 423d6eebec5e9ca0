"""Plans as the partner sees them: those that were agreed with it. Never commits."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.plans import queries, texts
from app.assessments.plans.errors import PlanNotFound
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.partners.self_service.access import own_id


async def list_plans(
    session: AsyncSession, caller: Caller, after: queries.After, limit: int
) -> list[Any]:
    """One row more than a page of the calling partner's plans, newest first."""
    wanted = {"self": own_id(caller)}
    return list(await queries.list_plans(session, wanted, after, limit + 1, holder=True))


async def _found(session: AsyncSession, plan_id: UUID) -> Any:
    # Row security shows a partner no plan but its own.
    row = await queries.read_plan(session, plan_id, holder=True)
    if row is None:
        raise PlanNotFound
    return row


async def read(
    session: AsyncSession, keyring: KeyRing, caller: Caller, plan_id: UUID
) -> dict[str, Any]:
    """An own plan with its actions; the reading is logged. Raises PlanNotFound."""
    row = await _found(session, plan_id)
    await texts.log_reading(session, caller, row, texts.NOTHING, "detail")
    return await texts.detail(session, keyring, row)


async def read_steps(
    session: AsyncSession, caller: Caller, plan_id: UUID, after: queries.After, limit: int
) -> list[Any]:
    """One row more than a page of an own plan's steps; the reading is logged.

    Raises PlanNotFound.
    """
    row = await _found(session, plan_id)
    await texts.log_reading(session, caller, row, texts.NOTHING, "steps")
    return list(await queries.steps(session, plan_id, after, limit + 1))
