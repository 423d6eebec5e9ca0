"""HTTP of measures."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.audit.errors import PurposeRequired
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
from app.core.paging import CursorInvalid, PageQuery, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.errors import PartnerMerged, PartnerNotFound
from app.partners.purpose import PurposeHeader, purposes_of
from app.sanctions.entries import errors, former, interim, queries, reading, service
from app.sanctions.entries.queries import Times
from app.sanctions.entries.schemas import (
    EntryChange,
    EntryFilter,
    EntryOut,
    EntryTimes,
    FormerOut,
    InterimOut,
    LiftIn,
)
from app.sanctions.errors import DateNotPossible

router = Router(prefix="/sanctions", tags=["sanctions"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.SANCTIONS_READ)]
Changer = Annotated[Caller, requires(Scope.SANCTIONS_DECIDE)]
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
    now: Now,
) -> dict[str, Any]:
    """Measures that agencies imposed. `on` asks what was valid on a day, `as_of` what the registry
    knew at an instant; both go together. Roles that read summaries are told no grounds. The feed is
    the way to sync them."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    wanted = filters.model_dump(exclude={"limit", "cursor"})
    wanted["after"] = UUID(pager.after[0]) if pager.after else None
    times = Times(filters.on or now.date(), filters.as_of)
    rows = await queries.list_entries(session, wanted, times, filters.limit + 1)
    items, following = pager.page(list(rows), lambda row: [str(row.entry_id)], response)
    shown = await service.shown_entries(session, items, times, reader=caller.agency_id)
    return {"items": reading.for_role(caller, shown), "next_cursor": following}


@router.get(
    "/interim-suspensions",
    operation_id="listInterimSuspensions",
    response_model=InterimOut,
    responses=problems(PartnerNotFound, PartnerMerged, PurposeRequired),
    summary="List RESTRICTED measures in force on a partner",
)
async def list_interim(
    request: Request,
    caller: Reader,
    session: Session,
    partner_id: UUID,
    now: Now,
    access_purpose: PurposeHeader = None,
) -> dict[str, Any]:
    """The own agency's; those of others for its sanctions authority (SAO) and its compliance
    officers (CO), for a stated purpose. Each reading is logged."""
    found = await interim.list_interim(session, caller, partner_id, purposes_of(request), now)
    return {"items": found}


@router.get(
    "/entries/{entry_id}",
    operation_id="getSanctionEntry",
    response_model=EntryOut,
    responses=problems(errors.EntryNotFound),
    summary="Read a measure",
)
async def get_entry(
    entry_id: UUID,
    caller: Reader,
    session: Session,
    response: Response,
    asked: Annotated[EntryTimes, Query()],
    now: Now,
) -> dict[str, Any]:
    """One measure of an agency; `version` is what `If-Match` wants for lifting it."""
    times = Times(asked.on or now.date(), asked.as_of)
    found = await service.get_entry(session, entry_id, times, reader=caller.agency_id)
    (entry,) = reading.for_role(caller, [found])
    # Its number in the feed comes later than its version: the tag for If-Match is the version,
    # and no copy may be reused on it.
    response.headers["ETag"] = version_etag(entry["version"])
    response.headers["Cache-Control"] = "no-store"
    return entry


@router.get(
    "/entries/{entry_id}/history",
    operation_id="listSanctionEntryHistory",
    response_model=Page[FormerOut],
    responses=problems(errors.EntryNotFound, CursorInvalid),
    summary="List what was known of a measure",
)
async def list_history(
    request: Request,
    response: Response,
    entry_id: UUID,
    caller: Reader,
    session: Session,
    asked: Annotated[PageQuery, Query()],
) -> dict[str, Any]:
    """Every former row of a measure and the present one, oldest first, with the instants between
    which the registry knew it so."""
    pager = Pager(request, caller.agency_id, asked.limit, asked.cursor)
    after = datetime.fromisoformat(pager.after[0]) if pager.after else None
    rows = await former.list_former(session, caller, entry_id, after, asked.limit + 1)
    items, following = pager.page(rows, lambda row: [row.recorded_from.isoformat()], response)
    return {"items": [former.wire(row) for row in items], "next_cursor": following}


@router.patch(
    "/entries/{entry_id}",
    operation_id="changeSanctionEntry",
    response_model=EntryOut,
    responses=problems(
        errors.EntryNotFound,
        errors.EntryEnded,
        errors.MeasureTermsInvalid,
        DateNotPossible,
        PreconditionRequired,
        PreconditionFailed,
        PersonRequired,
    ),
    summary="Publish a measure, name offices, record a review",
)
async def change_entry(
    entry_id: UUID,
    change: EntryChange,
    version: Version,
    caller: Changer,
    session: Session,
    response: Response,
    now: Now,
) -> dict[str, Any]:
    """What changes without a new decision; terms stay as they were decided."""
    entry = await service.change_entry(session, caller, entry_id, version, change, now)
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
