"""What a partner is told of who read about it: agency, day and type of assessment."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import Field
from sqlalchemy import text

from app.auth.caller import Caller, requires
from app.auth.scopes import Scope
from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute
from app.core.paging import CursorInvalid, PageQuery, Pager
from app.core.routing import Router
from app.core.schemas import Page, Schema

router = Router(prefix="/self", tags=["self"], route_class=RegistryRoute)
_PAGE = text(
    "SELECT disclosed_on, agency, type FROM partner_disclosures(CAST(:day AS date), "
    "CAST(:agency AS text), CAST(:type AS text), :limit)"
)


class OwnDisclosureOut(Schema):
    """That an agency opened the detail of another's assessment of the own organisation."""

    disclosed_on: date = Field(description="day in UTC")
    agency: str = Field(description="the agency that read", examples=["WFP"])
    type: str = Field(description="type of the assessment", examples=["psea"])


@router.get(
    "/disclosures",
    operation_id="listOwnDisclosures",
    response_model=Page[OwnDisclosureOut],
    responses=problems(CursorInvalid),
    summary="List who opened assessments of the own organisation",
)
async def list_own_disclosures(
    request: Request,
    response: Response,
    caller: Annotated[Caller, requires(Scope.SELF_READ)],
    session: Session,
    filters: Annotated[PageQuery, Query()],
) -> dict[str, Any]:
    """Agencies that read the detail of another agency's assessment of it, by day, newest first;
    without what oversight keeps back for a time."""
    pager = Pager(request, caller.client_id, filters.limit, filters.cursor)
    day, agency, kind = pager.after or (None, None, None)
    values = {
        "day": date.fromisoformat(day) if day else None,
        "agency": agency,
        "type": kind,
        "limit": filters.limit + 1,
    }
    rows = list((await session.execute(_PAGE, values)).all())
    items, following = pager.page(
        rows, lambda row: [row.disclosed_on.isoformat(), row.agency, row.type], response
    )
    return {"items": items, "next_cursor": following}
