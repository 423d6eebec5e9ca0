"""HTTP of the reliance record."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from app.auth.caller import Caller, requires
from app.auth.scopes import Scope
from app.core.clock import rfc3339
from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.recognition.reliance import queries
from app.recognition.reliance.schemas import (
    RecognitionCounts,
    RecognitionFilter,
    RecognitionOut,
    StatisticsFilter,
)

router = Router(prefix="/recognitions", tags=["recognition"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.CLEARANCE_READ)]


@router.get(
    "",
    operation_id="listRecognitions",
    response_model=Page[RecognitionOut],
    responses=problems(CursorInvalid),
    summary="List who relied on whose assessment",
)
async def list_recognitions(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    filters: Annotated[RecognitionFilter, Query()],
) -> dict[str, Any]:
    """Requirements of own clearances, and assessments of one's own that others relied on; newest
    first. What an oversight role of another agency asked is not among them.
    """
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = None
    if pager.after:
        after = (datetime.fromisoformat(pager.after[0]), UUID(pager.after[1]), pager.after[2])
    rows = await queries.list_recognitions(
        session, caller.agency_id, filters, after, filters.limit + 1
    )
    items, following = pager.page(
        [dict(row._mapping) for row in rows],
        lambda row: [rfc3339(row["at"]), str(row["clearance_id"]), row["requirement"]],
        response,
    )
    for row in items:
        # The other side's clearance is its own.
        if row["agency_id"] != caller.agency_id:
            row |= {"clearance_id": None, "signed": None}
        del row["agency_id"]
    return {"items": items, "next_cursor": following}


@router.get(
    "/statistics",
    operation_id="countRecognitions",
    response_model=RecognitionCounts,
    summary="Count what was recognised, refused, and why",
)
async def count_recognitions(
    caller: Reader, session: Session, filters: Annotated[StatisticsFilter, Query()]
) -> dict[str, Any]:
    """Of own clearances of a period by requirement, and how many assessments need not be made
    again: partners for which a requirement is satisfied by another agency's alone.
    """
    return await queries.statistics(session, caller.agency_id, filters)
