"""Use cases of persons. Works inside the caller's transaction; every act leaves an event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.agencies.clients.limits import refuse_excess
from app.agencies.clients.queries import find_issuer, find_office
from app.agencies.errors import PatchEmpty
from app.agencies.persons import queries
from app.agencies.persons.errors import OwnRights, PersonKnown, PersonNotFound, PersonUnfit
from app.agencies.persons.schemas import PersonIn, PersonPatch
from app.audit import service as audit
from app.audit.events import Event
from app.auth import clients as auth
from app.auth.caller import OVERSIGHT, Caller
from app.auth.models import Person
from app.core.errors import FieldError, violated_constraint
from app.core.http import PreconditionFailed

_KNOWN = frozenset({"uq_persons_agency_id_staff_id", "uq_persons_issuer_id_subject"})


@contextmanager
def explained() -> Iterator[None]:
    """Turn the refusals of `app.auth.clients` and of the database into answers."""
    try:
        yield
    except auth.ClientProblem as problem:
        raise _unfit(problem.field, problem.code, str(problem)) from None
    except IntegrityError as error:
        if violated_constraint(error) not in _KNOWN:
            raise
        raise PersonKnown from error


def _unfit(field: str, code: str, words: str) -> PersonUnfit:
    return PersonUnfit(errors=[FieldError(pointer=f"/{field}", code=code, message=words)])


def _refuse_oversight(caller: Caller, *roles: Iterable[str]) -> None:
    """Oversight sees what is held back from others: only oversight makes and changes it."""
    given = any(OVERSIGHT in codes for codes in roles)
    refuse_excess(["roles"] if given and not caller.oversight else [])


_RIGHTS = frozenset({"roles", "staff_id", "issuer_id", "subject"})
"""What decides who a person is and what they may do."""


async def _office_name(session: AsyncSession, caller: Caller, office_id: UUID) -> str:
    office = await find_office(session, caller.agency_id, office_id)
    if office is None:
        raise _unfit("office_id", "unknown", "The agency has no such active office.")
    return office.name


async def _check_issuer(
    session: AsyncSession, caller: Caller, issuer_id: UUID | None, subject: str | None
) -> None:
    if (issuer_id is None) != (subject is None):
        raise _unfit("subject", "subject", "An issuer goes with a subject, and a subject with one.")
    if issuer_id and await find_issuer(session, caller.agency_id, issuer_id) is None:
        raise _unfit("issuer_id", "unknown", "The agency has no such approved issuer.")


async def create_person(session: AsyncSession, caller: Caller, new: PersonIn) -> Person:
    """Record a person of the caller's agency. Raises PersonKnown, PersonUnfit or BeyondCaller."""
    if (new.office is None) == (new.office_id is None):
        raise _unfit("office", "office", "Give either an office or an office_id.")
    _refuse_oversight(caller, new.roles)
    await _check_issuer(session, caller, new.issuer_id, new.subject)
    office = new.office or ""
    if new.office_id is not None:
        office = await _office_name(session, caller, new.office_id)
    with explained():
        return await register(
            session,
            caller,
            new.name,
            office,
            new.role,
            roles=new.roles,
            office_id=new.office_id,
            staff_id=new.staff_id,
            issuer_id=new.issuer_id,
            subject=new.subject,
        )


async def register(
    session: AsyncSession, caller: Caller, name: str, office: str, role: str, **more: Any
) -> Person:
    """Record a person of ``caller``'s agency, and the event. Raises auth.ClientProblem."""
    person = await auth.add_person(session, caller.agency_id, name, office, role, **more)
    await audit.record(session, caller, Event.PERSON_CREATED, _subject(person), roles=person.roles)
    return person


def _subject(person: Person) -> audit.Subject:
    return audit.Subject(person.id, owner_agency=person.agency_id)


async def get_person(session: AsyncSession, caller: Caller, person_id: UUID) -> Person:
    """The person of the caller's agency. Raises PersonNotFound."""
    person = await queries.find_person(session, caller.agency_id, person_id)
    if person is None:
        raise PersonNotFound
    return person


async def change_person(
    session: AsyncSession, caller: Caller, person_id: UUID, version: int, patch: PersonPatch
) -> Person:
    """Apply a merge patch to version ``version``.

    Who is not of oversight may only stop a person who is; nobody changes the own rights. Raises
    PersonNotFound, PreconditionFailed, PatchEmpty, OwnRights, PersonKnown, PersonUnfit or
    BeyondCaller.
    """
    person = await queries.find_person(session, caller.agency_id, person_id, lock=True)
    if person is None:
        raise PersonNotFound
    if person.version != version:
        raise PreconditionFailed
    fields = patch.model_dump(exclude_unset=True)
    if not fields:
        raise PatchEmpty
    if caller.require_person().id == person.id and fields.keys() & _RIGHTS:
        raise OwnRights
    if fields != {"status": "inactive"}:
        _refuse_oversight(caller, person.roles, fields.get("roles", ()))
    await _check_change(session, caller, person, fields)
    await apply(session, caller, person, fields)
    return person


async def _check_change(
    session: AsyncSession, caller: Caller, person: Person, fields: dict[str, Any]
) -> None:
    if fields.get("office_id") is not None:
        if "office" in fields:
            raise _unfit("office", "office", "Give either an office or an office_id.")
        fields["office"] = await _office_name(session, caller, fields["office_id"])
    elif "office" in fields:
        fields["office_id"] = None  # an office by name is none of the tree
    if fields.keys() & {"issuer_id", "subject"}:
        issuer_id = fields.get("issuer_id", person.issuer_id)
        await _check_issuer(session, caller, issuer_id, fields.get("subject", person.subject))
    if "roles" in fields:
        fields["roles"] = sorted(set(fields["roles"]))
        with explained():
            auth.check_roles(fields["roles"])


async def apply(
    session: AsyncSession, caller: Caller, person: Person, fields: dict[str, Any]
) -> None:
    """Change a locked person, and the event. Raises PersonKnown."""
    for name, value in fields.items():
        setattr(person, name, value)
    person.version += 1
    with explained():
        await session.flush()
    await audit.record(
        session,
        caller,
        Event.PERSON_CHANGED,
        _subject(person),
        version=person.version,
        fields=sorted(fields),
        roles=person.roles,
        status=person.status,
    )
