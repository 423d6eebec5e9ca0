"""Use cases of transfer restrictions. Works inside the caller's transaction, never commits.

A restriction is no sanction: it is on no list, in no feed, and no public flag. The partner is told
of none by the registry, so the log says nothing of them under the partner's id; the id stands in
the event's detail.
"""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import func, insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.audit.exceptions.errors import SecondPersonRequired
from app.auth import policy
from app.auth.caller import Caller
from app.auth.roles import Act
from app.core import explain
from app.core.clock import add_months
from app.core.crypto import KeyRing, agency_scope
from app.core.errors import ServiceError
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners import public_authority
from app.partners.service import visible_partner
from app.sanctions.transfer_restrictions import errors, queries
from app.sanctions.transfer_restrictions.models import TransferRestriction
from app.sanctions.transfer_restrictions.rules import RULES
from app.sanctions.transfer_restrictions.schemas import (
    RestrictionDecisionIn,
    RestrictionIn,
    RestrictionReviewIn,
)

KIND = "TRANSFER_RESTRICTION"
_HIDDEN = ("owner_id", "sealed", "set_by")
_REFUSALS: dict[str, type[ServiceError]] = {
    "ex_transfer_restrictions_no_overlap": errors.RestrictionOverlaps,
    "restriction_partner": errors.NotAPublicAuthority,
    "restriction_over": errors.RestrictionOver,
    "ck_transfer_restrictions_two_persons": SecondPersonRequired,
}


_explained = partial(explain.explained, refusals=_REFUSALS)
"""A savepoint in which the database's refusal becomes the error that says what it means."""


def context(restriction_id: UUID, owner: UUID) -> str:
    """Encryption context of the statement."""
    return f"transfer_restrictions|{restriction_id}|{owner}"


def resource(row: Any) -> policy.Resource:
    """A row of the queries, as the policy looks at it."""
    return policy.Resource(KIND, row.owner_id, country=row.country)


def wire(row: Any) -> dict[str, Any]:
    """A row of the queries as RestrictionOut needs it."""
    return {name: value for name, value in row._mapping.items() if name not in _HIDDEN}


def _review_by(day: date | None, today: date) -> date:
    latest = add_months(today, RULES.longest_review_months)
    if day is None:
        return latest
    if not today < day <= latest:
        raise errors.RestrictionReviewInvalid
    return day


async def set_restriction(
    session: AsyncSession, keys: KeyRing, caller: Caller, new: RestrictionIn, today: date
) -> dict[str, Any]:
    """Hold back ways of paying a public authority; a long one waits for a second person.

    Raises PersonRequired, PartnerNotFound, PartnerMerged, RoleLacksRight, LevelAboveClient,
    CountryOutsideScope, NotAPublicAuthority, RestrictionPeriodInvalid, RestrictionReviewInvalid or
    RestrictionOverlaps.
    """
    person = caller.require_person()
    partner = await visible_partner(session, caller, new.partner_id)
    country = new.country or partner.country
    planned = policy.Resource(KIND, caller.agency_id, country=country)
    policy.require_writable(policy.can(caller, "create", planned))
    if not await public_authority.is_one(session, partner.id):
        raise errors.NotAPublicAuthority
    starts_on, restriction_id = new.starts_on or today, new_secret_id()
    if new.ends_on is not None and new.ends_on < max(starts_on, today):
        raise errors.RestrictionPeriodInvalid
    two = await queries.needs_two(
        session, restriction_id, partner.id, country, starts_on, new.ends_on
    )
    sealed = await keys.seal(
        session,
        agency_scope(caller.agency_id),
        context(restriction_id, caller.agency_id),
        to_json(new.statement),
    )
    values = new.model_dump(exclude={"statement", "review_by", "country", "starts_on"}) | {
        "id": restriction_id,
        "owner_agency": caller.agency_id,
        "country": country,
        "starts_on": starts_on,
        "review_by": _review_by(new.review_by, today),
        "state": "proposed" if two else "set",
        "sealed": sealed,
        "set_by": person.id,
    }
    async with _explained(session):
        await session.execute(insert(TransferRestriction).values(values).inline())
    row = await stored(session, restriction_id)
    await _tell(session, caller, Event.TRANSFER_RESTRICTION_SET, row)
    return wire(row)


async def stored(session: AsyncSession, restriction_id: UUID) -> Any:
    """An own one, as it now is."""
    row = await queries.read(session, restriction_id, None, holder=True)
    assert row is not None
    return row


