"""HTTP of persons: those of the caller's agency only; no other agency reads a name here."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.agencies.clients.errors import BeyondCaller
from app.agencies.errors import PatchEmpty
from app.agencies.persons import queries, service
from app.agencies.persons.errors import OwnRights, PersonKnown, PersonNotFound, PersonUnfit
from app.agencies.persons.schemas import PersonFilter, PersonIn, PersonOut, PersonPatch
from app.auth.caller import Caller, requires, requires_once
from app.auth.models import Person
from app.auth.scopes import Scope
from app.core.db import Session
from app.core.errors import problems
from app.core.http import (
    PreconditionFailed,
    PreconditionRequired,
    RegistryRoute,
    expected_version,
    version_etag,
)
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page

router = Router(prefix="/persons", tags=["persons"], route_class=RegistryRoute)
Admin = Annotated[Caller, requires(Scope.CLIENTS_ADMIN)]
Maker = Annotated[Caller, requires_once(Scope.CLIENTS_ADMIN)]


@router.post(
    "",
    status_code=201,
    operation_id="createPerson",
    response_model=PersonOut,
    responses=problems(PersonKnown, PersonUnfit, BeyondCaller),
    summary="Record a person",
)
async def create_person(
    new: PersonIn, caller: Maker, session: Session, response: Response
) -> Person:
    """A natural person of your agency, for whom clients may be made that decide."""
    person = await service.create_person(session, caller, new)
    response.headers["Location"] = f"/v1/persons/{person.id}"
    response.headers["ETag"] = version_etag(person.version)
    return person


@router.get(
    "",
    operation_id="listPersons",
    response_model=Page[PersonOut],
    responses=problems(CursorInvalid),
    summary="List persons",
)
async def list_persons(
    request: Request,
    response: Response,
    caller: Admin,
    session: Session,
    filters: Annotated[PersonFilter, Query()],
) -> dict[str, Any]:
    """Persons of your agency, newest first."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await queries.list_persons(
        session, caller.agency_id, filters.status, after, filters.limit + 1
    )
    items, following = pager.page(list(rows), lambda row: [str(row.id)], response)
    return {"items": items, "next_cursor": following}


@router.get(
    "/{person_id}",
    operation_id="getPerson",
    response_model=PersonOut,
    responses=problems(PersonNotFound),
    summary="Read a person",
)
async def get_person(
    person_id: UUID, caller: Admin, session: Session, response: Response
) -> Person:
    """One person of your agency."""
    person = await service.get_person(session, caller, person_id)
    response.headers["ETag"] = version_etag(person.version)
    return person


@router.patch(
    "/{person_id}",
    operation_id="changePerson",
    response_model=PersonOut,
    responses=problems(
        PersonNotFound,
        PersonKnown,
        PersonUnfit,
        BeyondCaller,
        OwnRights,
        PatchEmpty,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Change a person",
)
async def change_person(
    person_id: UUID,
    patch: PersonPatch,
    version: Annotated[int, Depends(expected_version)],
    caller: Admin,
    session: Session,
    response: Response,
) -> Person:
    """JSON Merge Patch; `status` inactive stops the person's clients on their next request."""
    person = await service.change_person(session, caller, person_id, version, patch)
    response.headers["ETag"] = version_etag(person.version)
    return person
