"""HTTP of shares and access requests."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.agencies.errors import AgencyUnknown
from app.assessments import access_decisions, access_requests, sharing
from app.assessments.errors import (
    AccessNotNeeded,
    AccessRequestDecided,
    AccessRequestNotFound,
    AccessRequestOpen,
    AnswerDayInvalid,
    AssessmentNotFound,
    DecisionExceedsRequest,
    NotShareable,
    OwnerWithdrawn,
    OwnRecord,
    SharedWithSelf,
    ShareExists,
    ShareNotFound,
    SharePeriodInvalid,
)
from app.assessments.sharing_schemas import (
    AccessRequestFilter,
    AccessRequestIn,
    AccessRequestOut,
    DecisionIn,
    ShareIn,
    ShareOut,
)
from app.assessments.terms import opened
from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.errors import LevelAboveClient, PersonRequired, RoleLacksRight, RoleUnknown
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
from app.core.paging import LIMIT_DEFAULT, CursorInvalid, CursorText, Limit, Pager
from app.core.routing import Router
from app.core.schemas import Page

shares = Router(prefix="/assessments", tags=["assessments"], route_class=RegistryRoute)
requests = Router(prefix="/access-requests", tags=["access requests"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.ASSESSMENTS_READ)]
Asker = Annotated[Caller, requires_once(Scope.ASSESSMENTS_DETAIL)]
Giver = Annotated[Caller, requires_once(Scope.ASSESSMENTS_SHARE)]
Revoker = Annotated[Caller, requires(Scope.ASSESSMENTS_SHARE)]


@shares.post(
    "/{assessment_id}/shares",
    status_code=201,
    operation_id="shareAssessment",
    response_model=ShareOut,
    responses=problems(
        AssessmentNotFound,
        PersonRequired,
        RoleLacksRight,
        AgencyUnknown,
        NotShareable,
        SharedWithSelf,
        RoleUnknown,
        SharePeriodInvalid,
        ShareExists,
    ),
    summary="Share an assessment",
)
async def share_assessment(
    assessment_id: UUID,
    new: ShareIn,
    caller: Giver,
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """Let another agency read an own assessment, for one purpose and a period."""
    given = await sharing.share(session, keyring, caller, assessment_id, new)
    response.headers["Location"] = f"/v1/assessments/{assessment_id}/shares/{given['id']}"
    return given


@shares.get(
    "/{assessment_id}/shares",
    operation_id="listAssessmentShares",
    response_model=Page[ShareOut],
    responses=problems(AssessmentNotFound, CursorInvalid),
    summary="List shares of an assessment",
)
async def list_shares(
    request: Request,
    response: Response,
    assessment_id: UUID,
    caller: Reader,
    session: Session,
    keyring: Keys,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText | None = None,
) -> dict[str, Any]:
    """All shares for the owner; for another agency those it was given."""
    pager = Pager(request, caller.agency_id, limit, cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await sharing.list_shares(session, caller, assessment_id, after, limit + 1)
    items, following = pager.page(rows, lambda row: [str(row.id)], response)
    shown = [await opened(session, keyring, "assessment_shares", row) for row in items]
    return {"items": shown, "next_cursor": following}


@shares.delete(
    "/{assessment_id}/shares/{share_id}",
    status_code=204,
    operation_id="revokeAssessmentShare",
    response_model=None,
    responses=problems(ShareNotFound, PersonRequired, RoleLacksRight),
    summary="Revoke a share",
)
async def revoke_share(
    assessment_id: UUID, share_id: UUID, caller: Revoker, session: Session
) -> Response:
    """Take a share back; the recipient's next read is a 404."""
    await sharing.revoke(session, caller, assessment_id, share_id)
    return Response(status_code=204)


@requests.post(
    "",
    status_code=201,
    operation_id="requestAccess",
    response_model=AccessRequestOut,
    responses=problems(
        AssessmentNotFound,
        RoleLacksRight,
        LevelAboveClient,
        OwnRecord,
        OwnerWithdrawn,
        AccessNotNeeded,
        AnswerDayInvalid,
        SharePeriodInvalid,
        AccessRequestOpen,
    ),
    summary="Ask for an assessment",
)
async def request_access(
    new: AccessRequestIn, caller: Asker, session: Session, keyring: Keys, response: Response
) -> dict[str, Any]:
    """Ask the owner to share an assessment whose summary the calling agency can see."""
    asked = await access_requests.ask(session, keyring, caller, new)
    response.headers["Location"] = f"/v1/access-requests/{asked['id']}"
    response.headers["ETag"] = version_etag(asked["version"])
    return asked


@requests.get(
    "",
    operation_id="listAccessRequests",
    response_model=Page[AccessRequestOut],
    responses=problems(CursorInvalid),
    summary="List access requests",
)
async def list_access_requests(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    keyring: Keys,
    filters: Annotated[AccessRequestFilter, Query()],
) -> dict[str, Any]:
    """Requests the calling agency sent or received, newest first."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await access_requests.list_requests(session, caller, filters, after)
    items, following = pager.page(rows, lambda row: [str(row.id)], response)
    return {
        "items": [await access_requests.wire(session, keyring, row) for row in items],
        "next_cursor": following,
    }


@requests.get(
    "/{request_id}",
    operation_id="getAccessRequest",
    response_model=AccessRequestOut,
    responses=problems(AccessRequestNotFound) | {304: {"description": "Not modified"}},
    summary="Read an access request",
)
async def get_access_request(
    request: Request,
    request_id: UUID,
    caller: Reader,
    session: Session,
    keyring: Keys,
    response: Response,
) -> Any:
    """One request, for the asking agency and the owner; its ETag is its version."""
    found = await access_requests.get_request(session, keyring, caller, request_id)
    etag = version_etag(found["version"])
    response.headers["ETag"] = etag
    return not_modified(request, etag) or found


@requests.post(
    "/{request_id}/decision",
    operation_id="decideAccessRequest",
    response_model=AccessRequestOut,
    responses=problems(
        AccessRequestNotFound,
        PersonRequired,
        RoleLacksRight,
        AccessRequestDecided,
        DecisionExceedsRequest,
        NotShareable,
        RoleUnknown,
        SharePeriodInvalid,
        ShareExists,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Decide an access request",
)
async def decide_access_request(
    request_id: UUID,
    decision: DecisionIn,
    caller: Giver,
    version: Annotated[int, Depends(expected_version)],
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """A named person of the owner approves, which gives the share, or denies with a reason."""
    decided = await access_decisions.decide(session, keyring, caller, request_id, version, decision)
    response.headers["ETag"] = version_etag(decided["version"])
    return decided


@requests.post(
    "/{request_id}/withdrawal",
    operation_id="withdrawAccessRequest",
    response_model=AccessRequestOut,
    responses=problems(AccessRequestNotFound, AccessRequestDecided),
    summary="Withdraw an own access request",
)
async def withdraw_access_request(
    request_id: UUID, caller: Asker, session: Session, keyring: Keys, response: Response
) -> dict[str, Any]:
    """The asking agency takes its request back while nobody has decided; it may ask anew."""
    withdrawn = await access_requests.withdraw(session, keyring, caller, request_id)
    response.headers["ETag"] = version_etag(withdrawn["version"])
    return withdrawn
