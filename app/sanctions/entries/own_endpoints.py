"""HTTP of measures, for the partner that they are on."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from app.auth.caller import Caller, requires
from app.auth.scopes import Scope
from app.core.clock import Now
from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute
from app.core.paging import CursorInvalid, PageQuery, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.self_service.access import own_id
from app.sanctions.entries import errors, reading
from app.sanctions.entries.schemas import EntryOut

router = Router(prefix="/self/sanction-entries", tags=["self"], route_class=RegistryRoute)
Own = Annotated[Caller, requires(Scope.SELF_READ)]


@router.get(
    "",
    operation_id="listOwnSanctionEntries",
    response_model=Page[EntryOut],
    responses=problems(CursorInvalid),
    summary="List measures on the own organisation",
)
async def list_own(
    request: Request,
    response: Response,
    caller: Own,
    session: Session,
    filters: Annotated[PageQuery, Query()],
    now: Now,
) -> dict[str, Any]:
    """Every agency's, ended ones and suspensions included, with what each of them stops, its
    conditions and the office to turn to; without what oversight keeps back."""
    pager = Pager(request, caller.client_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await reading.list_own(
        session, own_id(caller), now, limit=filters.limit + 1, after=after
    )
    items, following = pager.page(rows, lambda row: [str(row["entry_id"])], response)
    return {"items": items, "next_cursor": following}


@router.get(
    "/{entry_id}",
    operation_id="readOwnSanctionEntry",
    response_model=EntryOut,
    responses=problems(errors.EntryNotFound),
    summary="Read a measure on the own organisation",
)
async def read_own(
    entry_id: UUID, caller: Own, session: Session, response: Response, now: Now
) -> dict[str, Any]:
    """The measure as it stands today. Its notice and decision are with the case."""
    found = await reading.list_own(session, own_id(caller), now, limit=1, id=entry_id)
    if not found:
        raise errors.EntryNotFound
    response.headers["Cache-Control"] = "no-store"
    return found[0]
