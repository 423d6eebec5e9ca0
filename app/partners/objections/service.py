"""Objections: raised by the partner or on its behalf, answered by the statement's owner.

Generic over statements: the SQL function ``statement_of`` knows whose each is. Works inside the
caller's transaction and never commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.errors import PurposeRequired
from app.audit.events import Event
from app.audit.exceptions.queries import withheld
from app.audit.purposes import OWN_RECORD, parse_purpose
from app.auth import policy
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope
from app.core.db import touched
from app.core.errors import violated_constraint
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.errors import PartnerNotFound
from app.partners.flags import service as flags
from app.partners.objections import queries
from app.partners.objections.errors import (
    EvidenceRequired,
    ObjectionAnswered,
    ObjectionNotFound,
    ObjectionOpen,
    OutsideOfficeRequired,
    StatementNotFound,
)
from app.partners.objections.models import Objection
from app.partners.objections.periods import PERIODS
from app.partners.objections.schemas import AnswerIn, ObjectionFilter, ObjectionIn
from app.partners.service import visible_partner

_HIDDEN = {"owner_id", "raiser_id", "evidence", "sealed_reason", "sealed_answer", "country"}


def _context(objection_id: UUID, field: str, owner: UUID) -> str:
    return f"objections|{objection_id}|{field}|{owner}"


async def raise_objection(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    partner_id: UUID,
    new: ObjectionIn,
    now: datetime,
) -> dict[str, Any]:
    """Object to a statement about a partner, as that partner or, with documents, on its behalf.

    Raises PartnerNotFound, StatementNotFound, EvidenceRequired or ObjectionOpen.
    """
    agency = caller.agency_id if caller.subject == "agency" else None
    if agency is not None:
        await visible_partner(session, caller, partner_id)
        if not new.evidence:
            raise EvidenceRequired
    statement = await queries.find_statement(session, new.subject_kind, new.subject_id, partner_id)
    # What oversight keeps back from a partner does not show in what it may object to.
    if statement is None or (agency is None and await withheld(session, new.subject_id)):
        raise StatementNotFound
    objection_id, owner = new_secret_id(), statement.owner_agency
    sealed = await keyring.seal(
        session, agency_scope(owner), _context(objection_id, "reason", owner), new.reason.encode()
    )
    try:
        await session.execute(
            insert(Objection)
            .values(
                id=objection_id,
                partner_id=partner_id,
                subject_kind=new.subject_kind,
                subject_id=new.subject_id,
                owner_agency=owner,
                author_office=statement.office,
                raised_by_agency=agency,
                raised_by_client=caller.client_id,
                evidence=new.evidence,
                sealed_reason=sealed,
                due_on=now.date() + timedelta(days=PERIODS.answer_days),
            )
            .inline()
        )
    except IntegrityError as error:
        if violated_constraint(error) == "uq_objections_open":
            raise ObjectionOpen from error
        raise
    subject = audit.Subject(objection_id, owner, partner_id)
    about = {"subject_kind": new.subject_kind, "statement": str(new.subject_id)}
    basis = "self" if agency is None else "on_behalf"
    await audit.record(session, caller, Event.OBJECTION_RAISED, subject, basis=basis, **about)
    await _publish(session, EventType.OBJECTION_RAISED, objection_id, owner, partner_id, about)
    return await _shown(session, objection_id)


async def _publish(
    session: AsyncSession,
    kind: EventType,
    objection_id: UUID,
    owner: UUID,
    partner_id: UUID,
    about: dict[str, Any],
) -> None:
    data = {"partner_id": str(partner_id), **about}
    await events.publish(session, kind, objection_id, owner, **data)


async def _shown(session: AsyncSession, objection_id: UUID) -> dict[str, Any]:
    row = await queries.read_objection(session, objection_id)
    if row is None:
        raise ObjectionNotFound
    return wire(row)


def wire(row: Any) -> dict[str, Any]:
    """A row of the queries as ObjectionOut needs it."""
    return {name: value for name, value in row._mapping.items() if name not in _HIDDEN}


async def with_texts(session: AsyncSession, keyring: KeyRing, row: Any) -> dict[str, Any]:
    """A row of the queries as ObjectionTextOut needs it."""
    texts: dict[str, str | None] = {"answer": None}
    for field, sealed in (("reason", row.sealed_reason), ("answer", row.sealed_answer)):
        if sealed is not None:
            context = _context(row.id, field, row.owner_id)
            texts[field] = (await keyring.open(session, context, sealed)).decode()
    return wire(row) | texts | {"evidence": row.evidence}


async def list_objections(
    session: AsyncSession,
    caller: Caller,
    partner_id: UUID,
    filters: ObjectionFilter,
    after: tuple[datetime, UUID] | None,
) -> list[Any]:
    """One row more than a page of a partner's objections, newest first. Raises PartnerNotFound."""
    await visible_partner(session, caller, partner_id)
    return list(
        await queries.list_objections(session, partner_id, filters.state, after, filters.limit + 1)
    )


