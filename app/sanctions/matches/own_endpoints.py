"""HTTP of facts that a partner is asked for."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.scopes import Scope
from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute
from app.core.paging import CursorInvalid, PageQuery, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.sanctions.matches import asking, errors
from app.sanctions.matches.schemas import FactsAnswerIn, OwnFactsRequestOut

router = Router(prefix="/self/facts-requests", tags=["self"], route_class=RegistryRoute)
Own = Annotated[Caller, requires(Scope.SELF_READ)]
Answerer = Annotated[Caller, requires_once(Scope.SELF_WRITE)]


@router.get(
    "",
    operation_id="listOwnFactsRequests",
    response_model=Page[OwnFactsRequestOut],
    responses=problems(CursorInvalid),
    summary="List facts that agencies ask the own organisation for",
)
async def list_own(
    request: Request,
    response: Response,
    caller: Own,
    session: Session,
    filters: Annotated[PageQuery, Query()],
) -> dict[str, Any]:
    """Which kinds of facts, about the organisation or one of its people, and who asks."""
    pager = Pager(request, caller.client_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await asking.list_own(session, caller, after, filters.limit + 1)
    items, following = pager.page(list(rows), lambda row: [str(row.id)], response)
    return {"items": await asking.shown(session, items), "next_cursor": following}


@router.post(
    "/{request_id}/answer",
    status_code=201,
    operation_id="answerFactsRequest",
    response_model=OwnFactsRequestOut,
    responses=problems(errors.FactsRequestNotFound, errors.FactKindUnknown, errors.FactsAnswered),
    summary="Answer a request for facts",
)
async def answer(
    request_id: UUID, new: FactsAnswerIn, caller: Answerer, session: Session, keys: Keys
) -> dict[str, Any]:
    """Once. Only the asking agency reads it; it is kept sealed."""
    return await asking.answer(session, keys, caller, request_id, new)
