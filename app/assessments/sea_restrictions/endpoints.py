"""HTTP of SEA restriction markers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.assessments.sea_restrictions import service
from app.assessments.sea_restrictions.errors import (
    ReviewInvalid,
    SeaRestrictionExists,
    SeaRestrictionLifted,
    SeaRestrictionNotFound,
)
from app.assessments.sea_restrictions.schemas import (
    ReviewIn,
    SeaRestrictionFilter,
    SeaRestrictionIn,
    SeaRestrictionOut,
)
from app.audit.errors import PurposeRequired
from app.audit.exceptions.errors import RoleRequired
from app.auth.caller import Caller, requires, requires_once
from app.auth.errors import LevelAboveClient, PersonRequired, RoleLacksRight
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
from app.partners.errors import PartnerMerged, PartnerNotFound
from app.partners.purpose import PurposeHeader, purposes_of

router = Router(prefix="/sea-restrictions", tags=["sea-restrictions"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.ASSESSMENTS_DETAIL)]
Setter = Annotated[Caller, requires_once(Scope.ASSESSMENTS_WRITE)]


def _tagged(found: dict[str, Any], response: Response) -> dict[str, Any]:
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.post(
    "",
    status_code=201,
    operation_id="setSeaRestriction",
    response_model=SeaRestrictionOut,
    responses=problems(
        PartnerNotFound,
        PartnerMerged,
        PersonRequired,
        RoleRequired,
        RoleLacksRight,
        LevelAboveClient,
        ReviewInvalid,
        SeaRestrictionExists,
    ),
    summary="Say that a SEA-related restriction is in force",
)
async def set_restriction(
    new: SeaRestrictionIn, caller: Setter, session: Session, now: Now, response: Response
) -> dict[str, Any]:
    """By a person of the agency's oversight office. That it is there, whom to ask, when it is
    looked at again; never what it is about."""
    made = await service.set_restriction(session, caller, new, now.date())
    response.headers["Location"] = f"/v1/sea-restrictions/{made['id']}"
    return _tagged(made, response)


@router.get(
    "",
    operation_id="listSeaRestrictions",
    response_model=Page[SeaRestrictionOut],
    responses=problems(PartnerNotFound, PurposeRequired, CursorInvalid),
    summary="List SEA-related restrictions in force",
)
async def list_restrictions(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    filters: Annotated[SeaRestrictionFilter, Query()],
    access_purpose: PurposeHeader = None,
) -> dict[str, Any]:
    """Of all agencies, for a stated purpose; `mine=true` needs none. Each one shown is logged."""
    why = service.stated(caller, filters, purposes_of(request))
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = None
    if pager.after is not None:
        after = (datetime.fromisoformat(pager.after[0]), UUID(pager.after[1]))
    rows = await service.list_restrictions(session, caller, filters, after)
    items, following = pager.page(rows, lambda row: [row.set_at.isoformat(), str(row.id)], response)
    return {"items": await service.disclose(session, caller, items, why), "next_cursor": following}


@router.get(
    "/{restriction_id}",
    operation_id="getSeaRestriction",
    response_model=SeaRestrictionOut,
    responses=problems(SeaRestrictionNotFound, PurposeRequired),
    summary="Read a SEA-related restriction",
)
async def get_restriction(
    request: Request,
    restriction_id: UUID,
    caller: Reader,
    session: Session,
    response: Response,
    access_purpose: PurposeHeader = None,
) -> dict[str, Any]:
    """Another agency's is read for a stated purpose; each reading is logged."""
    found = await service.get(session, caller, restriction_id, purposes_of(request))
    return _tagged(found, response)


@router.post(
    "/{restriction_id}/review",
    operation_id="reviewSeaRestriction",
    response_model=SeaRestrictionOut,
    responses=problems(
        SeaRestrictionNotFound, PersonRequired, RoleRequired, SeaRestrictionLifted, ReviewInvalid
    ),
    summary="Record that a restriction was reviewed and stays",
)
async def review_restriction(
    restriction_id: UUID,
    done: ReviewIn,
    caller: Setter,
    session: Session,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """By a person of the owner's oversight office. Without a review it stays in force, and the
    office is reminded."""
    return _tagged(
        await service.review(session, caller, restriction_id, done, now.date()), response
    )


@router.post(
    "/{restriction_id}/lift",
    operation_id="liftSeaRestriction",
    response_model=SeaRestrictionOut,
    responses=problems(
        SeaRestrictionNotFound,
        PersonRequired,
        RoleRequired,
        SeaRestrictionLifted,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Lift a SEA-related restriction",
)
async def lift_restriction(
    restriction_id: UUID,
    version: Annotated[int, Depends(expected_version)],
    caller: Setter,
    session: Session,
    response: Response,
) -> dict[str, Any]:
    """By a person of the owner's oversight office, without a body. Others see it no more."""
    return _tagged(await service.lift(session, caller, restriction_id, version), response)
