"""HTTP of the history of profiles."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Request, Response

from app.auth.caller import Caller, requires
from app.auth.scopes import Scope
from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute
from app.core.paging import LIMIT_DEFAULT, CursorInvalid, CursorText, Limit, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.errors import PartnerNotFound
from app.partners.history import service
from app.partners.history.schemas import VersionOut

router = Router(prefix="/partners", tags=["partners"], route_class=RegistryRoute)


@router.get(
    "/{partner_id}/history",
    operation_id="listPartnerVersions",
    response_model=Page[VersionOut],
    responses=problems(PartnerNotFound, CursorInvalid),
    summary="List the versions of a profile",
)
async def list_versions(
    request: Request,
    response: Response,
    partner_id: UUID,
    caller: Annotated[Caller, requires(Scope.PARTNERS_READ)],
    session: Session,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText | None = None,
) -> dict[str, Any]:
    """Every version ever recorded, newest first; read one with `GET /v1/partners/{id}?as_of=`."""
    pager = Pager(request, caller.agency_id, limit, cursor)
    after = pager.after[0] if pager.after else None
    rows = await service.versions(session, caller, partner_id, after, limit + 1)
    items, following = pager.page(rows, lambda row: [row["version"]], response)
    return {"items": items, "next_cursor": following}
