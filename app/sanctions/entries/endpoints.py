"""HTTP of measures."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

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
from app.core.schemas import Page
from app.sanctions.entries import errors, queries, service
from app.sanctions.entries.schemas import EntryFilter, EntryOut, LiftIn

router = APIRouter(prefix="/sanctions", tags=["sanctions"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.SANCTIONS_READ)]
Decider = Annotated[Caller, requires_once(Scope.SANCTIONS_DECIDE)]
Version = Annotated[int, Depends(expected_version)]


@router.get(
    "/entries",
    operation_id="listSanctionEntries",
    response_model=Page[EntryOut],
    responses=problems(CursorInvalid),
    summary="List measures of agencies",
)
async def list_entries(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    filters: Annotated[EntryFilter, Query()],
) -> dict[str, Any]:
    """Measures that agencies imposed, by partner and status. The feed is the way to sync them."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await queries.list_entries(
        session, filters.partner_id, filters.status, after, filters.limit + 1
    )
    items, following = pager.page(list(rows), lambda row: [str(row.entry_id)], response)
    return {"items": await service.shown_entries(session, items), "next_cursor": following}


@router.get(
    "/entries/{entry_id}",
    operation_id="getSanctionEntry",
    response_model=EntryOut,
    responses=problems(errors.EntryNotFound),
    summary="Read a measure",
)
async def get_entry(
    entry_id: UUID, caller: Reader, session: Session, response: Response
) -> dict[str, Any]:
    """One measure of an agency; `version` is what `If-Match` wants for lifting it."""
    entry = await service.get_entry(session, entry_id)
    # Its number in the feed comes later than its version: the tag for If-Match is the version,
    # and no copy may be reused on it.
    response.headers["ETag"] = version_etag(entry["version"])
    response.headers["Cache-Control"] = "no-store"
    return entry


@router.post(
    "/entries/{entry_id}/lift",
    status_code=201,
    operation_id="liftSanctionEntry",
    response_model=EntryOut,
    responses=problems(
        errors.EntryNotFound,
        errors.EntryEnded,
        PreconditionRequired,
        PreconditionFailed,
        PersonRequired,
    ),
    summary="Lift a measure",
)
async def lift_entry(
    entry_id: UUID,
    lift: LiftIn,
    version: Version,
    caller: Decider,
    session: Session,
    keys: Keys,
    now: Now,
) -> dict[str, Any]:
    """End an own measure, or one in custody, early; the feed tells of it within two seconds."""
    return await service.lift_entry(session, keys, caller, entry_id, version, lift, now)
