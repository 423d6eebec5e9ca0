"""One move of a flag: the row, its step, its restraint, the log and the event, all or nothing.

The database allows no other moves (trigger ``partner_flags_step``), and holds a red flag and its
restraint together (``partner_flags_hold``); its refusals become errors by `explained`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.audit.exceptions.errors import RoleRequired, SecondPersonRequired
from app.audit.exceptions.roles import require_role
from app.auth import policy
from app.auth.caller import Caller, Person
from app.auth.errors import ScopeMissing
from app.auth.scopes import Scope
from app.core.clock import add_months
from app.core.crypto import KeyRing
from app.core.errors import ServiceError, violated_constraint
from app.core.ids import new_secret_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.flags import queries, texts
from app.partners.flags.codes import CODES
from app.partners.flags.errors import (
    AlreadyEscalated,
    AlreadyRenewed,
    FlagNotFound,
    FlagStateUnfit,
    OfficeRequired,
)
from app.partners.flags.models import PartnerFlag, PartnerFlagStep
from app.partners.public_authority import GovernmentEntity
from app.partners.restraints import Source
from app.partners.service import visible_partner

HEADQUARTERS = "IPU"
"""Role of the unit that sets red flags: the implementing-partner unit at headquarters."""
_REFUSALS: dict[str, type[ServiceError]] = {
    "flag_red_not_on_state": GovernmentEntity,
    "flag_by_headquarters": RoleRequired,
    "flag_escalated": OfficeRequired,
    "flag_escalated_once": AlreadyEscalated,
    "flag_renewed_once": AlreadyRenewed,
    "flag_closed": FlagStateUnfit,
    "flag_state": FlagStateUnfit,
    "ck_partner_flags_state": FlagStateUnfit,
    "ck_partner_flags_two_persons": SecondPersonRequired,
    "ck_partner_flags_renewed_by_another": SecondPersonRequired,
}


@asynccontextmanager
async def explained() -> AsyncIterator[None]:
    """Turn what the database refuses into the error that says why."""
    try:
        yield
    except IntegrityError as error:
        found = _REFUSALS.get(violated_constraint(error) or "")
        if found is None:
            raise
        raise found from error


def source(flag_id: UUID) -> Source:
    """What the restraint of a red flag comes from."""
    return Source("flag", flag_id)


def red_until(now: datetime) -> datetime:
    """When a red flag that is set or renewed now ends."""
    return datetime.combine(add_months(now.date(), CODES.periods.red_months), now.timetz())


def headquarters(caller: Caller) -> Person:
    """The calling person, of the headquarters unit. Raises ScopeMissing or RoleRequired."""
    if Scope.FLAGS_DECIDE not in caller.scopes:
        raise ScopeMissing(Scope.FLAGS_DECIDE)
    return require_role(caller, frozenset({HEADQUARTERS}))


async def own_flag(session: AsyncSession, caller: Caller, partner_id: UUID, flag_id: UUID) -> Any:
    """A flag of the own agency that the caller may act on, locked.

    Raises PartnerNotFound or FlagNotFound.
    """
    partner = await visible_partner(session, caller, partner_id)
    row = await queries.lock_own(session, flag_id)
    if row is None or not await queries.bears(session, partner_id, row.partner_id):
        raise FlagNotFound
    resource = policy.Resource("FLAG_TEXT", row.owner_agency, country=partner.country)
    policy.require_writable(policy.can(caller, "create", resource), FlagNotFound)
    return row


async def move(session: AsyncSession, row: Any, **values: Any) -> None:
    """Write the next version of a locked flag."""
    async with explained():
        await session.execute(
            update(PartnerFlag)
            .where(PartnerFlag.id == row.id, PartnerFlag.version == row.version)
            .values(**values, version=row.version + 1)
            .execution_options(synchronize_session=False)
        )


async def note_step(
    session: AsyncSession,
    keyring: KeyRing | None,
    flag: Any,
    action: str,
    person: Person | None,
    comment: str | None = None,
) -> None:
    """Add a step to the flag's history."""
    step_id, sealed = new_secret_id(), None
    if comment is not None and keyring is not None:
        sealed = await texts.seal_comment(session, keyring, step_id, flag.owner_agency, comment)
    await session.execute(
        insert(PartnerFlagStep)
        .values(
            id=step_id,
            flag_id=flag.id,
            owner_agency=flag.owner_agency,
            action=action,
            person_id=person.id if person else None,
            office=person.office if person else None,
            sealed_comment=sealed,
        )
        .inline()
    )


async def tell(
    session: AsyncSession,
    caller: Caller | None,
    event: Event,
    flag: Any,
    kind: str,
    state: str,
    **about: Any,
) -> None:
    """Write it to the log, and to the outbox for all that work with the partner."""
    subject = audit.Subject(flag.id, flag.owner_agency, flag.partner_id)
    basis = "owner" if caller else "period_over"
    await audit.record(session, caller, event, subject, basis=basis, state=state, **about)
    await events.publish(
        session,
        EventType.PARTNER_FLAGGED if event is Event.FLAG_MADE else EventType.FLAG_CHANGED,
        flag.id,
        flag.owner_agency,
        partner_id=str(flag.partner_id),
        flag_kind=kind,
        state=state,
        related=[str(one) for one in await queries.related(session, flag.partner_id)],
    )
