"""Legal holds: what is named in one is not destroyed until a second person releases it.

The database refuses the destroying statement itself (`refuse_held`); who destroys asks first,
to say so politely. Never commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.audit.exceptions import errors, queries
from app.audit.exceptions.models import LegalHold
from app.audit.exceptions.roles import HOLDING, require_role
from app.audit.exceptions.schemas import HoldFilter, HoldIn
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope
from app.core.ids import new_id

_LONGEST_DAYS = 366


def _context(hold_id: UUID, field: str, owner: UUID) -> str:
    return f"legal_holds|{hold_id}|{field}|{owner}"


def _reviewed_in_time(review_on: date, today: date) -> None:
    if not 0 < (review_on - today).days <= _LONGEST_DAYS:
        raise errors.PeriodInvalid


async def set_hold(
    session: AsyncSession, keyring: KeyRing, caller: Caller, new: HoldIn, today: date
) -> dict[str, Any]:
    """Put an own record, or any partner, under a hold.

    Raises PersonRequired, RoleRequired, PeriodInvalid or RecordNotFound.
    """
    person = require_role(caller, HOLDING)
    _reviewed_in_time(new.review_on, today)
    if not await queries.own_record(session, new.subject_kind, new.subject_id):
        raise errors.RecordNotFound
    hold_id = new_id()
    context = _context(hold_id, "reason", caller.agency_id)
    await session.execute(
        insert(LegalHold)
        .values(
            id=hold_id,
            agency_id=caller.agency_id,
            subject_kind=new.subject_kind,
            subject_id=new.subject_id,
            sealed_reason=await keyring.seal(
                session, agency_scope(caller.agency_id), context, new.reason.encode()
            ),
            review_on=new.review_on,
            set_by=person.id,
        )
        .inline()
    )
    found = await read(session, keyring, caller, hold_id)
    await _record(session, caller, Event.HOLD_SET, found)
    return found


async def renew(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    hold_id: UUID,
    review_on: date,
    today: date,
) -> dict[str, Any]:
    """The hold was reviewed and stays. Raises as `set_hold`, HoldNotFound or HoldReleased."""
    person = require_role(caller, HOLDING)
    _reviewed_in_time(review_on, today)
    await _change(
        session,
        hold_id,
        {"review_on": review_on, "renewed_by": person.id, "renewed_at": func.now()},
    )
    found = await read(session, keyring, caller, hold_id)
    await _record(session, caller, Event.HOLD_RENEWED, found)
    return found


async def release(
    session: AsyncSession, keyring: KeyRing, caller: Caller, hold_id: UUID, reason: str
) -> dict[str, Any]:
    """A second person ends the hold.

    Raises PersonRequired, RoleRequired, HoldNotFound, HoldReleased or SecondPersonRequired.
    """
    person = require_role(caller, HOLDING)
    row = await queries.find_hold(session, hold_id)
    if row is not None and row.released_at is None and row.set_by == person.id:
        raise errors.SecondPersonRequired
    context = _context(hold_id, "release", caller.agency_id)
    sealed = await keyring.seal(session, agency_scope(caller.agency_id), context, reason.encode())
    await _change(
        session,
        hold_id,
        {"released_by": person.id, "released_at": func.now(), "sealed_release": sealed},
    )
    found = await read(session, keyring, caller, hold_id)
    await _record(session, caller, Event.HOLD_RELEASED, found)
    return found


async def _change(session: AsyncSession, hold_id: UUID, values: dict[str, Any]) -> None:
    changed = await session.execute(
        update(LegalHold)
        .where(LegalHold.id == hold_id, LegalHold.released_at.is_(None))
        .values(version=LegalHold.version + 1, **values)
        .execution_options(synchronize_session=False)
        .returning(LegalHold.id)
    )
    if changed.scalar_one_or_none() is None:
        known = await queries.find_hold(session, hold_id)
        raise errors.HoldNotFound if known is None else errors.HoldReleased


async def _record(
    session: AsyncSession, caller: Caller, event: Event, hold: dict[str, Any]
) -> None:
    partner = hold["subject_id"] if hold["subject_kind"] == "partner" else None
    owner = None if partner else caller.agency_id
    subject = audit.Subject(hold["subject_id"], owner, partner)
    await audit.record(session, caller, event, subject, hold=str(hold["id"]))


async def read(
    session: AsyncSession, keyring: KeyRing, caller: Caller, hold_id: UUID
) -> dict[str, Any]:
    """An own hold. Raises PersonRequired, RoleRequired or HoldNotFound."""
    require_role(caller, HOLDING)
    row = await queries.find_hold(session, hold_id)
    if row is None:
        raise errors.HoldNotFound
    return await wire(session, keyring, row)


async def list_holds(
    session: AsyncSession, caller: Caller, filters: HoldFilter, after: UUID | None
) -> Sequence[Any]:
    """One row more than a page of own holds, newest first. Raises as `read`."""
    require_role(caller, HOLDING)
    return await queries.list_holds(
        session, filters.state, filters.subject_id, after, filters.limit + 1
    )


async def wire(session: AsyncSession, keyring: KeyRing, row: Any) -> dict[str, Any]:
    """A row of the queries as HoldOut needs it."""
    context = _context(row.id, "reason", row.agency_id)
    reason = (await keyring.open(session, context, row.sealed_reason)).decode()
    release = None
    if row.sealed_release is not None:
        context = _context(row.id, "release", row.agency_id)
        release = (await keyring.open(session, context, row.sealed_release)).decode()
    hidden = ("agency_id", "sealed_reason", "sealed_release")
    facts = {name: value for name, value in row._mapping.items() if name not in hidden}
    return facts | {"reason": reason, "release_reason": release}
