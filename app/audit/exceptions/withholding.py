"""Withholdings: an oversight office keeps something back for a time.

A `read_log` keeps the held reads of the own oversight from the owner's oversight as well; see the
policy of audit_events. The partner's view of the log leaves out all acts of the agency there. The
other kinds keep a statement from its partner: whoever shows something to a partner asks
`queries.withheld`. The log itself is never shortened. Never commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.audit.exceptions import errors, queries
from app.audit.exceptions.models import Withholding
from app.audit.exceptions.roles import WITHHOLDING, require_role
from app.audit.exceptions.schemas import WithholdingFilter, WithholdingIn
from app.audit.purposes import AccessPurpose
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope
from app.core.ids import new_id

LONGEST = timedelta(days=184)


def _context(withholding_id: UUID, owner: UUID) -> str:
    return f"withholdings|{withholding_id}|reason|{owner}"


def _at_most_six_months(until: datetime, now: datetime) -> None:
    if not now < until <= now + LONGEST:
        raise errors.PeriodInvalid


async def withhold(
    session: AsyncSession, keyring: KeyRing, caller: Caller, new: WithholdingIn, now: datetime
) -> dict[str, Any]:
    """Keep something back until a time.

    Raises PersonRequired, RoleRequired, PeriodInvalid, or RecordNotFound for a statement, flag or
    step that is not the own agency's.
    """
    person = require_role(caller, WITHHOLDING)
    _at_most_six_months(new.until, now)
    own = new.subject_kind == "read_log" or await queries.own_record(
        session, new.subject_kind, new.subject_id
    )
    if not own:
        raise errors.RecordNotFound
    withholding_id = new_id()
    context = _context(withholding_id, caller.agency_id)
    await session.execute(
        insert(Withholding)
        .values(
            id=withholding_id,
            agency_id=caller.agency_id,
            subject_kind=new.subject_kind,
            subject_id=new.subject_id,
            partner_id=new.partner_id,
            until=new.until,
            sealed_reason=await keyring.seal(
                session, agency_scope(caller.agency_id), context, new.reason.encode()
            ),
            set_by=person.id,
        )
        .inline()
    )
    found = await read(session, keyring, caller, withholding_id)
    await _record(session, caller, Event.WITHHOLDING_SET, found)
    return found


async def renew(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    withholding_id: UUID,
    until: datetime,
    now: datetime,
) -> dict[str, Any]:
    """A second person gives it a further period, from now.

    Raises PersonRequired, RoleRequired, PeriodInvalid, WithholdingNotFound, WithholdingEnded or
    SecondPersonRequired.
    """
    person = require_role(caller, WITHHOLDING)
    _at_most_six_months(until, now)
    found = await _in_force(session, withholding_id)
    if found.set_by == person.id:
        raise errors.SecondPersonRequired
    await _change(
        session, withholding_id, {"since": func.now(), "until": until, "renewed_by": person.id}
    )
    renewed = await read(session, keyring, caller, withholding_id)
    await _record(session, caller, Event.WITHHOLDING_RENEWED, renewed)
    return renewed


async def end(
    session: AsyncSession, keyring: KeyRing, caller: Caller, withholding_id: UUID
) -> None:
    """End it early.

    Raises PersonRequired, RoleRequired, WithholdingNotFound or WithholdingEnded.
    """
    person = require_role(caller, WITHHOLDING)
    await _in_force(session, withholding_id)
    await _change(session, withholding_id, {"ended_by": person.id, "ended_at": func.now()})
    ended = await read(session, keyring, caller, withholding_id)
    await _record(session, caller, Event.WITHHOLDING_ENDED, ended)


async def _in_force(session: AsyncSession, withholding_id: UUID) -> Any:
    row = await queries.find_withholding(session, withholding_id)
    if row is None:
        raise errors.WithholdingNotFound
    if not row.in_force:
        raise errors.WithholdingEnded
    return row


async def _change(session: AsyncSession, withholding_id: UUID, values: dict[str, Any]) -> None:
    changed = await session.execute(
        update(Withholding)
        .where(Withholding.id == withholding_id, Withholding.ended_at.is_(None))
        .values(version=Withholding.version + 1, **values)
        .execution_options(synchronize_session=False)
        .returning(Withholding.id)
    )
    if changed.scalar_one_or_none() is None:
        raise errors.WithholdingEnded


async def _record(
    session: AsyncSession, caller: Caller, event: Event, found: dict[str, Any]
) -> None:
    # For an investigation: so the event is held, and the own ordinary roles do not read in the
    # log what is being looked into.
    subject = audit.Subject(found["subject_id"], None, found["partner_id"])
    await audit.record(
        session,
        caller,
        event,
        subject,
        purpose=AccessPurpose.INVESTIGATION,
        withholding=str(found["id"]),
        kind=found["subject_kind"],
    )


async def read(
    session: AsyncSession, keyring: KeyRing, caller: Caller, withholding_id: UUID
) -> dict[str, Any]:
    """An own withholding. Raises PersonRequired, RoleRequired or WithholdingNotFound."""
    require_role(caller, WITHHOLDING)
    row = await queries.find_withholding(session, withholding_id)
    if row is None:
        raise errors.WithholdingNotFound
    return await wire(session, keyring, row)


async def list_withholdings(
    session: AsyncSession, caller: Caller, filters: WithholdingFilter, after: UUID | None
) -> Sequence[Any]:
    """One row more than a page of own withholdings, newest first. Raises as `read`."""
    require_role(caller, WITHHOLDING)
    wanted = None if filters.in_force is None else filters.in_force == "true"
    return await queries.list_withholdings(session, wanted, after, filters.limit + 1)


async def wire(session: AsyncSession, keyring: KeyRing, row: Any) -> dict[str, Any]:
    """A row of the queries as WithholdingOut needs it."""
    context = _context(row.id, row.agency_id)
    reason = (await keyring.open(session, context, row.sealed_reason)).decode()
    hidden = ("agency_id", "sealed_reason")
    facts = {name: value for name, value in row._mapping.items() if name not in hidden}
    return facts | {"reason": reason}
