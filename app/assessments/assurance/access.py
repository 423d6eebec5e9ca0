"""Assurance before the policy: what the matrix calls it, and who passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.assurance import queries
from app.assessments.assurance.errors import PlanNotFound
from app.auth import policy
from app.auth.caller import Caller
from app.auth.errors import RoleLacksRight
from app.auth.policy import Resource
from app.auth.roles import Act

SUMMARY, REPORT, APPROVAL = "ASSURE_SUMMARY", "ASSURE_REPORT", "ASSURE_PLAN"
OPEN = ("draft", "submitted")


def require_reader(caller: Caller) -> None:
    """Raises RoleLacksRight for a caller none of whose roles reads assurance."""
    if not policy.has_right(caller, "summary", SUMMARY):
        raise RoleLacksRight


def plan_of(row: Any, kind: str) -> Resource:
    """A revision of a plan as a row of the matrix: the agency's own business until approved."""
    level = "INTER_AGENCY" if row.status == "approved" else "AGENCY_ONLY"
    return Resource(kind, row.owner_id, level, row.country)


async def readable(
    session: AsyncSession, caller: Caller, plan_id: UUID, revision: int | None = None
) -> Any:
    """The newest revision that the caller may see, or the one named. Raises PlanNotFound."""
    for row in await queries.find_plan(session, plan_id, revision):
        if policy.can(caller, "summary", plan_of(row, SUMMARY)).allowed:
            return row
    raise PlanNotFound


async def owned(
    session: AsyncSession,
    caller: Caller,
    plan_id: UUID,
    act: Act = "create",
    *,
    share: bool = False,
) -> Sequence[Any]:
    """The open and the approved revision of the caller's own plan, locked, the newer first.

    Raises PlanNotFound or RoleLacksRight.
    """
    rows = await queries.lock_plan(session, plan_id, share=share)
    if not rows:
        raise PlanNotFound
    kind = APPROVAL if act == "approve" else REPORT
    country, owner = rows[0].country, rows[0].owner_id
    wanted = Resource(kind, owner, "AGENCY_ONLY", country)
    policy.require_writable(policy.can(caller, act, wanted), PlanNotFound)
    return rows


def open_one(rows: Sequence[Any]) -> Any | None:
    """The revision that is being written, or waits for approval."""
    return next((row for row in rows if row.status in OPEN), None)


def approved_one(rows: Sequence[Any]) -> Any | None:
    """The revision that is in force."""
    return next((row for row in rows if row.status == "approved"), None)
