"""Why a plan was sent back: sealed, for its agency alone. Never commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.assurance import access, queries
from app.assessments.assurance.errors import PlanNotFound
from app.assessments.assurance.models import AssurancePlanReturn
from app.auth import policy
from app.auth.caller import Caller, Person
from app.core.crypto import KeyRing, agency_scope
from app.core.ids import new_secret_id


def seal_context(return_id: UUID, owner: UUID) -> str:
    """Encryption context of a reason."""
    return f"assurance_plan_returns|{return_id}|{owner}"


async def write(
    session: AsyncSession, keyring: KeyRing, person: Person, row: Any, reason: str
) -> UUID:
    """Store why a person sends an own, submitted revision back; comes before the move itself."""
    return_id = new_secret_id()
    context = seal_context(return_id, row.owner_id)
    await session.execute(
        insert(AssurancePlanReturn)
        .values(
            id=return_id,
            plan_id=row.id,
            revision=row.revision,
            owner_agency=row.owner_id,
            returned_by=person.id,
            sealed_reason=await keyring.seal(
                session, agency_scope(row.owner_id), context, reason.encode()
            ),
        )
        .inline()
    )
    return return_id


async def list_returns(
    session: AsyncSession,
    caller: Caller,
    plan_id: UUID,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Any]:
    """One row more than a page of when an own plan was sent back, newest first, sealed.

    Raises PlanNotFound, also for what others have approved.
    """
    row = await access.readable(session, caller, plan_id)
    wanted = policy.Resource(access.REPORT, row.owner_id, "AGENCY_ONLY", row.country)
    if row.owner_id != caller.agency_id or not policy.can(caller, "read", wanted).allowed:
        raise PlanNotFound
    return await queries.returns(session, plan_id, after, limit + 1)


async def opened(session: AsyncSession, keyring: KeyRing, row: Any) -> dict[str, Any]:
    """A row of `list_returns` as PlanReturnOut needs it."""
    reason = await keyring.open(session, seal_context(row.id, row.owner_id), row.sealed_reason)
    names = ("id", "revision", "returned_by", "returned_at")
    return {name: getattr(row, name) for name in names} | {"reason": reason.decode()}
