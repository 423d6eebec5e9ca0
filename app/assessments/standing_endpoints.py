"""HTTP of standing shares."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from app.agencies.errors import AgencyUnknown
from app.assessments import standing
from app.assessments.errors import (
    SharedWithSelf,
    SharePeriodInvalid,
    SharingPoliciesFull,
    SharingPolicyExists,
    SharingPolicyNotFound,
)
from app.assessments.sharing_schemas import SharingPolicyFilter, SharingPolicyIn, SharingPolicyOut
from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.errors import (
    CountryOutsideScope,
    LevelAboveClient,
    PersonRequired,
    RoleLacksRight,
    RoleUnknown,
)
from app.auth.scopes import Scope
from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.errors import PartnerMerged, PartnerNotFound

router = Router(prefix="/sharing-policies", tags=["assessments"], route_class=RegistryRoute)
Giver = Annotated[Caller, requires_once(Scope.ASSESSMENTS_SHARE)]
Holder = Annotated[Caller, requires(Scope.ASSESSMENTS_SHARE)]


@router.post(
    "",
    status_code=201,
    operation_id="giveSharingPolicy",
    response_model=SharingPolicyOut,
    responses=problems(
        PersonRequired,
        RoleLacksRight,
        LevelAboveClient,
        CountryOutsideScope,
        RoleUnknown,
        PartnerNotFound,
        PartnerMerged,
        AgencyUnknown,
        SharedWithSelf,
        SharePeriodInvalid,
        SharingPolicyExists,
        SharingPoliciesFull,
    ),
    summary="Share by a standing policy",
)
async def give_policy(
    new: SharingPolicyIn, caller: Giver, session: Session, keyring: Keys, response: Response
) -> dict[str, Any]:
    """Let another agency read every own assessment that fits, those filed later included.

    Filters are joined by and. A policy without any is for everything and must say `"all": true`.
    Drafts, AGENCY_ONLY and withdrawn assessments are never shared.
    """
    given = await standing.give(session, keyring, caller, new)
    response.headers["Location"] = f"/v1/sharing-policies/{given['id']}"
    return given


@router.get(
    "",
    operation_id="listSharingPolicies",
    response_model=Page[SharingPolicyOut],
    responses=problems(PersonRequired, CursorInvalid),
    summary="List standing policies",
)
async def list_policies(
    request: Request,
    response: Response,
    caller: Holder,
    session: Session,
    keyring: Keys,
    filters: Annotated[SharingPolicyFilter, Query()],
) -> dict[str, Any]:
    """Policies the calling agency gave or got, ended ones included, newest first."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await standing.list_policies(session, filters, after)
    items, following = pager.page(rows, lambda row: [str(row.id)], response)
    shown = [await standing.wire(session, keyring, row) for row in items]
    return {"items": shown, "next_cursor": following}


@router.get(
    "/{policy_id}",
    operation_id="getSharingPolicy",
    response_model=SharingPolicyOut,
    responses=problems(PersonRequired, SharingPolicyNotFound),
    summary="Read a standing policy",
)
async def get_policy(
    policy_id: UUID, caller: Holder, session: Session, keyring: Keys
) -> dict[str, Any]:
    """One policy, for its owner and its recipient."""
    return await standing.get(session, keyring, policy_id)


@router.delete(
    "/{policy_id}",
    status_code=204,
    operation_id="endSharingPolicy",
    response_model=None,
    responses=problems(PersonRequired, RoleLacksRight, SharingPolicyNotFound),
    summary="End a standing policy",
)
async def end_policy(policy_id: UUID, caller: Holder, session: Session) -> Response:
    """End a policy at once: the recipient's next read of what it alone shared is a 404."""
    await standing.end(session, caller, policy_id)
    return Response(status_code=204)
