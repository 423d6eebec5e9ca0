"""HTTP of capacity-strengthening plans, for agencies."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.assessments.errors import AssessmentNotFound
from app.assessments.plans import service, texts
from app.assessments.plans.access import wire
from app.assessments.plans.errors import (
    ActionsOpen,
    AreaUnfit,
    AssessmentUnfit,
    OutcomeUnfit,
    PlanEmpty,
    PlanNotFound,
    PlanStateUnfit,
    SupporterUnfit,
    WindowInvalid,
)
from app.assessments.plans.paging import after_of, plan_key, step_key
from app.assessments.plans.schemas import (
    AgreementIn,
    ClosureIn,
    ExtensionIn,
    MeasureIn,
    PlanDetailOut,
    PlanFilter,
    PlanIn,
    PlanOut,
    PlanPatch,
    StepOut,
)
from app.audit.errors import PurposeRequired
from app.auth.caller import Caller, Keys, requires, requires_once
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
from app.core.paging import CursorInvalid, PageQuery, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.errors import PartnerMerged, PartnerNotFound, PatchEmpty
from app.partners.purpose import PurposeHeader, purposes_of

router = Router(prefix="/capacity-plans", tags=["capacity-plans"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.ASSESSMENTS_READ)]
DetailReader = Annotated[Caller, requires(Scope.ASSESSMENTS_DETAIL)]
Planner = Annotated[Caller, requires_once(Scope.ASSESSMENTS_WRITE)]
Writer = Annotated[Caller, requires(Scope.ASSESSMENTS_WRITE)]


def _tagged(plan: dict[str, Any], response: Response) -> dict[str, Any]:
    response.headers["ETag"] = version_etag(plan["version"])
    return plan


@router.post(
    "",
    status_code=201,
    operation_id="createCapacityPlan",
    response_model=PlanOut,
    responses=problems(
        PartnerNotFound,
        PartnerMerged,
        AssessmentNotFound,
        AssessmentUnfit,
        SupporterUnfit,
        AreaUnfit,
        RoleLacksRight,
        LevelAboveClient,
    ),
    summary="Start a capacity-strengthening plan",
)
async def create_plan(
    new: PlanIn, caller: Planner, session: Session, keyring: Keys, response: Response
) -> dict[str, Any]:
    """A draft of the calling agency, which nobody else sees until it is agreed."""
    made = await service.create(session, keyring, caller, new)
    response.headers["Location"] = f"/v1/capacity-plans/{made['id']}"
    return _tagged(made, response)


@router.get(
    "",
    operation_id="listCapacityPlans",
    response_model=Page[PlanOut],
    responses=problems(CursorInvalid),
    summary="List capacity-strengthening plans",
)
async def list_plans(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    filters: Annotated[PlanFilter, Query()],
) -> dict[str, Any]:
    """Summaries, newest first: own plans, and those that other agencies have agreed."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    rows = await service.list_plans(session, caller, filters, after_of(pager))
    items, following = pager.page(rows, plan_key, response)
    return {"items": [wire(row) for row in items], "next_cursor": following}


@router.get(
    "/{plan_id}",
    operation_id="getCapacityPlan",
    response_model=PlanOut,
    responses=problems(PlanNotFound),
    summary="Read the summary of a plan",
)
async def get_plan(plan_id: UUID, caller: Reader, session: Session) -> dict[str, Any]:
    """Kind, status, window, how many actions stand how, and the measured outcome."""
    return await service.get(session, caller, plan_id)


@router.get(
    "/{plan_id}/detail",
    operation_id="readCapacityPlanDetail",
    response_model=PlanDetailOut,
    responses=problems(PlanNotFound, PurposeRequired),
    summary="Read a plan with its actions",
)
async def read_detail(
    request: Request,
    plan_id: UUID,
    caller: DetailReader,
    session: Session,
    keyring: Keys,
    access_purpose: PurposeHeader = None,
) -> dict[str, Any]:
    """Another agency's plan is read for a stated purpose; each reading is logged.

    Checked in this order: scope (403), visibility (404), purpose (422).
    """
    return await texts.read_detail(session, keyring, caller, plan_id, purposes_of(request))


