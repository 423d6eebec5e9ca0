"""HTTP of the actions of plans, for agencies and for the partner itself."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.assessments.plans import actions, own, texts
from app.assessments.plans.access import wire
from app.assessments.plans.errors import (
    ActionNotFound,
    ActionsFull,
    ActionStateUnfit,
    ActionTextFixed,
    AreaUnfit,
    PlanNotFound,
    PlanStateUnfit,
)
from app.assessments.plans.paging import after_of, plan_key, step_key
from app.assessments.plans.schemas import (
    ActionIn,
    ActionOut,
    ActionPatch,
    OwnProgressIn,
    PlanDetailOut,
    PlanOut,
    ProgressIn,
    StepOut,
    VerificationIn,
)
from app.audit.exceptions.errors import (
    ContentRedacted,
    SecondPersonRequired,
    UnderLegalHold,
)
from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.errors import PersonRequired, RoleLacksRight
from app.auth.scopes import Scope
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
from app.partners.errors import PatchEmpty

router = Router(tags=["capacity-plans"], route_class=RegistryRoute)
Planner = Annotated[Caller, requires_once(Scope.ASSESSMENTS_WRITE)]
Writer = Annotated[Caller, requires(Scope.ASSESSMENTS_WRITE)]
Own = Annotated[Caller, requires(Scope.SELF_READ)]
OwnWriter = Annotated[Caller, requires_once(Scope.SELF_WRITE)]
_ACTION = "/capacity-plans/{plan_id}/actions/{action_id}"
_OWN = "/self/capacity-plans"


def _tagged(action: dict[str, Any], response: Response) -> dict[str, Any]:
    response.headers["ETag"] = version_etag(action["version"])
    return action


@router.post(
    "/capacity-plans/{plan_id}/actions",
    status_code=201,
    operation_id="addCapacityPlanAction",
    response_model=ActionOut,
    responses=problems(PlanNotFound, RoleLacksRight, PlanStateUnfit, ActionsFull, AreaUnfit),
    summary="Add an action to a plan",
)
async def add_action(
    plan_id: UUID,
    new: ActionIn,
    caller: Planner,
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """To an own plan that is not closed."""
    made = await actions.add(session, keyring, caller, plan_id, new)
    response.headers["Location"] = f"/v1/capacity-plans/{plan_id}/detail"
    return _tagged(made, response)


@router.patch(
    _ACTION,
    operation_id="changeCapacityPlanAction",
    response_model=ActionOut,
    responses=problems(
        PlanNotFound,
        ActionNotFound,
        RoleLacksRight,
        PatchEmpty,
        PlanStateUnfit,
        ActionStateUnfit,
        ActionTextFixed,
        AreaUnfit,
        ContentRedacted,
        UnderLegalHold,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Change an action",
)
async def change_action(
    plan_id: UUID,
    action_id: UUID,
    patch: ActionPatch,
    version: Annotated[int, Depends(expected_version)],
    caller: Writer,
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """JSON Merge Patch. Once the plan is agreed only its day and cost change."""
    done = await actions.change(session, keyring, caller, plan_id, action_id, version, patch)
    return _tagged(done, response)


@router.post(
    _ACTION + "/progress",
    operation_id="reportCapacityPlanAction",
    response_model=ActionOut,
    responses=problems(
        PlanNotFound,
        ActionNotFound,
        RoleLacksRight,
        PersonRequired,
        PlanStateUnfit,
        ActionStateUnfit,
    ),
    summary="Report progress of an action",
)
async def report_action(
    plan_id: UUID,
    action_id: UUID,
    said: ProgressIn,
    caller: Planner,
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """By the owner agency. What is done is then verified by another person."""
    done = await actions.report(session, keyring, caller, plan_id, action_id, said)
    return _tagged(done, response)


@router.post(
    _ACTION + "/verification",
    operation_id="verifyCapacityPlanAction",
    response_model=ActionOut,
    responses=problems(
        PlanNotFound,
        ActionNotFound,
        RoleLacksRight,
        PersonRequired,
        PlanStateUnfit,
        ActionStateUnfit,
        SecondPersonRequired,
    ),
    summary="Verify an action that is done, or send it back",
)
async def verify_action(
    plan_id: UUID,
    action_id: UUID,
    seen: VerificationIn,
    caller: Planner,
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """By a person of the owner agency other than the one who reported it as done."""
    done = await actions.verify(session, keyring, caller, plan_id, action_id, seen)
    return _tagged(done, response)


@router.get(
    _OWN,
    operation_id="listOwnCapacityPlans",
    response_model=Page[PlanOut],
    responses=problems(CursorInvalid),
    summary="Capacity-strengthening plans of the own organisation",
)
async def list_own_plans(
    request: Request,
    response: Response,
    caller: Own,
    session: Session,
    query: Annotated[PageQuery, Query()],
) -> dict[str, Any]:
    """Those that were agreed with it, newest first."""
    pager = Pager(request, caller.client_id, query.limit, query.cursor)
    rows = await own.list_plans(session, caller, after_of(pager), query.limit)
    items, following = pager.page(rows, plan_key, response)
    return {"items": [wire(row) for row in items], "next_cursor": following}


@router.get(
    _OWN + "/{plan_id}",
    operation_id="getOwnCapacityPlan",
    response_model=PlanDetailOut,
    responses=problems(PlanNotFound),
    summary="Read an own plan with its actions",
)
async def get_own_plan(
    plan_id: UUID, caller: Own, session: Session, keyring: Keys
) -> dict[str, Any]:
    """Everything that was agreed, and how it stands."""
    return await own.read(session, keyring, caller, plan_id)


@router.get(
    _OWN + "/{plan_id}/steps",
    operation_id="listOwnCapacityPlanSteps",
    response_model=Page[StepOut],
    responses=problems(PlanNotFound, CursorInvalid),
    summary="Read the history of an own plan",
)
async def list_own_steps(
    request: Request,
    response: Response,
    plan_id: UUID,
    caller: Own,
    session: Session,
    keyring: Keys,
    query: Annotated[PageQuery, Query()],
) -> dict[str, Any]:
    """Every step with its note, of both sides, newest first."""
    pager = Pager(request, caller.client_id, query.limit, query.cursor)
    rows = await own.read_steps(session, caller, plan_id, after_of(pager), query.limit)
    items, following = pager.page(rows, step_key, response)
    shown = await texts.open_steps(session, keyring, items)
    return {"items": shown, "next_cursor": following}


@router.post(
    _OWN + "/{plan_id}/actions/{action_id}/progress",
    operation_id="reportOwnCapacityPlanAction",
    response_model=ActionOut,
    responses=problems(PlanNotFound, ActionNotFound, PlanStateUnfit, ActionStateUnfit),
    summary="Report progress of an own action",
)
async def report_own_action(
    plan_id: UUID,
    action_id: UUID,
    said: OwnProgressIn,
    caller: OwnWriter,
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """On what the partner or a provider does. What is done, a person of the agency verifies."""
    done = await actions.report(session, keyring, caller, plan_id, action_id, said)
    return _tagged(done, response)
