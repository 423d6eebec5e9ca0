"""HTTP of agencies."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from app.agencies import queries, service
from app.agencies.errors import AgencyNotFound
from app.agencies.models import Agency
from app.agencies.schemas import AgencyOut, FocalPointOut
from app.auth.caller import Caller, requires
from app.auth.scopes import Scope
from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute
from app.core.paging import LIMIT_DEFAULT, CursorInvalid, CursorText, Limit, Pager
from app.core.schemas import Page

router = APIRouter(prefix="/agencies", tags=["agencies"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.AGENCIES_READ)]
AgencyCode = Annotated[str, Path(pattern=r"^[A-Z][A-Z0-9_]{1,15}$", examples=["UNICEF"])]


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
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText | None = None,
) -> dict[str, object]:
    """Agencies that take part, by code."""
    pager = Pager(request, caller.agency_id, limit, cursor)
    rows = await queries.list_agencies(session, pager.after[0] if pager.after else None, limit + 1)
    items, following = pager.page(list(rows), lambda row: [row.code], response)
    return {"items": items, "next_cursor": following}


@router.get(
    "/{code}",
    operation_id="getAgency",
    response_model=AgencyOut,
    responses=problems(AgencyNotFound),
    summary="Read an agency",
)
async def get_agency(code: AgencyCode, caller: Reader, session: Session) -> Agency:
    """One agency and its contact office."""
    return await service.get_agency(session, code)


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
