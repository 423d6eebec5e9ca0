"""What named persons ask for: access, correction, erasure. Never commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.audit.exceptions.errors import UnderLegalHold
from app.audit.purposes import OWN_RECORD
from app.auth.caller import Caller
from app.core.crypto import KeyRing, agency_scope
from app.core.errors import violated_constraint
from app.core.http import PreconditionFailed
from app.core.ids import new_secret_id
from app.events import service as events
from app.events.catalogue import EventType
from app.partners.people import errors, queries
from app.partners.people.models import PartnerPerson, PersonRequest
from app.partners.people.rules import RULES
from app.partners.people.schemas import PersonDecisionIn, PersonRequestIn, RequestFilter
from app.partners.people.service import found
from app.partners.service import author, visible_partner


def _context(request_id: UUID, field: str, owner: UUID) -> str:
    return f"partner_people_requests|{request_id}|{field}|{owner}"


async def file_request(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    partner_id: UUID,
    person_id: UUID,
    new: PersonRequestIn,
    today: date,
) -> dict[str, Any]:
    """File what a person asked for; the agency that made the entry answers, else who made the
    profile, else who files it.

    Raises PartnerNotFound, PersonEntryNotFound, PersonErased or ReceivedInFuture.
    """
    partner = await visible_partner(session, caller, partner_id)
    row = await found(session, partner_id, person_id)
    if row.erased_at is not None:
        raise errors.PersonErased
    if new.received_on > today:
        raise errors.ReceivedInFuture
    candidates = (row.adder, partner.created_by, caller.agency_id)
    owner = await queries.answering_agency(session, candidates) or caller.agency_id
    request_id = new_secret_id()
    values = {
        "id": request_id,
        "person_id": row.id,
        "partner_id": row.partner_id,
        "owner_agency": owner,
        "filed_by": author(caller),
        "kind": new.kind.value,
        "through": new.through,
        "received_on": new.received_on,
        "due_on": new.received_on + timedelta(days=RULES["answer_days"]),
        "rules": RULES["version"],
        "sealed_text": await keyring.seal(
            session, agency_scope(owner), _context(request_id, "text", owner), new.text.encode()
        ),
    }
    await session.execute(insert(PersonRequest).values(values).inline())
    made = await _found(session, row.id, request_id)
    await _record(session, caller, Event.PERSON_REQUEST_FILED, made)
    await _publish(session, EventType.PERSON_REQUEST_FILED, made)
    return wire(made)


async def _found(session: AsyncSession, person_id: UUID, request_id: UUID) -> Any:
    row = await queries.find_request(session, person_id, request_id)
    if row is None:
        raise errors.PersonRequestNotFound
    return row


async def _record(
    session: AsyncSession, caller: Caller, event: Event, row: Any, **detail: Any
) -> None:
    subject = audit.Subject(row.id, row.owner_id, row.partner_id)
    about = {"person": str(row.person_id), "kind": row.kind, **detail}
    purpose = OWN_RECORD if event is Event.PERSON_REQUEST_READ else None
    await audit.record(session, caller, event, subject, purpose=purpose, **about)


async def _publish(session: AsyncSession, event: EventType, row: Any, **data: Any) -> None:
    about = {"partner_id": str(row.partner_id), "request_kind": row.kind, "due_on": str(row.due_on)}
    await events.publish(session, event, row.id, row.owner_id, **about, **data)


def wire(row: Any) -> dict[str, Any]:
    """A row of the queries as PersonRequestOut needs it."""
    hidden = ("owner_id", "sealed_text", "sealed_reason")
    return {name: value for name, value in row._mapping.items() if name not in hidden}


async def list_of_person(
    session: AsyncSession,
    caller: Caller,
    partner_id: UUID,
    person_id: UUID,
    after: queries.After,
    limit: int,
) -> Sequence[Any]:
    """One row more than a page of what the caller's agency answers or filed, newest first.

    Raises PartnerNotFound or PersonEntryNotFound.
    """
    await visible_partner(session, caller, partner_id)
    row = await found(session, partner_id, person_id)
    return await queries.requests_of_person(session, row.id, after, limit + 1)


async def list_of_agency(
    session: AsyncSession, caller: Caller, filters: RequestFilter, after: queries.After
) -> Sequence[Any]:
    """One row more than a page of what the caller's agency answers, newest first."""
    return await queries.requests_of_agency(
        session, caller.agency_id, filters.state, filters.overdue, after, filters.limit + 1
    )


