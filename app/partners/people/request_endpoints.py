"""HTTP of what named persons ask for."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.audit.exceptions.errors import UnderLegalHold
from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.scopes import Scope
from app.core.clock import Now
from app.core.db import Session
from app.core.errors import problems
from app.core.http import (
    PreconditionFailed,
    PreconditionRequired,
    RegistryRoute,
    expected_version,
    version_etag,
)
from app.core.paging import CursorInvalid, PageQuery, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.errors import PartnerNotFound
from app.partners.people import errors, requests
from app.partners.people.endpoints import page_after, page_key
from app.partners.people.schemas import (
    PersonDecisionIn,
    PersonRequestDetail,
    PersonRequestIn,
    PersonRequestOut,
    RequestFilter,
)

_PATH = "/partners/{partner_id}/people/{person_id}/requests"
router = Router(tags=["people"], route_class=RegistryRoute)
Handler = Annotated[Caller, requires(Scope.PEOPLE_WRITE, Scope.OBJECTIONS_ANSWER)]
Filer = Annotated[Caller, requires_once(Scope.PEOPLE_WRITE, Scope.OBJECTIONS_ANSWER)]
Decider = Annotated[Caller, requires_once(Scope.OBJECTIONS_ANSWER)]


@router.post(
    _PATH,
    status_code=201,
    operation_id="filePersonRequest",
    response_model=PersonRequestOut,
    responses=problems(
        PartnerNotFound, errors.PersonEntryNotFound, errors.PersonErased, errors.ReceivedInFuture
    ),
    summary="File a person's request",
)
async def file_request(
    partner_id: UUID,
    person_id: UUID,
    new: PersonRequestIn,
    caller: Filer,
    session: Session,
    keyring: Keys,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """What a named person asks for: access, correction or erasure. Any agency takes it in.

    The agency that made the entry answers within 30 days; `owner_agency` says which one it is.
    """
    made = await requests.file_request(
        session, keyring, caller, partner_id, person_id, new, now.date()
    )
    place = f"/v1/partners/{partner_id}/people/{person_id}/requests/{made['id']}"
    response.headers["Location"] = place
    response.headers["ETag"] = version_etag(made["version"])
    return made


@router.get(
    _PATH,
    operation_id="listRequestsOfPerson",
    response_model=Page[PersonRequestOut],
    responses=problems(PartnerNotFound, errors.PersonEntryNotFound, CursorInvalid),
    summary="List a person's requests",
)
async def list_requests_of_person(
    request: Request,
    partner_id: UUID,
    person_id: UUID,
    caller: Handler,
    session: Session,
    filters: Annotated[PageQuery, Query()],
    response: Response,
) -> dict[str, Any]:
    """Those that the own agency answers or filed, newest first, without their texts."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    rows = await requests.list_of_person(
        session, caller, partner_id, person_id, page_after(pager), filters.limit
    )
    items, following = pager.page(list(rows), page_key, response)
    return {"items": [requests.wire(row) for row in items], "next_cursor": following}


@router.get(
    _PATH + "/{request_id}",
    operation_id="getPersonRequest",
    response_model=PersonRequestDetail,
    responses=problems(PartnerNotFound, errors.PersonEntryNotFound, errors.PersonRequestNotFound),
    summary="Read a person's request",
)
async def get_request(
    partner_id: UUID,
    person_id: UUID,
    request_id: UUID,
    caller: Handler,
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """With its texts, for the agency that answers and the one that filed it; logged."""
    found = await requests.read_request(session, keyring, caller, partner_id, person_id, request_id)
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.post(
    _PATH + "/{request_id}/decision",
    operation_id="decidePersonRequest",
    response_model=PersonRequestOut,
    responses=problems(
        PartnerNotFound,
        errors.PersonEntryNotFound,
        errors.PersonRequestNotFound,
        errors.PersonRequestDecided,
        errors.ErasureNotPartial,
        errors.PersonErased,
        errors.PersonTied,
        UnderLegalHold,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Answer a person's request",
)
async def decide_request(
    partner_id: UUID,
    person_id: UUID,
    request_id: UUID,
    decision: PersonDecisionIn,
    caller: Decider,
    version: Annotated[int, Depends(expected_version)],
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """By a named person of the answering agency, with reasons. Needs `If-Match`.

    A granted erasure destroys the person's data here and in every kept version, unless a legal
    hold or a sanction ties the entry. What a granted access or correction comes to is done by the
    reading and changing routes.
    """
    decided = await requests.decide(
        session, keyring, caller, (partner_id, person_id, request_id), version, decision
    )
    response.headers["ETag"] = version_etag(decided["version"])
    return decided


@router.get(
    "/person-requests",
    operation_id="listPersonRequests",
    response_model=Page[PersonRequestOut],
    responses=problems(CursorInvalid),
    summary="List requests to answer",
)
async def list_requests(
    request: Request,
    caller: Handler,
    session: Session,
    filters: Annotated[RequestFilter, Query()],
    response: Response,
) -> dict[str, Any]:
    """Requests of named persons that the own agency answers, newest first."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    rows = await requests.list_of_agency(session, caller, filters, page_after(pager))
    items, following = pager.page(list(rows), page_key, response)
    return {"items": [requests.wire(row) for row in items], "next_cursor": following}
