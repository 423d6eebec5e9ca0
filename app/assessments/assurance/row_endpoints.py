"""HTTP of the activities of assurance plans."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.agencies.errors import AgencyUnknown
from app.assessments.assurance import errors, rows
from app.assessments.assurance.endpoints import Planner, Reader, Writer
from app.assessments.assurance.schemas import (
    ActivityIn,
    ActivityOut,
    ActivityPatch,
    ProgressIn,
    RowsQuery,
)
from app.auth.errors import RoleLacksRight
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
from app.partners.errors import PartnerMerged, PartnerNotFound, PatchEmpty

router = Router(
    prefix="/assurance-plans/{plan_id}/activities", tags=["assurance"], route_class=RegistryRoute
)
_CHANGING = (errors.PlanNotFound, RoleLacksRight)
_JOINT = (errors.JointUnfit, AgencyUnknown)


def _answer(found: dict[str, Any], response: Response) -> dict[str, Any]:
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.get(
    "",
    operation_id="listPlannedActivities",
    response_model=Page[ActivityOut],
    responses=problems(errors.PlanNotFound, CursorInvalid),
    summary="List a plan's activities",
)
async def list_rows(
    request: Request,
    response: Response,
    plan_id: UUID,
    caller: Reader,
    session: Session,
    query: Annotated[RowsQuery, Query()],
) -> dict[str, Any]:
    """Activities of a revision in the order of the year; the revision as in reading the plan.

    Other agencies learn partner, type, quarter, status and who takes part.
    """
    pager = Pager(request, caller.agency_id, query.limit, query.cursor)
    after = (int(pager.after[0]), UUID(pager.after[1])) if pager.after else None
    found = await rows.list_rows(session, caller, plan_id, query, after)
    items, following = pager.page(found, lambda row: [row["quarter"], str(row["id"])], response)
    return {"items": items, "next_cursor": following}


@router.post(
    "",
    status_code=201,
    operation_id="planActivity",
    response_model=ActivityOut,
    responses=problems(
        *_CHANGING,
        *_JOINT,
        errors.PlanNotDraft,
        PartnerNotFound,
        PartnerMerged,
        errors.ActivityCountryDiffers,
        errors.PlanFull,
    ),
    summary="Plan an activity",
)
async def plan_activity(
    plan_id: UUID, new: ActivityIn, caller: Planner, session: Session, response: Response
) -> dict[str, Any]:
    """Adds an activity on a partner of the plan's country to the draft."""
    return _answer(await rows.add(session, caller, plan_id, new), response)


@router.patch(
    "/{activity_id}",
    operation_id="changePlannedActivity",
    response_model=ActivityOut,
    responses=problems(
        *_CHANGING,
        *_JOINT,
        errors.PlanNotDraft,
        errors.ActivityNotFound,
        errors.ActivityDone,
        PatchEmpty,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Change an activity of a draft",
)
async def change_activity(
    plan_id: UUID,
    activity_id: UUID,
    patch: ActivityPatch,
    caller: Writer,
    version: Annotated[int, Depends(expected_version)],
    session: Session,
    response: Response,
) -> dict[str, Any]:
    """JSON Merge Patch; needs `If-Match` with the activity's version."""
    found = await rows.change(session, caller, plan_id, activity_id, version, patch)
    return _answer(found, response)


@router.delete(
    "/{activity_id}",
    status_code=204,
    operation_id="removePlannedActivity",
    responses=problems(
        *_CHANGING, errors.PlanNotDraft, errors.ActivityNotFound, errors.ActivityDone
    ),
    summary="Take an activity out of a draft",
)
async def remove_activity(
    plan_id: UUID, activity_id: UUID, caller: Writer, session: Session
) -> None:
    """The revisions before keep it."""
    await rows.remove(session, caller, plan_id, activity_id)


@router.post(
    "/{activity_id}/progress",
    operation_id="followPlannedActivity",
    response_model=ActivityOut,
    responses=problems(
        *_CHANGING,
        errors.ActivityNotFound,
        errors.PlanNotApproved,
        errors.DoneByUnfit,
        errors.AssessmentCounted,
    ),
    summary="Say how a planned activity went",
)
async def follow_activity(
    plan_id: UUID,
    activity_id: UUID,
    new: ProgressIn,
    caller: Planner,
    session: Session,
    response: Response,
) -> dict[str, Any]:
    """Done by an assessment, postponed or cancelled for a stated reason, or planned again.

    Of the approved revision only; what is planned changes by an amendment.
    """
    return _answer(await rows.progress(session, caller, plan_id, activity_id, new), response)
