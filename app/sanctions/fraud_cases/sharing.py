"""Shares of fraud cases: the oversight office opens one to an agency, and ends that again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies import service as agencies
from app.audit.events import Event
from app.auth import policy
from app.auth.caller import Caller
from app.core.ids import new_secret_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.visibility import sees_protected
from app.sanctions.fraud_cases import access, errors, queries
from app.sanctions.fraud_cases.models import FraudCaseAcl
from app.sanctions.fraud_cases.schemas import FraudShareIn

_LONGEST = timedelta(days=731)
_HIDDEN = ("owner_id", "shared_with_id")


def wire(row: Any) -> dict[str, Any]:
    """A row of the queries as FraudShareOut needs it."""
    return {name: value for name, value in row._mapping.items() if name not in _HIDDEN}


async def share(
    session: AsyncSession, caller: Caller, case_id: UUID, new: FraudShareIn, now: datetime
) -> dict[str, Any]:
    """Let another agency read an own case for a purpose.

    Raises PersonRequired, FraudCaseNotFound, RoleLacksRight, AgencyUnknown, FraudShareInvalid or
    FraudCaseNotShareable.
    """
    row = await access.owned(session, caller, case_id, "share")
    recipient = await agencies.recipient(session, new.shared_with)
    if recipient.id == caller.agency_id or not now < new.valid_until <= now + _LONGEST:
        raise errors.FraudShareInvalid
    share_id = new_secret_id()
    async with access.explained(session):
        await session.execute(
            insert(FraudCaseAcl).values(
                agency_id=recipient.id,
                record_id=row.id,
                share_id=share_id,
                owner_agency=caller.agency_id,
                level="detail",
                purpose=new.purpose.value,
                valid_from=now,
                valid_to=new.valid_until,
            )
        )
    about = {"share_id": str(share_id), "shared_with": str(recipient.id)}
    await access.log(
        session, caller, Event.FRAUD_CASE_SHARED, row, basis="owner", purpose=new.purpose, **about
    )
    await events.publish(session, EventType.FRAUD_CASE_SHARED, row.id, row.owner_id, **about)
    found = await queries.shares_of(session, case_id)
    return next(wire(one) for one in found if one.id == share_id)


async def list_shares(session: AsyncSession, caller: Caller, case_id: UUID) -> list[dict[str, Any]]:
    """Shares of an own case. Raises FraudCaseNotFound for everybody else."""
    row = await queries.read(session, case_id, holder=sees_protected(caller))
    if row is None or row.owner_id != caller.agency_id:
        raise errors.FraudCaseNotFound
    decision = policy.can(caller, "read", access.resource(row))
    policy.require_readable(decision, errors.FraudCaseNotFound)
    return [wire(one) for one in await queries.shares_of(session, case_id)]


async def list_received(
    session: AsyncSession, caller: Caller, after: queries.After, limit: int
) -> Sequence[Any]:
    """What is shared with the caller's agency now: that it is, by whom and for what, no more."""
    if not policy.has_right(caller, "read", access.KIND):
        return []
    if not policy.reaches(caller, "RESTRICTED"):
        return []
    holder = sees_protected(caller)
    return await queries.shared(session, sorted(caller.countries), after, limit, holder=holder)


async def end(session: AsyncSession, caller: Caller, case_id: UUID, share_id: UUID) -> None:
    """End a share; the next reading finds nothing.

    Raises PersonRequired, FraudCaseNotFound, RoleLacksRight or FraudShareNotFound.
    """
    row = await access.owned(session, caller, case_id, "share")
    found = [one for one in await queries.shares_of(session, case_id) if one.id == share_id]
    if not found:
        raise errors.FraudShareNotFound
    await session.execute(
        delete(FraudCaseAcl)
        .where(FraudCaseAcl.record_id == case_id, FraudCaseAcl.share_id == share_id)
        .execution_options(synchronize_session=False)
    )
    about = {"share_id": str(share_id), "shared_with": str(found[0].shared_with_id)}
    await access.log(session, caller, Event.FRAUD_CASE_SHARE_ENDED, row, basis="owner", **about)
    kind = EventType.FRAUD_CASE_SHARE_ENDED
    await events.publish(session, kind, row.id, row.owner_id, **about)
