"""HTTP of retention runs."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from app.auth.caller import Caller, requires
from app.auth.scopes import Scope
from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.retention import service
from app.partners.retention.schemas import RetentionRunOut, RunFilter

router = Router(tags=["audit"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.AUDIT_READ)]


@router.get(
    "/retention-runs",
    operation_id="listRetentionRuns",
    response_model=Page[RetentionRunOut],
    responses=problems(CursorInvalid),
    summary="List what retention erased",
)
async def list_retention_runs(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    filters: Annotated[RunFilter, Query()],
) -> dict[str, Any]:
    """Runs of the retention job, newest first, with counts of own and of shared records.

    The ids of what was erased are in the log, in the events `retention:batch:erase` of the owner.
    """
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await service.list_runs(session, after, filters.limit)
    items, following = pager.page(rows, lambda row: [str(row["id"])], response)
    return {"items": items, "next_cursor": following}
