"""HTTP of standing shares with a group of agencies."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import Response

from app.agencies.errors import AgencyUnknown
from app.assessments.errors import (
    SharedWithSelf,
    SharePeriodInvalid,
    SharingPoliciesFull,
    SharingPolicyExists,
)
from app.assessments.groups import members, service
from app.assessments.groups.errors import (
    AgencyNotInGroup,
    GroupEmpty,
    GroupShareNotFound,
    GroupUnknown,
    NoDefaultPolicies,
)
from app.assessments.groups.schemas import (
    DefaultsIn,
    GroupShareIn,
    GroupShareOut,
    GroupsOut,
    MemberIn,
)
from app.assessments.standing_endpoints import Giver, Holder
from app.assessments.types.base import AgencyCode
from app.auth.caller import Keys
from app.auth.errors import (
    CountryOutsideScope,
    LevelAboveClient,
    PersonRequired,
    RoleLacksRight,
    RoleUnknown,
)
from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute
from app.core.routing import Router
from app.partners.errors import PartnerMerged, PartnerNotFound

router = Router(prefix="/sharing-policies", tags=["assessments"], route_class=RegistryRoute)
_GIVING = (
    PersonRequired,
    RoleLacksRight,
    LevelAboveClient,
    GroupUnknown,
    GroupEmpty,
    SharePeriodInvalid,
    SharingPolicyExists,
    SharingPoliciesFull,
)


@router.get(
    "/groups",
    operation_id="listSharingGroups",
    response_model=GroupsOut,
    responses=problems(PersonRequired),
    summary="List groups of agencies to share with",
)
async def list_groups(caller: Holder, session: Session) -> dict[str, Any]:
    """Groups of agencies, who of them is in the registry, and which of those the own agency's live
    shares with the group cover: an agency that joined later is not covered by itself."""
    return {"items": await service.list_groups(session, caller)}


@router.post(
    "/groups",
    status_code=201,
    operation_id="shareWithGroup",
    response_model=GroupShareOut,
    responses=problems(*_GIVING, CountryOutsideScope, RoleUnknown, PartnerNotFound, PartnerMerged),
    summary="Share with a group by standing policies",
)
async def share_with_group(
    new: GroupShareIn, caller: Giver, session: Session, keyring: Keys, response: Response
) -> dict[str, Any]:
    """One standing policy for each other agency of the group that is in the registry now: all of
    them, or none. Whoever joins later gets one by `POST /v1/sharing-policies`."""
    given = await service.give(session, keyring, caller, new)
    response.headers["Location"] = "/v1/sharing-policies/groups"
    return given


@router.post(
    "/defaults",
    status_code=201,
    operation_id="giveDefaultPolicies",
    response_model=GroupShareOut,
    responses=problems(*_GIVING, CountryOutsideScope, NoDefaultPolicies),
    summary="Give the usual policies of a type",
)
async def give_defaults(
    new: DefaultsIn, caller: Giver, session: Session, keyring: Keys, response: Response
) -> dict[str, Any]:
    """What agencies usually share of a type with a group, as one share with that group; the levels
    and purposes are versioned data of the registry."""
    given = await service.give_defaults(session, keyring, caller, new)
    response.headers["Location"] = "/v1/sharing-policies/groups"
    return given


@router.delete(
    "/groups/{group_id}",
    status_code=204,
    operation_id="endGroupShare",
    response_model=None,
    responses=problems(PersonRequired, RoleLacksRight, GroupShareNotFound),
    summary="End a share with a group",
)
async def end_group_share(group_id: UUID, caller: Holder, session: Session) -> Response:
    """End all policies that were given with the group at once."""
    await service.end(session, caller, group_id)
    return Response(status_code=204)


@router.post(
    "/groups/{group_id}/members",
    status_code=201,
    operation_id="addGroupShareMember",
    response_model=GroupShareOut,
    responses=problems(
        PersonRequired,
        RoleLacksRight,
        LevelAboveClient,
        CountryOutsideScope,
        RoleUnknown,
        PartnerNotFound,
        PartnerMerged,
        GroupShareNotFound,
        AgencyUnknown,
        AgencyNotInGroup,
        SharedWithSelf,
        SharePeriodInvalid,
        SharingPolicyExists,
        SharingPoliciesFull,
    ),
    summary="Share with one more agency of a group",
)
async def add_member(
    group_id: UUID,
    new: MemberIn,
    caller: Giver,
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """On the terms of a live share with the group: for an agency that joined later, or was taken
    out. Takes effect at once, on all that fits; the answer has what was given now."""
    given = await members.add(session, keyring, caller, group_id, new.agency)
    response.headers["Location"] = "/v1/sharing-policies/groups"
    return given


@router.delete(
    "/groups/{group_id}/members/{agency}",
    status_code=204,
    operation_id="removeGroupShareMember",
    response_model=None,
    responses=problems(PersonRequired, RoleLacksRight, GroupShareNotFound),
    summary="End a share with one agency of a group",
)
async def remove_member(
    group_id: UUID, agency: AgencyCode, caller: Holder, session: Session
) -> Response:
    """Ends at once what this agency was given with the group; the others keep theirs, and it keeps
    what it was given alone."""
    await members.remove(session, caller, group_id, agency)
    return Response(status_code=204)
