"""Use cases of SEA restriction markers. Works inside the caller's transaction, never commits.

The partner is told of none (domain.md 10.3): knowing could endanger a person or an investigation.
So the log says nothing of them under the partner's id either, which it may ask by: the id stands in
the event's detail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.assessments.sea_restrictions import queries
from app.assessments.sea_restrictions.errors import (
    ReviewInvalid,
    SeaRestrictionExists,
    SeaRestrictionLifted,
    SeaRestrictionNotFound,
)
from app.assessments.sea_restrictions.models import SeaRestriction
from app.assessments.sea_restrictions.rules import RULES
from app.assessments.sea_restrictions.schemas import (
    ReviewIn,
    SeaRestrictionFilter,
    SeaRestrictionIn,
)
from app.audit import service as audit
from app.audit.events import Event
from app.audit.exceptions.errors import RoleRequired
from app.audit.exceptions.roles import require_role
from app.audit.purposes import OWN_RECORD
from app.auth import policy
from app.auth.caller import OVERSIGHT, Caller, Person
from app.core import explain
from app.core.clock import add_months
from app.core.errors import ServiceError
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.purpose import stated_purpose
from app.partners.service import visible_partner
from app.partners.visibility import sees_protected

_KIND = "SEA_RESTRICTION"
_SETTERS = frozenset({OVERSIGHT})
_HIDDEN = ("owner_id", "country")
_REFUSALS: dict[str, type[ServiceError]] = {
    "uq_sea_restrictions_in_force": SeaRestrictionExists,
    "ck_sea_restrictions_review_by": ReviewInvalid,
    "sea_restriction_by": RoleRequired,
}


_explained = partial(explain.explained, refusals=_REFUSALS)
"""A savepoint in which the database's refusal becomes the error that says what it means."""


def _resource(row: Any) -> policy.Resource:
    return policy.Resource(_KIND, row.owner_id, country=row.country)


def _review_by(day: date | None, today: date) -> date:
    latest = add_months(today, RULES.longest_review_months)
    if day is None:
        return latest
    if not today < day <= latest:
        raise ReviewInvalid
    return day


async def set_restriction(
    session: AsyncSession, caller: Caller, new: SeaRestrictionIn, today: date
) -> dict[str, Any]:
    """Say that a restriction of the own oversight office is in force.

    Raises PersonRequired, RoleRequired, PartnerNotFound, PartnerMerged, LevelAboveClient,
    ReviewInvalid or SeaRestrictionExists.
    """
    person = require_role(caller, _SETTERS)
    partner = await visible_partner(session, caller, new.partner_id)
    planned = policy.Resource(_KIND, caller.agency_id, country=partner.country)
    policy.require_writable(policy.can(caller, "create", planned))
    restriction_id = new_secret_id()
    values = new.model_dump(exclude={"review_by"}) | {
        "id": restriction_id,
        "owner_agency": caller.agency_id,
        "review_by": _review_by(new.review_by, today),
        "set_by": person.id,
    }
    async with _explained(session):
        await session.execute(insert(SeaRestriction).values(values).inline())
    row = await _stored(session, restriction_id)
    await _tell(session, caller, Event.SEA_RESTRICTION_SET, row, EventType.SEA_RESTRICTION_SET)
    return wire(row)


async def _stored(session: AsyncSession, restriction_id: UUID) -> Any:
    row = await queries.read(session, restriction_id, holder=True)
    assert row is not None
    return row


def wire(row: Any) -> dict[str, Any]:
    """A row of the queries as SeaRestrictionOut needs it."""
    return {name: value for name, value in row._mapping.items() if name not in _HIDDEN}


async def _tell(
    session: AsyncSession, caller: Caller, event: Event, row: Any, kind: EventType
) -> None:
    await _log(session, caller, event, row, basis="owner")
    # Who follows events learns that a marker changed and asks for it, for a purpose.
    await events.publish(session, kind, row.id, row.owner_id, level="RESTRICTED")


async def _log(session: AsyncSession, caller: Caller, event: Event, row: Any, **more: Any) -> None:
    subject = audit.Subject(row.id, row.owner_id)
    about = {"profile": str(row.partner_id), "version": row.version}
    await audit.record(session, caller, event, subject, **more, **about)


async def _own(session: AsyncSession, caller: Caller, restriction_id: UUID) -> tuple[Any, Person]:
    person = require_role(caller, _SETTERS)
    row = await queries.lock(session, restriction_id)
    if row is None:
        raise SeaRestrictionNotFound
    policy.require_writable(policy.can(caller, "create", _resource(row)), SeaRestrictionNotFound)
    return row, person