async def read_request(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    partner_id: UUID,
    person_id: UUID,
    request_id: UUID,
) -> dict[str, Any]:
    """A request with its texts, for who answers or filed it; the reading is logged.

    Raises PartnerNotFound, PersonEntryNotFound or PersonRequestNotFound.
    """
    await visible_partner(session, caller, partner_id)
    person = await found(session, partner_id, person_id)
    row = await _found(session, person.id, request_id)
    await _record(session, caller, Event.PERSON_REQUEST_READ, row)
    return await _detail(session, keyring, row)


async def _detail(session: AsyncSession, keyring: KeyRing, row: Any) -> dict[str, Any]:
    texts: dict[str, str | None] = {}
    for field, sealed in (("text", row.sealed_text), ("reason", row.sealed_reason)):
        context = _context(row.id, field, row.owner_id)
        opened = None if sealed is None else await keyring.open(session, context, sealed)
        texts[field] = None if opened is None else opened.decode()
    return wire(row) | texts


async def decide(
    session: AsyncSession,
    keyring: KeyRing,
    caller: Caller,
    ids: tuple[UUID, UUID, UUID],
    version: int,
    decision: PersonDecisionIn,
) -> dict[str, Any]:
    """Answer version ``version`` of a request of one's own agency; a granted erasure is done.

    Raises PartnerNotFound, PersonEntryNotFound, PersonRequestNotFound (also for who only filed
    it), PersonRequestDecided, PreconditionFailed, ErasureNotPartial, PersonErased, PersonTied or
    UnderLegalHold.
    """
    officer = caller.require_person()
    partner_id, person_id, request_id = ids
    await visible_partner(session, caller, partner_id)
    person = await found(session, partner_id, person_id)
    row = await _found(session, person.id, request_id)
    if row.owner_id != caller.agency_id:
        raise errors.PersonRequestNotFound
    if row.state != "open":
        raise errors.PersonRequestDecided
    if row.kind == "erasure" and decision.decision == "partly":
        raise errors.ErasureNotPartial
    context = _context(row.id, "reason", row.owner_id)
    sealed = await keyring.seal(
        session, agency_scope(row.owner_id), context, decision.reason.encode()
    )
    done = await session.execute(
        update(PersonRequest)
        .where(PersonRequest.id == row.id, PersonRequest.version == version)
        .values(
            version=version + 1,
            state="decided",
            decision=decision.decision,
            sealed_reason=sealed,
            decided_by=officer.id,
            decided_at=func.now(),
        )
        .returning(PersonRequest.id)
        .execution_options(synchronize_session=False)
    )
    if done.one_or_none() is None:
        raise PreconditionFailed
    if row.kind == "erasure" and decision.decision == "granted":
        await _erase(session, caller, person, row.id)
    decided = await _found(session, person.id, request_id)
    await _record(
        session, caller, Event.PERSON_REQUEST_DECIDED, decided, decision=decision.decision
    )
    await _publish(session, EventType.PERSON_REQUEST_DECIDED, decided, decision=decision.decision)
    return wire(decided)


async def _erase(session: AsyncSession, caller: Caller, person: Any, request_id: UUID) -> None:
    """Destroy the body here and in every kept version. Asked first only to say so politely."""
    if person.sealed is None:
        raise errors.PersonErased
    held, tied = await queries.ties(session, person.id, person.partner_id, RULES["ties"])
    if held:
        raise UnderLegalHold
    if tied:
        raise errors.PersonTied
    try:
        async with session.begin_nested():
            done = await session.execute(
                update(PartnerPerson)
                .where(PartnerPerson.id == person.id, PartnerPerson.version == person.version)
                .values(sealed=None, version=person.version + 1)
                .returning(PartnerPerson.id)
                .execution_options(synchronize_session=False)
            )
            if done.one_or_none() is None:
                raise PreconditionFailed
    except DBAPIError as error:
        name = violated_constraint(error)
        if name == "legal_hold":
            raise UnderLegalHold from error
        if name == "ck_partner_people_tied":
            raise errors.PersonTied from error
        raise
    subject = audit.Subject(person.id, partner_id=person.partner_id)
    await audit.record(session, caller, Event.PERSON_ERASED, subject, request=str(request_id))
    await events.publish(
        session,
        EventType.PARTNER_PEOPLE_CHANGED,
        person.partner_id,
        caller.agency_id,
        person_id=str(person.id),
        version=person.version + 1,
        erased=True,
    )
