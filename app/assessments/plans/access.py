"""Plans before the policy: who sees that there is one, reads it, and works on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.plans import queries
from app.assessments.plans.errors import PlanNotFound
from app.audit.errors import PurposeRequired
from app.audit.purposes import parse_purpose
from app.auth import policy
from app.auth.caller import Caller
from app.auth.policy import Resource
from app.partners.visibility import sees_protected

_HIDDEN = ("owner_id", "country", "assessment_level", "before", "after", "measured_at", "outcome")


def summary_of(row: Any) -> Resource:
    """The summary of a row of `queries.COLUMNS`: every agency's, unless the plan is its owner's."""
    level = "AGENCY_ONLY" if row.level == "AGENCY_ONLY" else "INTER_AGENCY"
    return Resource("PLAN", row.owner_id, level, row.country)


def resource_of(row: Any) -> Resource:
    """The contents of a row of `queries.COLUMNS`."""
    return Resource("PLAN", row.owner_id, row.level, row.country)


@dataclass(frozen=True, slots=True)
class Stated:
    """What a reader states; nothing, for its own plan."""

    purpose: str | None
    reference: str | None

    @classmethod
    def of(cls, caller: Caller, row: Any, headers: Sequence[str]) -> Self:
        """For reading the contents. Raises PlanNotFound, then PurposeRequired."""
        # Two headers would leave open which one the log should believe.
        stated = parse_purpose(headers[0]) if len(headers) == 1 else None
        decision = policy.can(caller, "read", resource_of(row), stated.purpose if stated else None)
        policy.require_readable(decision, PlanNotFound)
        if row.owner_id == caller.agency_id:
            return cls(None, None)
        if stated is None:
            raise PurposeRequired
        return cls(stated.purpose, stated.reference)


async def readable(session: AsyncSession, caller: Caller, plan_id: UUID) -> Any:
    """The summary's row. Raises PlanNotFound, also when the caller may not see it."""
    row = await queries.read_plan(session, plan_id, holder=sees_protected(caller))
    if row is None:
        raise PlanNotFound
    policy.require_readable(policy.can(caller, "summary", summary_of(row)), PlanNotFound)
    return row


async def owned(session: AsyncSession, caller: Caller, plan_id: UUID) -> Any:
    """The caller's own plan, locked, to work on. Raises PlanNotFound or RoleLacksRight."""
    row = await queries.lock_plan(session, plan_id)
    if row is None:
        raise PlanNotFound
    level = "AGENCY_ONLY" if row.agreed_on is None else None
    if row.assessment_level == "AGENCY_ONLY":
        level = "AGENCY_ONLY"
    planned = Resource("PLAN", row.owner_id, level, row.country)
    policy.require_writable(policy.can(caller, "create", planned), PlanNotFound)
    return row


def wire(row: Any) -> dict[str, Any]:
    """A row of `queries.COLUMNS` as PlanOut needs it."""
    found = {name: value for name, value in row._mapping.items() if name not in _HIDDEN}
    outcome = None
    if row.outcome is not None:
        outcome = {
            "result": row.outcome,
            "before": row.before,
            "after": row.after,
            "measured_at": row.measured_at,
        }
    return found | {"outcome": outcome}
