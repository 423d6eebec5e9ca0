"""Use cases of pending statements: their author agency confirms or rejects what was loaded.

Row security shows them to that agency alone; until it confirms, nobody else learns of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.audit.purposes import OWN_RECORD
from app.auth.caller import Caller
from app.core.crypto import KeyRing
from app.core.http import PreconditionFailed
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.flags import service as flags
from app.partners.pending.errors import PendingDecided, PendingNotFound
from app.partners.pending.models import PendingStatement
from app.partners.pending.schemas import PendingDecisionIn, PendingFilter
from app.partners.service import visible_partner

_SHOWN = (
    *("id", "version", "partner_id", "source", "kind", "category", "said_on", "state"),
    *("loaded_at", "decided_at", "flag_id"),
)


def context(statement_id: UUID, owner: UUID) -> str:
    """Encryption context of a statement's text."""
    return f"pending_statements|{statement_id}|{owner}"


def wire(row: PendingStatement) -> dict[str, Any]:
    """A statement as PendingOut shows it."""
    return {name: getattr(row, name) for name in _SHOWN}


async def page(
    session: AsyncSession,
    caller: Caller,
    filters: PendingFilter,
    after: tuple[datetime, UUID] | None,
) -> list[PendingStatement]:
    """Own statements, newest first; one more than asked."""
    row = PendingStatement
    query = select(row).where(row.owner_agency == caller.agency_id)
    if filters.state is not None:
        query = query.where(row.state == filters.state)
    if after is not None:
        at, last = after
        query = query.where((row.loaded_at < at) | ((row.loaded_at == at) & (row.id < last)))
    query = query.order_by(row.loaded_at.desc(), row.id.desc()).limit(filters.limit + 1)
    return list(await session.scalars(query))


async def _find(session: AsyncSession, caller: Caller, statement_id: UUID) -> PendingStatement:
    query = select(PendingStatement).where(
        PendingStatement.id == statement_id, PendingStatement.owner_agency == caller.agency_id
    )
    found = await session.scalar(query.execution_options(populate_existing=True))
    if found is None:
        raise PendingNotFound
    await visible_partner(session, caller, found.partner_id)
    return found


async def read(
    session: AsyncSession, keyring: KeyRing, caller: Caller, statement_id: UUID
) -> dict[str, Any]:
    """An own statement with its text; the reading is in the log. Raises PendingNotFound, or
    PartnerNotFound where the caller may not know of the partner.
    """
    row = await _find(session, caller, statement_id)
    subject = audit.Subject(row.id, row.owner_agency, row.partner_id)
    await audit.record(
        session, caller, Event.PENDING_STATEMENT_READ, subject, purpose=OWN_RECORD, basis="owner"
    )
    if row.erased_at is not None:
        return wire(row) | {"text": None}
    opened = await keyring.open(session, context(row.id, row.owner_agency), row.sealed)
    return wire(row) | {"text": opened.decode()}


async def decide(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    statement_id: UUID,
    version: int,
    decision: PendingDecisionIn,
    now: datetime,
) -> dict[str, Any]:
    """Confirm, which makes a flag of the agency's own, or reject.

    Raises PendingNotFound, PartnerNotFound, PersonRequired, PreconditionFailed, PendingDecided,
    or what `flags.service.make` raises; then nothing is stored.
    """
    row = await _find(session, caller, statement_id)
    person = caller.require_person()
    if row.version != version:
        raise PreconditionFailed
    if row.state != "pending":
        raise PendingDecided
    flag_id = None
    if decision.flag is not None:
        made = await flags.make(session, keyring, caller, row.partner_id, decision.flag, now)
        flag_id = made["id"]
    done = await session.execute(
        update(PendingStatement)
        .where(
            PendingStatement.id == row.id,
            PendingStatement.version == version,
            PendingStatement.state == "pending",
        )
        .values(
            state="confirmed" if flag_id else "rejected",
            version=version + 1,
            decided_by=person.id,
            decided_at=func.now(),
            flag_id=flag_id,
        )
        .execution_options(synchronize_session=False)
        .returning(PendingStatement.id)
    )
    if done.first() is None:
        raise PreconditionFailed
    about: dict[str, Any] = {"decision": decision.decision}
    if flag_id:
        about["flag"] = str(flag_id)
    subject = audit.Subject(row.id, row.owner_agency, row.partner_id)
    await audit.record(session, caller, Event.PENDING_STATEMENT_DECIDED, subject, **about)
    await events.publish(
        session, EventType.PENDING_STATEMENT_DECIDED, row.id, caller.agency_id, **about
    )
    return wire(await _find(session, caller, statement_id))
