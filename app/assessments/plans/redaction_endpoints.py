"""HTTP of redacting the words of plans."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Response

from app.assessments.plans import redaction
from app.assessments.plans.errors import ActionNotFound, PlanNotFound, StepNotFound
from app.audit.exceptions import errors
from app.audit.exceptions.schemas import RedactionDecisionIn, RedactionDetailOut, RedactionIn
from app.auth.caller import Caller, Keys, requires_once
from app.auth.errors import PersonRequired
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
from app.core.routing import Router

router = Router(prefix="/capacity-plans/{plan_id}", tags=["redactions"], route_class=RegistryRoute)
Redactor = Annotated[Caller, requires_once(Scope.ASSESSMENTS_WRITE)]
_HIDING = (PlanNotFound, PersonRequired, errors.RoleRequired, errors.RedactionExists)
_DECIDING = (
    PlanNotFound,
    PersonRequired,
    errors.RoleRequired,
    errors.RedactionNotFound,
    errors.RedactionDecided,
    errors.SecondPersonRequired,
    errors.UnderLegalHold,
    PreconditionRequired,
    PreconditionFailed,
)


def _made(found: dict[str, Any], response: Response) -> dict[str, Any]:
    response.headers["Location"] = f"/v1/redactions/{found['id']}"
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.post(
    "/actions/{action_id}/redaction",
    status_code=201,
    operation_id="redactCapacityPlanAction",
    response_model=RedactionDetailOut,
    responses=problems(*_HIDING, ActionNotFound),
    summary="Hide the words of an action at once",
)
async def redact_action(
    plan_id: UUID,
    action_id: UUID,
    new: RedactionIn,
    caller: Redactor,
    session: Session,
    keys: Keys,
    response: Response,
) -> dict[str, Any]:
    """An emergency: nobody reads them from the next request on, owner and partner included.

    A second person decides within 72 hours; without a decision they stay hidden. The action stays,
    marked `redacted`. The answer lists who has read the plan.
    """
    found = await redaction.hide(
        session, keys, caller, "plan_action", plan_id, action_id, new.reason
    )
    return _made(found, response)


@router.post(
    "/actions/{action_id}/redaction/decision",
    status_code=201,
    operation_id="decideCapacityPlanActionRedaction",
    response_model=RedactionDetailOut,
    responses=problems(*_DECIDING, ActionNotFound),
    summary="Destroy or bring back hidden words of an action",
)
async def decide_action_redaction(
    plan_id: UUID,
    action_id: UUID,
    decision: RedactionDecisionIn,
    version: Annotated[int, Depends(expected_version)],
    caller: Redactor,
    session: Session,
    keys: Keys,
) -> dict[str, Any]:
    """A second person: `confirm` destroys them for good, `undo` brings them back as they were.

    Under a legal hold they stay hidden, and `confirm` is refused. `If-Match` is the version of the
    redaction.
    """
    return await redaction.decide(
        session, keys, caller, "plan_action", plan_id, action_id, version, decision
    )


@router.post(
    "/steps/{step_id}/redaction",
    status_code=201,
    operation_id="redactCapacityPlanStep",
    response_model=RedactionDetailOut,
    responses=problems(*_HIDING, StepNotFound),
    summary="Hide the words of a step at once",
)
async def redact_step(
    plan_id: UUID,
    step_id: UUID,
    new: RedactionIn,
    caller: Redactor,
    session: Session,
    keys: Keys,
    response: Response,
) -> dict[str, Any]:
    """An emergency: nobody reads them from the next request on, owner and partner included.

    A second person decides within 72 hours; without a decision they stay hidden. The step stays,
    marked `redacted`. The answer lists who has read the plan.
    """
    found = await redaction.hide(session, keys, caller, "plan_step", plan_id, step_id, new.reason)
    return _made(found, response)


@router.post(
    "/steps/{step_id}/redaction/decision",
    status_code=201,
    operation_id="decideCapacityPlanStepRedaction",
    response_model=RedactionDetailOut,
    responses=problems(*_DECIDING, StepNotFound),
    summary="Destroy or bring back hidden words of a step",
)
async def decide_step_redaction(
    plan_id: UUID,
    step_id: UUID,
    decision: RedactionDecisionIn,
    version: Annotated[int, Depends(expected_version)],
    caller: Redactor,
    session: Session,
    keys: Keys,
) -> dict[str, Any]:
    """A second person: `confirm` destroys them for good, `undo` brings them back as they were.

    Under a legal hold they stay hidden, and `confirm` is refused. `If-Match` is the version of the
    redaction.
    """
    return await redaction.decide(
        session, keys, caller, "plan_step", plan_id, step_id, version, decision
    )