async def read_objection(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    objection_id: UUID,
    purpose_headers: Sequence[str],
) -> dict[str, Any]:
    """An objection with its texts, and the reading in the log of the same transaction.

    Raises ObjectionNotFound, then PurposeRequired.
    """
    row = await queries.read_objection(session, objection_id)
    if row is None:
        raise ObjectionNotFound
    try:
        await visible_partner(session, caller, row.partner_id)
    except PartnerNotFound:
        raise ObjectionNotFound from None
    own = caller.agency_id in (row.owner_id, row.raiser_id)
    stated = parse_purpose(purpose_headers[0]) if len(purpose_headers) == 1 else None
    owner = caller.agency_id if own else row.owner_id
    resource = policy.Resource("CONTEST", owner, country=row.country)
    decision = policy.can(caller, "read", resource, stated.purpose if stated else None)
    policy.require_readable(decision, ObjectionNotFound)
    if own:
        stated = None
    elif stated is None:
        raise PurposeRequired
    await audit.record(
        session,
        caller,
        Event.OBJECTION_READ,
        audit.Subject(row.id, row.owner_id, row.partner_id),
        purpose=OWN_RECORD if own else stated.purpose if stated else None,
        reference=stated.reference if stated else None,
        basis=decision.basis,
        version=row.version,
    )
    return await with_texts(session, keyring, row)


async def answer(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    objection_id: UUID,
    version: int,
    given: AnswerIn,
    now: datetime,
) -> dict[str, Any]:
    """The owner answers, once; an upheld objection to a flag makes it invalid with it.

    Raises PersonRequired, ObjectionNotFound, PreconditionFailed, ObjectionAnswered or
    OutsideOfficeRequired.
    """
    person = caller.require_person()
    row = await queries.lock_own(session, objection_id)
    if row is None:
        raise ObjectionNotFound
    try:
        partner = await visible_partner(session, caller, row.partner_id)
    except PartnerNotFound:
        raise ObjectionNotFound from None
    resource = policy.Resource("CONTEST", row.owner_agency, country=partner.country)
    policy.require_writable(policy.can(caller, "approve", resource), ObjectionNotFound)
    if row.version != version:
        raise PreconditionFailed
    if row.state != "open":
        raise ObjectionAnswered
    if row.overdue and person.office == row.author_office:
        raise OutsideOfficeRequired
    owner = row.owner_agency
    sealed = await keyring.seal(
        session, agency_scope(owner), _context(row.id, "answer", owner), given.answer.encode()
    )
    await session.execute(
        update(Objection)
        .where(Objection.id == row.id, Objection.version == version)
        .values(
            state=given.decision,
            sealed_answer=sealed,
            answered_by=person.id,
            answered_at=now,
            version=version + 1,
        )
        .execution_options(synchronize_session=False)
    )
    if given.decision == "upheld" and row.subject_kind == "flag":
        await flags.invalidate_contested(session, keyring, caller, row.subject_id, given.answer)
    about = {"subject_kind": row.subject_kind, "statement": str(row.subject_id)}
    about["decision"] = given.decision
    subject = audit.Subject(row.id, owner, row.partner_id)
    await audit.record(session, caller, Event.OBJECTION_ANSWERED, subject, basis="owner", **about)
    await _publish(session, EventType.OBJECTION_ANSWERED, row.id, owner, row.partner_id, about)
    return await _shown(session, row.id)


async def withdraw(session: AsyncSession, caller: Caller, objection_id: UUID) -> dict[str, Any]:
    """Who raised an open objection takes it back; it stands beside the statement no more.

    Raises ObjectionNotFound, also where somebody else raised it, or ObjectionAnswered.
    """
    row = await queries.read_objection(session, objection_id)
    agency = caller.agency_id if caller.subject == "agency" else None
    if row is None or row.raiser_id != agency:
        raise ObjectionNotFound
    if agency is not None:
        try:
            await visible_partner(session, caller, row.partner_id)
        except PartnerNotFound:
            raise ObjectionNotFound from None
    done = await session.execute(
        update(Objection)
        .where(Objection.id == row.id, Objection.state == "open")
        .values(state="withdrawn", version=Objection.version + 1)
        .execution_options(synchronize_session=False)
    )
    if not touched(done):
        raise ObjectionAnswered
    about = {"subject_kind": row.subject_kind, "statement": str(row.subject_id)}
    subject = audit.Subject(row.id, row.owner_id, row.partner_id)
    basis = "self" if agency is None else "on_behalf"
    await audit.record(session, caller, Event.OBJECTION_WITHDRAWN, subject, basis=basis, **about)
    kind = EventType.OBJECTION_WITHDRAWN
    await _publish(session, kind, row.id, row.owner_id, row.partner_id, about)
    return await _shown(session, row.id)


async def own_objections(
    session: AsyncSession,
    caller: Caller,
    filters: ObjectionFilter,
    after: tuple[datetime, UUID] | None,
) -> list[Any]:
    """One row more than a page of the calling partner's objections, newest first."""
    assert caller.partner_id is not None
    limit = filters.limit + 1
    return list(
        await queries.list_objections(session, caller.partner_id, filters.state, after, limit)
    )
