"""HTTP of the watch."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from app.assessments.watching import service
from app.assessments.watching.schemas import UnusualReadingFilter, UnusualReadingOut
from app.auth.caller import Caller, requires
from app.auth.errors import RoleLacksRight
from app.auth.scopes import Scope
from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page

router = Router(prefix="/assessments", tags=["assessments"], route_class=RegistryRoute)
Watcher = Annotated[Caller, requires(Scope.AUDIT_READ)]


@router.get(
    "/unusual-readings",
    operation_id="listUnusualReadings",
    response_model=Page[UnusualReadingOut],
    responses=problems(RoleLacksRight, CursorInvalid),
    summary="List unusual reading of the own assessments",
)
async def list_unusual(
    request: Request,
    response: Response,
    caller: Watcher,
    session: Session,
    filters: Annotated[UnusualReadingFilter, Query()],
) -> dict[str, Any]:
    """What the watch over the log found in how other agencies read the own agency's details, newest
    first; seconds old. Also told by the event `assessment.reading_unusual`."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await service.list_unusual(session, caller, filters, after)
    items, following = pager.page(rows, lambda row: [str(row.id)], response)
    return {"items": items, "next_cursor": following}