async def _tell(session: AsyncSession, caller: Caller, event: Event, row: Any) -> None:
    await log(session, caller, event, row, basis="owner", status=row.status)
    # Who follows events learns that one changed and asks for it, for a purpose.
    kind = EventType.TRANSFER_RESTRICTION_CHANGED
    await events.publish(session, kind, row.id, row.owner_id, level="RESTRICTED")


async def log(session: AsyncSession, caller: Caller, event: Event, row: Any, **more: Any) -> None:
    """An event about a restriction."""
    subject = audit.Subject(row.id, row.owner_id)
    about = {"profile": str(row.partner_id), "version": row.version}
    await audit.record(session, caller, event, subject, **more, **about)


async def owned(
    session: AsyncSession, caller: Caller, restriction_id: UUID, act: Act = "create"
) -> Any:
    """An own one, locked. Raises PersonRequired, RestrictionNotFound or RoleLacksRight."""
    caller.require_person()
    row = await queries.lock(session, restriction_id)
    if row is None:
        raise errors.RestrictionNotFound
    policy.require_writable(policy.can(caller, act, resource(row)), errors.RestrictionNotFound)
    return row


async def decide(
    session: AsyncSession,
    caller: Caller,
    restriction_id: UUID,
    version: int,
    said: RestrictionDecisionIn,
) -> dict[str, Any]:
    """A second person lets a proposed restriction come into force, or refuses it.

    Raises PersonRequired, RestrictionNotFound, RoleLacksRight, PreconditionFailed,
    RestrictionNotProposed or SecondPersonRequired.
    """
    row = await owned(session, caller, restriction_id, "approve")
    if row.version != version:
        raise PreconditionFailed
    if row.state != "proposed":
        raise errors.RestrictionNotProposed
    person = caller.require_person()
    if row.set_by == person.id:
        raise SecondPersonRequired
    state = "set" if said.decision == "approve" else "refused"
    await _move(session, row, state=state, decided_by=person.id, decided_at=func.now())
    return await _done(session, caller, row, Event.TRANSFER_RESTRICTION_DECIDED)


async def review(
    session: AsyncSession,
    caller: Caller,
    restriction_id: UUID,
    done: RestrictionReviewIn,
    today: date,
) -> dict[str, Any]:
    """A person of the owner looked at it; it stays until the next review at least.

    Raises PersonRequired, RestrictionNotFound, RoleLacksRight, RestrictionOver or
    RestrictionReviewInvalid.
    """
    row = await owned(session, caller, restriction_id)
    if row.status not in ("PENDING", "ACTIVE"):
        raise errors.RestrictionOver
    await _move(
        session,
        row,
        review_by=_review_by(done.review_by, today),
        reviewed_by=caller.require_person().id,
        reviewed_at=func.clock_timestamp(),
        reminded_at=None,
    )
    return await _done(session, caller, row, Event.TRANSFER_RESTRICTION_REVIEWED)


async def lift(
    session: AsyncSession, caller: Caller, restriction_id: UUID, version: int, today: date
) -> dict[str, Any]:
    """End it today, by one person; a proposed one is withdrawn. Others see it no more.

    Raises PersonRequired, RestrictionNotFound, RoleLacksRight, RestrictionOver or
    PreconditionFailed.
    """
    row = await owned(session, caller, restriction_id)
    if row.version != version:
        raise PreconditionFailed
    if row.status == "PROPOSED":
        await _move(session, row, state="withdrawn")
    elif row.status in ("PENDING", "ACTIVE"):
        await _move(session, row, lifted_by=caller.require_person().id, lifted_on=today)
    else:
        raise errors.RestrictionOver
    return await _done(session, caller, row, Event.TRANSFER_RESTRICTION_LIFTED)


async def _done(session: AsyncSession, caller: Caller, row: Any, event: Event) -> dict[str, Any]:
    changed = await stored(session, row.id)
    await _tell(session, caller, event, changed)
    return wire(changed)


async def _move(session: AsyncSession, row: Any, **values: Any) -> None:
    # The row is locked, so its version cannot have moved.
    async with _explained(session):
        await session.execute(
            update(TransferRestriction)
            .where(TransferRestriction.id == row.id)
            .values(**values, version=row.version + 1)
            .execution_options(synchronize_session=False)
        )
