"""HTTP of why assurance plans were sent back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from app.assessments.assurance import returns
from app.assessments.assurance.errors import PlanNotFound
from app.assessments.assurance.schemas import PlanReturnOut
from app.auth.caller import Caller, Keys, requires
from app.auth.scopes import Scope
from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute
from app.core.paging import CursorInvalid, PageQuery, Pager
from app.core.routing import Router
from app.core.schemas import Page

router = Router(tags=["assurance"], route_class=RegistryRoute)
DetailReader = Annotated[Caller, requires(Scope.ASSESSMENTS_DETAIL)]


def _after(pager: Pager) -> tuple[datetime, UUID] | None:
    if pager.after is None:
        return None
    return datetime.fromisoformat(pager.after[0]), UUID(pager.after[1])


@router.get(
    "/assurance-plans/{plan_id}/returns",
    operation_id="listAssurancePlanReturns",
    response_model=Page[PlanReturnOut],
    responses=problems(PlanNotFound, CursorInvalid),
    summary="List why a plan was sent back",
)
async def list_returns(
    request: Request,
    response: Response,
    plan_id: UUID,
    caller: DetailReader,
    session: Session,
    keyring: Keys,
    query: Annotated[PageQuery, Query()],
) -> dict[str, Any]:
    """For the plan's agency alone, newest first, of every revision."""
    pager = Pager(request, caller.agency_id, query.limit, query.cursor)
    rows = await returns.list_returns(session, caller, plan_id, _after(pager), query.limit)
    items, following = pager.page(
        list(rows), lambda row: [row.returned_at.isoformat(), str(row.id)], response
    )
    shown = [await returns.opened(session, keyring, row) for row in items]
    return {"items": shown, "next_cursor": following}
