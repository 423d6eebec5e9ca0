"""HTTP of an assessment's life: milestones, adjusted ratings, withdrawal, overlaps."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Response

from app.assessments.errors import (
    AdjustmentDecided,
    AdjustmentNotFound,
    AdjustmentOpen,
    AdjustmentValueInvalid,
    AssessmentFinal,
    AssessmentNotFinal,
    AssessmentNotFound,
    MilestoneOrder,
    SamePerson,
)
from app.assessments.life_cycle import milestones, overlaps, service
from app.assessments.life_cycle.schemas import (
    AdjustmentDecisionIn,
    AdjustmentIn,
    AdjustmentOut,
    AdjustmentsOut,
    MilestoneIn,
    MilestonesOut,
    NotesOut,
    WithdrawalIn,
)
from app.assessments.schemas import AssessmentOut, OverlapFilter, OverlapsOut
from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.errors import PersonRequired, RoleLacksRight
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
from app.core.routing import Router
from app.partners.errors import PartnerMerged, PartnerNotFound

router = Router(prefix="/assessments", tags=["assessments"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.ASSESSMENTS_READ)]
DetailReader = Annotated[Caller, requires(Scope.ASSESSMENTS_DETAIL)]
Writer = Annotated[Caller, requires_once(Scope.ASSESSMENTS_WRITE)]
Version = Annotated[int, Depends(expected_version)]


@router.get(
    "/overlaps",
    operation_id="listAssessmentOverlaps",
    response_model=OverlapsOut,
    responses=problems(PartnerNotFound, PartnerMerged),
    summary="Ask what others have before starting",
)
async def list_overlaps(
    caller: Reader, session: Session, filters: Annotated[OverlapFilter, Query()]
) -> dict[str, Any]:
    """Valid and planned assessments of this type by other agencies, which may spare a new one."""
    found = await overlaps.before_starting(session, caller, filters.partner_id, filters.type)
    return {"items": found}


@router.get(
    "/{assessment_id}/milestones",
    operation_id="listAssessmentMilestones",
    response_model=MilestonesOut,
    responses=problems(AssessmentNotFound),
    summary="List the steps of the work",
)
async def list_milestones(assessment_id: UUID, caller: Reader, session: Session) -> dict[str, Any]:
    """Dated steps, for whoever may see the summary."""
    return {"items": await milestones.read(session, caller, assessment_id)}


@router.post(
    "/{assessment_id}/milestones",
    status_code=201,
    operation_id="recordAssessmentMilestone",
    response_model=MilestonesOut,
    responses=problems(AssessmentNotFound, RoleLacksRight, AssessmentFinal, MilestoneOrder),
    summary="Record a step of the work",
)
async def record_milestone(
    assessment_id: UUID, new: MilestoneIn, caller: Writer, session: Session, now: Now
) -> dict[str, Any]:
    """Once each, on an own draft or submitted assessment; its day fits the other steps'."""
    return {"items": await milestones.record(session, caller, assessment_id, new, now.date())}


@router.post(
    "/{assessment_id}/withdrawal",
    status_code=201,
    operation_id="withdrawAssessment",
    response_model=AssessmentOut,
    responses=problems(
        AssessmentNotFound,
        PersonRequired,
        RoleLacksRight,
        AssessmentNotFinal,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Withdraw a final assessment",
)
async def withdraw_assessment(
    assessment_id: UUID,
    new: WithdrawalIn,
    caller: Writer,
    version: Version,
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """It stays on record as withdrawn, with the reason's code; its shares end.

    The result that it had superseded is current again. Needs `If-Match`.
    """
    changed = await service.withdraw(session, keyring, caller, assessment_id, version, new)
    response.headers["ETag"] = version_etag(changed["version"])
    return changed


@router.get(
    "/{assessment_id}/notes",
    operation_id="listAssessmentNotes",
    response_model=NotesOut,
    responses=problems(AssessmentNotFound, RoleLacksRight),
    summary="List why an assessment was sent back, cancelled or withdrawn",
)
async def list_notes(
    assessment_id: UUID, caller: DetailReader, session: Session, keyring: Keys
) -> dict[str, Any]:
    """For the owner alone."""
    return {"items": await service.list_notes(session, keyring, caller, assessment_id)}


@router.get(
    "/{assessment_id}/adjustments",
    operation_id="listAssessmentAdjustments",
    response_model=AdjustmentsOut,
    responses=problems(AssessmentNotFound, RoleLacksRight),
    summary="List adjusted ratings",
)
async def list_adjustments(
    assessment_id: UUID, caller: DetailReader, session: Session, keyring: Keys
) -> dict[str, Any]:
    """With reasons, for the owner alone; the summary shows to all what was approved."""
    return {"items": await service.list_adjustments(session, keyring, caller, assessment_id)}


@router.post(
    "/{assessment_id}/adjustments",
    status_code=201,
    operation_id="proposeAssessmentAdjustment",
    response_model=AdjustmentOut,
    responses=problems(
        AssessmentNotFound,
        PersonRequired,
        RoleLacksRight,
        AssessmentNotFinal,
        AdjustmentValueInvalid,
        AdjustmentOpen,
    ),
    summary="Propose an adjusted rating",
)
async def propose_adjustment(
    assessment_id: UUID, new: AdjustmentIn, caller: Writer, session: Session, keyring: Keys
) -> dict[str, Any]:
    """Another rating for other information; the original stays. A second person decides."""
    return await service.propose(session, keyring, caller, assessment_id, new)


@router.post(
    "/{assessment_id}/adjustments/{adjustment_id}/decision",
    operation_id="decideAssessmentAdjustment",
    response_model=AdjustmentOut,
    responses=problems(
        AssessmentNotFound,
        AdjustmentNotFound,
        PersonRequired,
        RoleLacksRight,
        SamePerson,
        AdjustmentDecided,
        AssessmentNotFinal,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Decide on an adjusted rating",
)
async def decide_adjustment(
    assessment_id: UUID,
    adjustment_id: UUID,
    decision: AdjustmentDecisionIn,
    caller: Writer,
    version: Version,
    session: Session,
    keyring: Keys,
) -> dict[str, Any]:
    """Another person than the proposer approves or refuses. Needs `If-Match`."""
    return await service.decide(
        session, keyring, caller, assessment_id, adjustment_id, version, decision
    )