@router.get(
    "/{plan_id}/steps",
    operation_id="listCapacityPlanSteps",
    response_model=Page[StepOut],
    responses=problems(PlanNotFound, PurposeRequired, CursorInvalid),
    summary="Read the history of a plan",
)
async def list_steps(
    request: Request,
    response: Response,
    plan_id: UUID,
    caller: DetailReader,
    session: Session,
    keyring: Keys,
    query: Annotated[PageQuery, Query()],
    access_purpose: PurposeHeader = None,
) -> dict[str, Any]:
    """Every step with its note, newest first; logged, and for a purpose, as the detail is."""
    pager = Pager(request, caller.agency_id, query.limit, query.cursor)
    rows = await texts.read_steps(
        session, keyring, caller, plan_id, purposes_of(request), after_of(pager), query.limit
    )
    items, following = pager.page(rows, step_key, response)
    shown = await texts.open_steps(session, keyring, items)
    return {"items": shown, "next_cursor": following}


@router.patch(
    "/{plan_id}",
    operation_id="changeCapacityPlan",
    response_model=PlanOut,
    responses=problems(
        PlanNotFound,
        RoleLacksRight,
        PatchEmpty,
        PlanStateUnfit,
        SupporterUnfit,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Change who supports a plan, or when it starts",
)
async def change_plan(
    plan_id: UUID,
    patch: PlanPatch,
    version: Annotated[int, Depends(expected_version)],
    caller: Writer,
    session: Session,
    response: Response,
) -> dict[str, Any]:
    """JSON Merge Patch of an own plan that is not closed. Needs `If-Match`."""
    return _tagged(await service.change(session, caller, plan_id, version, patch), response)


@router.post(
    "/{plan_id}/agreement",
    operation_id="agreeCapacityPlan",
    response_model=PlanOut,
    responses=problems(
        PlanNotFound, RoleLacksRight, PersonRequired, PlanStateUnfit, PlanEmpty, WindowInvalid
    ),
    summary="Record that a plan is agreed with the partner",
)
async def agree_plan(
    plan_id: UUID,
    agreed: AgreementIn,
    caller: Planner,
    session: Session,
    keyring: Keys,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """By a person. The window runs from here; the partner and other agencies see the plan."""
    done = await service.agree(session, keyring, caller, plan_id, agreed, now.date())
    return _tagged(done, response)


@router.post(
    "/{plan_id}/extension",
    operation_id="extendCapacityPlan",
    response_model=PlanOut,
    responses=problems(PlanNotFound, RoleLacksRight, PersonRequired, PlanStateUnfit, WindowInvalid),
    summary="Let the window of a plan end later",
)
async def extend_plan(
    plan_id: UUID,
    longer: ExtensionIn,
    caller: Planner,
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """By a person with the right to approve it (IPU), with a reason, up to `window_limit_on`."""
    return _tagged(await service.extend(session, keyring, caller, plan_id, longer), response)


@router.post(
    "/{plan_id}/closure",
    operation_id="closeCapacityPlan",
    response_model=PlanOut,
    responses=problems(PlanNotFound, RoleLacksRight, PersonRequired, PlanStateUnfit, ActionsOpen),
    summary="Close a plan",
)
async def close_plan(
    plan_id: UUID,
    how: ClosureIn,
    caller: Planner,
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """By a person. Completed: every action is verified or dropped. Nothing closes by itself."""
    return _tagged(await service.close(session, keyring, caller, plan_id, how), response)


@router.post(
    "/{plan_id}/outcome",
    operation_id="measureCapacityPlan",
    response_model=PlanOut,
    responses=problems(
        PlanNotFound, RoleLacksRight, AssessmentNotFound, PlanStateUnfit, OutcomeUnfit
    ),
    summary="Measure what came of a plan",
)
async def measure_plan(
    plan_id: UUID,
    by: MeasureIn,
    caller: Planner,
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """Risk by a later final assessment of any agency against risk by the plan's own. Another
    dimension, or a computed result beside a reported one: `not_comparable`."""
    return _tagged(await service.measure(session, keyring, caller, plan_id, by), response)
