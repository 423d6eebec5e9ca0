"""HTTP of merges."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.auth.caller import Caller, requires, requires_once
from app.auth.errors import PersonRequired, RoleLacksRight
from app.auth.scopes import Scope
from app.core.db import Session
from app.core.errors import problems
from app.core.http import (
    PreconditionFailed,
    PreconditionRequired,
    RegistryRoute,
    expected_version,
    not_modified,
    version_etag,
)
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.errors import PartnerMerged, PartnerNotFound
from app.partners.merges import errors, service
from app.partners.merges.schemas import (
    MergeDecisionIn,
    MergeFilter,
    MergeIn,
    MergeOut,
    MergeReasonIn,
    MergeSummaryOut,
)

router = Router(tags=["merges"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.PARTNERS_READ, Scope.PARTNERS_MERGE)]
Merger = Annotated[Caller, requires_once(Scope.PARTNERS_MERGE)]
Version = Annotated[int, Depends(expected_version)]
_CONDITIONAL = (PreconditionRequired, PreconditionFailed)
_CHANGING = (errors.MergeNotFound, PersonRequired, RoleLacksRight)


def _answer(found: dict[str, Any], response: Response) -> dict[str, Any]:
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.post(
    "/partners/{partner_id}/merge",
    status_code=201,
    operation_id="proposeMerge",
    response_model=MergeOut,
    responses=problems(
        PartnerNotFound,
        PartnerMerged,
        PersonRequired,
        RoleLacksRight,
        errors.SameProfile,
        errors.SurvivorUnknown,
        errors.MergeOpen,
        *errors.OBSTACLES.values(),
        *_CONDITIONAL,
    ),
    summary="Propose to merge a profile into another",
)
async def propose_merge(
    partner_id: UUID,
    new: MergeIn,
    caller: Merger,
    version: Version,
    session: Session,
    response: Response,
) -> dict[str, Any]:
    """Says that this profile is the same partner as another, which stays; a second person decides.

    `If-Match` has the version of the profile of the path. Until the decision nothing changes.
    """
    found = await service.propose(session, caller, partner_id, version, new)
    response.headers["Location"] = f"/v1/partner-merges/{found['id']}"
    return _answer(found, response)


@router.get(
    "/partner-merges",
    operation_id="listMerges",
    response_model=Page[MergeSummaryOut],
    responses=problems(CursorInvalid),
    summary="List merges",
)
async def list_merges(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    filters: Annotated[MergeFilter, Query()],
) -> dict[str, Any]:
    """Merges of all agencies, proposed, standing and past, newest first."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await service.list_merges(session, caller, filters, after)
    items, following = pager.page(list(rows), lambda row: [str(row.id)], response)
    return {"items": [service.wire(row) for row in items], "next_cursor": following}


@router.get(
    "/partner-merges/{merge_id}",
    operation_id="getMerge",
    response_model=MergeOut,
    responses=problems(errors.MergeNotFound) | {304: {"description": "Not modified"}},
    summary="Read a merge",
)
async def get_merge(
    request: Request, merge_id: UUID, caller: Reader, session: Session, response: Response
) -> Any:
    """A merge with who did what about it, and why; its ETag is its version."""
    found = _answer(await service.get(session, caller, merge_id), response)
    return not_modified(request, response.headers["ETag"]) or found


@router.post(
    "/partner-merges/{merge_id}/decision",
    operation_id="decideMerge",
    response_model=MergeOut,
    responses=problems(
        *_CHANGING,
        errors.SecondPersonRequired,
        errors.MergeDecided,
        PartnerMerged,
        *errors.OBSTACLES.values(),
        *_CONDITIONAL,
    ),
    summary="Approve or reject a merge",
)
async def decide_merge(
    merge_id: UUID,
    decision: MergeDecisionIn,
    caller: Merger,
    version: Version,
    session: Session,
    response: Response,
) -> dict[str, Any]:
    """By another person than the one who proposed it, of whatever agency; needs `If-Match`.

    From the approval on the merged profile's id leads to the other one, and everything that was
    ever said about either is said about both.
    """
    approve = decision.decision == "approve"
    found = await service.decide(
        session, caller, merge_id, version, approve=approve, reason=decision.reason
    )
    return _answer(found, response)


@router.post(
    "/partner-merges/{merge_id}/withdrawal",
    operation_id="withdrawMerge",
    response_model=MergeOut,
    responses=problems(*_CHANGING, errors.MergeDecided),
    summary="Withdraw a proposed merge",
)
async def withdraw_merge(
    merge_id: UUID, why: MergeReasonIn, caller: Merger, session: Session, response: Response
) -> dict[str, Any]:
    """Ends a proposal without a decision; also the one who proposed it may."""
    return _answer(await service.withdraw(session, caller, merge_id, why.reason), response)


@router.post(
    "/partner-merges/{merge_id}/undo",
    operation_id="proposeMergeUndo",
    response_model=MergeOut,
    responses=problems(*_CHANGING, errors.MergeNotInForce, errors.UndoOpen),
    summary="Propose to undo a merge",
)
async def propose_undo(
    merge_id: UUID, why: MergeReasonIn, caller: Merger, session: Session, response: Response
) -> dict[str, Any]:
    """Says that the two are not one partner after all; a second person decides."""
    return _answer(await service.propose_undo(session, caller, merge_id, why.reason), response)


@router.post(
    "/partner-merges/{merge_id}/undo/approval",
    operation_id="decideMergeUndo",
    response_model=MergeOut,
    responses=problems(
        *_CHANGING,
        errors.SecondPersonRequired,
        errors.MergeNotInForce,
        errors.UndoNotProposed,
        *_CONDITIONAL,
    ),
    summary="Undo a merge, or let it stand",
)
async def decide_undo(
    merge_id: UUID,
    decision: MergeDecisionIn,
    caller: Merger,
    version: Version,
    session: Session,
    response: Response,
) -> dict[str, Any]:
    """By another person than the one who proposed the undoing; needs `If-Match`.

    Each profile is then itself again, with the statements that were made about it.
    """
    approve = decision.decision == "approve"
    found = await service.decide_undo(
        session, caller, merge_id, version, approve=approve, reason=decision.reason
    )
    return _answer(found, response)
