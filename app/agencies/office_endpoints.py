"""HTTP of offices."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from app.agencies import offices, queries, service
from app.agencies.endpoints import CHANGING, Admin, AgencyCode, Maker, Reader, Version
from app.agencies.errors import (
    AgencyNotFound,
    HeadOfficeExists,
    OfficeCodeTaken,
    OfficeNotFound,
    OfficesOpenBelow,
    ParentUnfit,
)
from app.agencies.models import Office
from app.agencies.schemas import OfficeFilter, OfficeIn, OfficeOut, OfficePatch
from app.core.db import Session
from app.core.errors import problems
from app.core.http import PreconditionFailed, PreconditionRequired, RegistryRoute, version_etag
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page

router = Router(prefix="/agencies", tags=["agencies"], route_class=RegistryRoute)


@router.get(
    "/{code}/offices",
    operation_id="listOffices",
    response_model=Page[OfficeOut],
    responses=problems(AgencyNotFound, CursorInvalid),
    summary="List offices",
)
async def list_offices(
    request: Request,
    response: Response,
    code: AgencyCode,
    caller: Reader,
    session: Session,
    filters: Annotated[OfficeFilter, Query()],
) -> dict[str, Any]:
    """Offices of an agency by code, closed ones too; `parent_id` makes the tree."""
    agency = await service.get_agency(session, code)
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = pager.after[0] if pager.after else None
    rows = await queries.offices(session, agency.id, filters.active, after, filters.limit + 1)
    items, following = pager.page(list(rows), lambda row: [row.code], response)
    return {"items": items, "next_cursor": following}


@router.post(
    "/{code}/offices",
    status_code=201,
    operation_id="openOffice",
    response_model=OfficeOut,
    responses=problems(*CHANGING, ParentUnfit, OfficeCodeTaken, HeadOfficeExists),
    summary="Open an office",
)
async def open_office(
    code: AgencyCode, new: OfficeIn, caller: Maker, session: Session, response: Response
) -> Office:
    """An office of the own agency, below one of a wider kind; by a named person of the agency."""
    row = await offices.open_office(session, caller, code, new)
    response.headers["Location"] = f"/v1/agencies/{code}/offices/{row.id}"
    response.headers["ETag"] = version_etag(row.version)
    return row


@router.patch(
    "/{code}/offices/{office_id}",
    operation_id="changeOffice",
    response_model=OfficeOut,
    responses=problems(
        *CHANGING,
        OfficeNotFound,
        ParentUnfit,
        HeadOfficeExists,
        OfficesOpenBelow,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Change or close an office",
)
async def change_office(
    code: AgencyCode,
    office_id: UUID,
    patch: OfficePatch,
    caller: Admin,
    version: Version,
    session: Session,
    response: Response,
) -> Office:
    """JSON Merge Patch; `active: false` closes it, when no office below it is open."""
    row = await offices.change_office(session, caller, code, office_id, version, patch)
    response.headers["ETag"] = version_etag(row.version)
    return row
