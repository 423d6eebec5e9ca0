"""HTTP of decisions after clearances, and of what was waived."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.auth.caller import Caller, Keys, requires, requires_once
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
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.recognition.decisions import service
from app.recognition.decisions.errors import (
    AlreadyDecided,
    ClearanceExpired,
    NotDecided,
    RequirementNotMet,
    SecurityCouncilNotWaived,
    WaiverCompleted,
    WaiverNotAllowed,
    WaiverNotFound,
)
from app.recognition.decisions.schemas import (
    CompletionIn,
    DecisionCounts,
    DecisionIn,
    DecisionOut,
    WaiverCounts,
    WaiverFilter,
    WaiverOut,
)
from app.recognition.errors import ClearanceNotFound, ContentsErased

router = Router(tags=["recognition"], route_class=RegistryRoute)
Decider = Annotated[Caller, requires_once(Scope.CLEARANCE_RUN)]
Reader = Annotated[Caller, requires(Scope.CLEARANCE_READ)]
Overseer = Annotated[Caller, requires(Scope.AUDIT_READ)]
Version = Annotated[int, Depends(expected_version)]
_MATCHED = (PersonRequired, PreconditionRequired, PreconditionFailed)


@router.post(
    "/clearances/{clearance_id}/decision",
    status_code=201,
    operation_id="decideOnClearance",
    response_model=DecisionOut,
    responses=problems(
        ClearanceNotFound,
        ContentsErased,
        AlreadyDecided,
        ClearanceExpired,
        SecurityCouncilNotWaived,
        WaiverNotAllowed,
        *_MATCHED,
    ),
    summary="Record what was decided",
)
async def decide(
    clearance_id: UUID,
    wanted: DecisionIn,
    caller: Decider,
    version: Version,
    session: Session,
    keys: Keys,
) -> dict[str, Any]:
    """Signed, not signed, or proceeded under a waiver: by a person, once, on an open clearance.

    `If-Match` is the version of `/status` that was read. In an emergency, where the policy lets
    sign with conditions, requirements that are not met may be waived by name for at most six
    months. The check against the Security Council's list is never waived.
    """
    return await service.decide(session, keys, caller, clearance_id, version, wanted)


@router.get(
    "/clearances/{clearance_id}/decision",
    operation_id="getClearanceDecision",
    response_model=DecisionOut,
    responses=problems(ClearanceNotFound, NotDecided),
    summary="Read what was decided",
)
async def get_decision(clearance_id: UUID, caller: Reader, session: Session) -> dict[str, Any]:
    """What a person of the own agency decided after this clearance."""
    return await service.get(session, caller, clearance_id)


@router.get(
    "/clearance-decisions/statistics",
    operation_id="countClearanceDecisions",
    response_model=DecisionCounts,
    summary="Count decisions after clearances",
)
async def count_decisions(caller: Overseer, session: Session) -> dict[str, Any]:
    """By office, decision, reason and the outcome that they were made on, of the own agency; for
    those who may read its log.
    """
    return {"items": await service.decision_counts(session)}


@router.get(
    "/clearance-waivers",
    operation_id="listClearanceWaivers",
    response_model=Page[WaiverOut],
    responses=problems(CursorInvalid),
    summary="List waived requirements",
)
async def list_waivers(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    filters: Annotated[WaiverFilter, Query()],
) -> dict[str, Any]:
    """Of the own agency, newest first."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await service.list_waivers(session, filters, after, filters.limit + 1)
    items, following = pager.page(list(rows), lambda row: [str(row.id)], response)
    return {"items": items, "next_cursor": following}


@router.get(
    "/clearance-waivers/statistics",
    operation_id="countClearanceWaivers",
    response_model=WaiverCounts,
    summary="Count waived requirements",
)
async def count_waivers(caller: Overseer, session: Session) -> dict[str, Any]:
    """By office, reason and requirement, of the own agency; for those who may read its log."""
    return {"items": await service.counts(session)}


@router.post(
    "/clearance-waivers/{waiver_id}/completion",
    status_code=201,
    operation_id="completeClearanceWaiver",
    response_model=WaiverOut,
    responses=problems(
        WaiverNotFound,
        WaiverCompleted,
        ClearanceNotFound,
        ContentsErased,
        RequirementNotMet,
        *_MATCHED,
    ),
    summary="Record that a waived requirement is met",
)
async def complete(
    waiver_id: UUID,
    wanted: CompletionIn,
    caller: Decider,
    version: Version,
    session: Session,
    keys: Keys,
    response: Response,
) -> dict[str, Any]:
    """With a later clearance of the same partner that shows it as met."""
    found = await service.complete(session, keys, caller, waiver_id, version, wanted.clearance_id)
    response.headers["ETag"] = version_etag(found["version"])
    return found
