"""HTTP of pending statements."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.errors import PersonRequired
from app.auth.scopes import Scope
from app.core.clock import Now
from app.core.db import Session
from app.core.errors import problems
from app.core.http import (
    PreconditionFailed,
    PreconditionRequired,
    RegistryRoute,
    expected_version,
    version_etag,
)
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.errors import PartnerNotFound
from app.partners.flags.errors import ReviewDateInvalid
from app.partners.pending import service
from app.partners.pending.errors import PendingDecided, PendingNotFound
from app.partners.pending.schemas import (
    PendingDecisionIn,
    PendingFilter,
    PendingOut,
    PendingTextOut,
)
from app.partners.public_authority import GovernmentEntity

router = Router(prefix="/pending-statements", tags=["flags"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.FLAGS_READ)]
Decider = Annotated[Caller, requires_once(Scope.FLAGS_WRITE)]


@router.get(
    "",
    operation_id="listPendingStatements",
    response_model=Page[PendingOut],
    responses=problems(CursorInvalid),
    summary="List the own pending statements",
)
async def list_pending(
    request: Request,
    caller: Reader,
    session: Session,
    filters: Annotated[PendingFilter, Query()],
    response: Response,
) -> dict[str, Any]:
    """Flags and comments of the own agency that came with a load, newest first, without texts."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = None
    if pager.after:
        after = (datetime.fromisoformat(pager.after[0]), UUID(pager.after[1]))
    rows = await service.page(session, caller, filters, after)
    items, following = pager.page(
        rows, lambda row: [row.loaded_at.isoformat(), str(row.id)], response
    )
    return {"items": [service.wire(row) for row in items], "next_cursor": following}


@router.get(
    "/{statement_id}",
    operation_id="readPendingStatement",
    response_model=PendingTextOut,
    responses=problems(PendingNotFound, PartnerNotFound),
    summary="Read an own pending statement",
)
async def read_pending(
    statement_id: UUID, caller: Reader, session: Session, keyring: Keys, response: Response
) -> dict[str, Any]:
    """The statement with its text. The reading is logged."""
    found = await service.read(session, keyring, caller, statement_id)
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.post(
    "/{statement_id}/decision",
    operation_id="decidePendingStatement",
    response_model=PendingOut,
    responses=problems(
        PendingNotFound,
        PartnerNotFound,
        PendingDecided,
        PersonRequired,
        GovernmentEntity,
        ReviewDateInvalid,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Confirm or reject an own pending statement",
)
async def decide_pending(
    statement_id: UUID,
    decision: PendingDecisionIn,
    version: Annotated[int, Depends(expected_version)],
    caller: Decider,
    session: Session,
    keyring: Keys,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """Confirming makes a flag of the agency's own, under all rules of flags; rejecting keeps the
    statement from everybody for good.
    """
    made = await service.decide(session, keyring, caller, statement_id, version, decision, now)
    response.headers["ETag"] = version_etag(made["version"])
    return made
