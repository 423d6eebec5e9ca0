"""HTTP of agencies: profiles and focal points."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Query, Request, Response

from app.agencies import queries, service
from app.agencies.errors import (
    AgencyNotFound,
    FocalPointNotFound,
    LastFocalPoint,
    OfficeUnknown,
    PatchEmpty,
)
from app.agencies.models import FocalPoint
from app.agencies.schemas import (
    AgencyFilter,
    AgencyOut,
    FocalPointIn,
    FocalPointOut,
    FocalPointPatch,
    ProfilePatch,
)
from app.auth.caller import Caller, requires, requires_once
from app.auth.errors import PersonRequired
from app.auth.scopes import Scope
from app.core.clock import Now
from app.core.db import Session
from app.core.errors import InvalidRequest, problems
from app.core.http import (
    PreconditionFailed,
    PreconditionRequired,
    RegistryRoute,
    expected_version,
    not_modified,
    version_etag,
)
from app.core.paging import LIMIT_DEFAULT, CursorInvalid, CursorText, Limit, Pager
from app.core.routing import Router
from app.core.schemas import Page

router = Router(prefix="/agencies", tags=["agencies"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.AGENCIES_READ)]
Admin = Annotated[Caller, requires(Scope.AGENCIES_ADMIN)]
Maker = Annotated[Caller, requires_once(Scope.AGENCIES_ADMIN)]
Version = Annotated[int, Depends(expected_version)]
AgencyCode = Annotated[str, Path(pattern=r"^[A-Z][A-Z0-9_]{1,15}$", examples=["UNICEF"])]
_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "Not modified"}}
CHANGING = (AgencyNotFound, PersonRequired, PatchEmpty, InvalidRequest)
"""What a change of the own agency may be refused for, whatever is changed."""


@router.get(
    "",
    operation_id="listAgencies",
    response_model=Page[AgencyOut],
    responses=problems(CursorInvalid),
    summary="List agencies",
)
async def list_agencies(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    filters: Annotated[AgencyFilter, Query()],
) -> dict[str, object]:
    """Agencies that take part, are suspended or have withdrawn, by code; applicants are not."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = pager.after[0] if pager.after else None
    rows = await queries.list_profiles(session, filters.status, after, filters.limit + 1)
    items, following = pager.page(list(rows), lambda row: [row.code], response)
    return {"items": items, "next_cursor": following}


@router.get(
    "/{code}",
    operation_id="getAgency",
    response_model=AgencyOut,
    responses=problems(AgencyNotFound) | _NOT_MODIFIED,
    summary="Read an agency",
)
async def get_agency(
    request: Request, code: AgencyCode, caller: Reader, session: Session, response: Response
) -> Any:
    """The public profile of one agency; its ETag is its version."""
    agency = await service.get_agency(session, code)
    etag = version_etag(agency.version)
    response.headers["ETag"] = etag
    return not_modified(request, etag) or agency


@router.patch(
    "/{code}",
    operation_id="changeAgency",
    response_model=AgencyOut,
    responses=problems(*CHANGING, PreconditionRequired, PreconditionFailed),
    summary="Change the own profile",
)
async def change_agency(
    code: AgencyCode,
    patch: ProfilePatch,
    caller: Admin,
    version: Version,
    session: Session,
    now: Now,
    response: Response,
) -> Any:
    """JSON Merge Patch by a named person of the agency; for any other agency a 404."""
    agency = await service.change_profile(session, caller, code, version, patch, now.date())
    response.headers["ETag"] = version_etag(agency.version)
    return agency


@router.get(
    "/{code}/focal-points",
    operation_id="listFocalPoints",
    response_model=Page[FocalPointOut],
    responses=problems(AgencyNotFound, CursorInvalid),
    summary="List focal points",
)
async def list_focal_points(
    request: Request,
    response: Response,
    code: AgencyCode,
    caller: Reader,
    session: Session,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText | None = None,
) -> dict[str, object]:
    """Whom to write to at an agency, by subject and country."""
    agency = await service.get_agency(session, code)
    pager = Pager(request, caller.agency_id, limit, cursor)
    after = pager.after[0] if pager.after else None
    rows = await queries.focal_points(session, agency.id, after, limit + 1)
    items, following = pager.page(list(rows), lambda row: [str(row.id)], response)
    return {"items": items, "next_cursor": following}


@router.post(
    "/{code}/focal-points",
    status_code=201,
    operation_id="createFocalPoint",
    response_model=FocalPointOut,
    responses=problems(*CHANGING, OfficeUnknown),
    summary="Name a focal point",
)
async def create_focal_point(
    code: AgencyCode, new: FocalPointIn, caller: Maker, session: Session, response: Response
) -> FocalPoint:
    """A functional mailbox of the own agency for a subject; by a named person of the agency."""
    row = await service.add_focal_point(session, caller, code, new)
    response.headers["Location"] = f"/v1/agencies/{code}/focal-points/{row.id}"
    response.headers["ETag"] = version_etag(row.version)
    return row


@router.patch(
    "/{code}/focal-points/{focal_point_id}",
    operation_id="changeFocalPoint",
    response_model=FocalPointOut,
    responses=problems(
        *CHANGING,
        FocalPointNotFound,
        OfficeUnknown,
        LastFocalPoint,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Change a focal point",
)
async def change_focal_point(
    code: AgencyCode,
    focal_point_id: UUID,
    patch: FocalPointPatch,
    caller: Admin,
    version: Version,
    session: Session,
    response: Response,
) -> FocalPoint:
    """JSON Merge Patch; a subject that an agency must have keeps a focal point."""
    row = await service.change_focal_point(session, caller, code, focal_point_id, version, patch)
    response.headers["ETag"] = version_etag(row.version)
    return row


@router.delete(
    "/{code}/focal-points/{focal_point_id}",
    status_code=204,
    operation_id="removeFocalPoint",
    responses=problems(AgencyNotFound, PersonRequired, FocalPointNotFound, LastFocalPoint),
    summary="Remove a focal point",
)
async def remove_focal_point(
    code: AgencyCode, focal_point_id: UUID, caller: Admin, session: Session
) -> None:
    """Refused for the last one of a subject that an agency must have."""
    await service.remove_focal_point(session, caller, code, focal_point_id)