async def review(
    session: AsyncSession, caller: Caller, restriction_id: UUID, done: ReviewIn, today: date
) -> dict[str, Any]:
    """An oversight person of the owner looked at it; it stays until the next review at least.

    Raises PersonRequired, RoleRequired, SeaRestrictionNotFound, SeaRestrictionLifted or
    ReviewInvalid.
    """
    row, person = await _own(session, caller, restriction_id)
    if row.lifted_at is not None:
        raise SeaRestrictionLifted
    values = {
        "review_by": _review_by(done.review_by, today),
        "reviewed_by": person.id,
        "reviewed_at": func.clock_timestamp(),
        "reminded_at": None,
    }
    await _move(session, row, values)
    changed = await _stored(session, restriction_id)
    kind = EventType.SEA_RESTRICTION_REVIEWED
    await _tell(session, caller, Event.SEA_RESTRICTION_REVIEWED, changed, kind)
    return wire(changed)


async def lift(
    session: AsyncSession, caller: Caller, restriction_id: UUID, version: int
) -> dict[str, Any]:
    """An oversight person of the owner lifts it; other agencies see it no more.

    Raises PersonRequired, RoleRequired, SeaRestrictionNotFound, SeaRestrictionLifted or
    PreconditionFailed.
    """
    row, person = await _own(session, caller, restriction_id)
    if row.lifted_at is not None:
        raise SeaRestrictionLifted
    if row.version != version:
        raise PreconditionFailed
    await _move(session, row, {"lifted_by": person.id, "lifted_at": func.now()})
    changed = await _stored(session, restriction_id)
    kind = EventType.SEA_RESTRICTION_LIFTED
    await _tell(session, caller, Event.SEA_RESTRICTION_LIFTED, changed, kind)
    return wire(changed)


async def _move(session: AsyncSession, row: Any, values: dict[str, Any]) -> None:
    async with _explained(session):
        await session.execute(
            update(SeaRestriction)
            .where(SeaRestriction.id == row.id, SeaRestriction.version == row.version)
            .values(**values, version=row.version + 1)
            .execution_options(synchronize_session=False)
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """Why a marker is read; nothing, for the own agency's."""

    purpose: str | None = None
    reference: str | None = None


def stated(caller: Caller, filters: SeaRestrictionFilter, headers: Sequence[str]) -> Reading:
    """Why a list is read. Raises PurposeRequired where it may hold markers of other agencies.

    It asks before it looks: a list that asked only when there is something would tell.
    """
    if filters.mine or not policy.has_right(caller, "read", _KIND):
        return Reading()
    said = stated_purpose(headers)
    return Reading(said.purpose, said.reference)


async def list_restrictions(
    session: AsyncSession, caller: Caller, filters: SeaRestrictionFilter, after: queries.After
) -> list[Any]:
    """One row more than a page of those that the caller may read, newest first.

    Raises PartnerNotFound or PartnerMerged for a partner that the caller may not know of.
    """
    if filters.partner_id is not None:
        await visible_partner(session, caller, filters.partner_id)
    if not policy.has_right(caller, "read", _KIND) or not policy.reaches(caller, "RESTRICTED"):
        return []
    wanted: dict[str, Any] = filters.model_dump(exclude={"limit", "cursor"})
    wanted["countries"] = sorted(caller.countries) or None
    holder = sees_protected(caller)
    return list(await queries.list_all(session, wanted, after, filters.limit + 1, holder=holder))


async def disclose(
    session: AsyncSession, caller: Caller, rows: Sequence[Any], why: Reading
) -> list[dict[str, Any]]:
    """Rows as SeaRestrictionOut needs them; each reading is in the log before it leaves."""
    for row in rows:
        await _log_reading(session, caller, row, why)
    return [wire(row) for row in rows]


async def _log_reading(session: AsyncSession, caller: Caller, row: Any, why: Reading) -> None:
    own = row.owner_id == caller.agency_id
    await _log(
        session,
        caller,
        Event.SEA_RESTRICTION_READ,
        row,
        purpose=OWN_RECORD if own else why.purpose,
        reference=None if own else why.reference,
        basis="owner" if own else "role",
    )


async def get(
    session: AsyncSession, caller: Caller, restriction_id: UUID, headers: Sequence[str]
) -> dict[str, Any]:
    """One marker; the reading is logged.

    Raises SeaRestrictionNotFound, then PurposeRequired for another agency's.
    """
    row = await queries.read(session, restriction_id, holder=sees_protected(caller))
    if row is None:
        raise SeaRestrictionNotFound
    policy.require_readable(policy.can(caller, "read", _resource(row)), SeaRestrictionNotFound)
    why = Reading()
    if row.owner_id != caller.agency_id:
        said = stated_purpose(headers)
        why = Reading(said.purpose, said.reference)
    await _log_reading(session, caller, row, why)
    return wire(row)


async def sea_restrictions_of(session: AsyncSession, partner_id: UUID) -> list[dict[str, Any]]:
    """All in force that count for a partner, oldest first: for recognition.

    Its own, those of profiles merged into it, and its headquarters', which say so in
    ``inherited_from``: they are never silently its own. One whose review is overdue is in force.
    Not for showing as they are: what an asker is told of another agency's marker is for the asking
    feature to decide, and to log.
    """
    return [wire(row) for row in await queries.of_partner(session, partner_id)]
