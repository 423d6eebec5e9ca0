"""HTTP of deactivation and its reverse."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.auth.caller import Caller, Keys, requires
from app.auth.errors import LevelAboveClient, RoleLacksRight
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
from app.partners.errors import PartnerNotFound
from app.partners.verifications import deactivation
from app.partners.verifications.endpoints import Verifier
from app.partners.verifications.errors import (
    DeactivationDecided,
    DeactivationNotFound,
    DeactivationNotPossible,
    DeactivationOpen,
    DeciderIsProposer,
    ReasonCodeUnknown,
)
from app.partners.verifications.schemas import (
    DeactivationDecision,
    DeactivationIn,
    DeactivationOut,
    VerificationFilter,
)

router = Router(prefix="/partners", tags=["verifications"], route_class=RegistryRoute)
Proposer = Annotated[Caller, requires(Scope.PARTNERS_VERIFY)]
_PROPOSING = problems(
    PartnerNotFound,
    RoleLacksRight,
    LevelAboveClient,
    ReasonCodeUnknown,
    DeactivationNotPossible,
    DeactivationOpen,
)


def _made(response: Response, made: dict[str, Any]) -> dict[str, Any]:
    response.headers["ETag"] = version_etag(made["version"])
    place = f"/v1/partners/{made['partner_id']}/deactivations/{made['id']}"
    response.headers["Location"] = place
    return made


@router.post(
    "/{partner_id}/deactivation",
    status_code=201,
    operation_id="proposeDeactivation",
    response_model=DeactivationOut,
    responses=_PROPOSING,
    summary="Propose to deactivate a partner",
)
async def propose_deactivation(
    partner_id: UUID,
    new: DeactivationIn,
    caller: Verifier,
    session: Session,
    keys: Keys,
    response: Response,
) -> dict[str, Any]:
    """Takes effect when another person of the agency approves. Records and restraints stay."""
    made = await deactivation.propose(session, keys, caller, partner_id, "deactivate", new)
    return _made(response, made)


@router.post(
    "/{partner_id}/reactivation",
    status_code=201,
    operation_id="proposeReactivation",
    response_model=DeactivationOut,
    responses=_PROPOSING,
    summary="Propose to take a deactivated partner in again",
)
async def propose_reactivation(
    partner_id: UUID,
    new: DeactivationIn,
    caller: Verifier,
    session: Session,
    keys: Keys,
    response: Response,
) -> dict[str, Any]:
    """Takes effect when another person of the agency approves; what holds it back stays."""
    made = await deactivation.propose(session, keys, caller, partner_id, "reactivate", new)
    return _made(response, made)


@router.get(
    "/{partner_id}/deactivations",
    operation_id="listDeactivations",
    response_model=Page[DeactivationOut],
    responses=problems(PartnerNotFound, CursorInvalid),
    summary="List the own agency's deactivation proposals",
)
async def list_deactivations(
    request: Request,
    response: Response,
    partner_id: UUID,
    caller: Proposer,
    session: Session,
    filters: Annotated[VerificationFilter, Query()],
) -> dict[str, Any]:
    """Proposals of the own agency for this partner, without their reasons."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    rows = await deactivation.list_proposals(
        session, caller, partner_id, pager.after, filters.limit + 1
    )
    items, following = pager.page(list(rows), deactivation.page_key, response)
    return {"items": [deactivation.wire(row) for row in items], "next_cursor": following}


@router.get(
    "/{partner_id}/deactivations/{deactivation_id}",
    operation_id="getDeactivation",
    response_model=DeactivationOut,
    responses=problems(PartnerNotFound, DeactivationNotFound),
    summary="Read a deactivation proposal of the own agency",
)
async def get_deactivation(
    partner_id: UUID,
    deactivation_id: UUID,
    caller: Proposer,
    session: Session,
    keys: Keys,
    response: Response,
) -> dict[str, Any]:
    """With its reason; the reading is logged."""
    found = await deactivation.read_proposal(session, keys, caller, partner_id, deactivation_id)
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.post(
    "/{partner_id}/deactivations/{deactivation_id}/decision",
    status_code=201,
    operation_id="decideDeactivation",
    response_model=DeactivationOut,
    responses=problems(
        PartnerNotFound,
        DeactivationNotFound,
        RoleLacksRight,
        DeactivationDecided,
        DeciderIsProposer,
        DeactivationNotPossible,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Decide a deactivation proposal",
)
async def decide_deactivation(
    partner_id: UUID,
    deactivation_id: UUID,
    decision: DeactivationDecision,
    version: Annotated[int, Depends(expected_version)],
    caller: Verifier,
    session: Session,
    keys: Keys,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """By another person of the same agency; approval changes the profile in the same moment."""
    decided = await deactivation.decide(
        session, keys, caller, partner_id, deactivation_id, version, decision, now
    )
    response.headers["ETag"] = version_etag(decided["version"])
    return decided
