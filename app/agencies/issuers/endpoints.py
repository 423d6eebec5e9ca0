"""HTTP of trusted issuers."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.agencies.issuers import queries, service
from app.agencies.issuers.errors import (
    IssuerDecided,
    IssuerExists,
    IssuerKeyShared,
    IssuerKeysUnusable,
    IssuerNotFound,
    SamePerson,
)
from app.agencies.issuers.schemas import (
    ApprovalIn,
    TrustedIssuerFilter,
    TrustedIssuerIn,
    TrustedIssuerOut,
    TrustedIssuerSummaryOut,
)
from app.auth.caller import Caller, requires, requires_once
from app.auth.endpoints import SettingsDep, TrustedDep
from app.auth.errors import PersonRequired
from app.auth.scopes import Scope
from app.core.db import DatabaseDep, Session
from app.core.errors import InvalidRequest, problems
from app.core.http import (
    PreconditionFailed,
    PreconditionRequired,
    RegistryRoute,
    expected_version,
    not_modified,
    version_etag,
)
from app.core.outbound import OutboundDep
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page

router = Router(prefix="/trusted-issuers", tags=["trusted issuers"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.AGENCIES_READ, Scope.AGENCIES_ADMIN)]
Admin = Annotated[Caller, requires(Scope.AGENCIES_ADMIN)]
WritingAdmin = Annotated[Caller, requires_once(Scope.AGENCIES_ADMIN)]


@router.post(
    "",
    status_code=201,
    operation_id="proposeTrustedIssuer",
    response_model=TrustedIssuerOut,
    responses=problems(PersonRequired, IssuerExists, InvalidRequest),
    summary="Propose a trusted issuer",
)
async def propose_issuer(
    new: TrustedIssuerIn,
    caller: WritingAdmin,
    session: Session,
    settings: SettingsDep,
    outbound: OutboundDep,
    response: Response,
) -> dict[str, Any]:
    """A named person proposes an identity provider of the own agency; a second one decides.

    The terms are fixed here: whoever wants others revokes it and proposes it anew.
    """
    row = await service.propose(session, settings, outbound, caller, new)
    response.headers["Location"] = f"/v1/trusted-issuers/{row.id}"
    response.headers["ETag"] = version_etag(row.version)
    return service.wire(row, caller.agency_code)


@router.get(
    "",
    operation_id="listTrustedIssuers",
    response_model=Page[TrustedIssuerSummaryOut],
    responses=problems(CursorInvalid),
    summary="List trusted issuers",
)
async def list_issuers(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    filters: Annotated[TrustedIssuerFilter, Query()],
) -> dict[str, Any]:
    """Which issuer speaks for which agency, of all agencies, oldest first."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await queries.list_issuers(
        session, filters.agency, filters.status, after, filters.limit + 1
    )
    items, following = pager.page(list(rows), lambda row: [str(row.id)], response)
    return {"items": items, "next_cursor": following}


@router.get(
    "/{issuer_id}",
    operation_id="getTrustedIssuer",
    response_model=TrustedIssuerOut,
    responses=problems(IssuerNotFound) | {304: {"description": "Not modified"}},
    summary="Read a trusted issuer",
)
async def get_issuer(
    request: Request, issuer_id: UUID, caller: Admin, session: Session, response: Response
) -> Any:
    """All terms of an issuer of the own agency; its ETag is its version."""
    row = await service.get_issuer(session, caller, issuer_id)
    etag = version_etag(row.version)
    response.headers["ETag"] = etag
    return not_modified(request, etag) or service.wire(row, caller.agency_code)


@router.post(
    "/{issuer_id}/approval",
    operation_id="decideTrustedIssuer",
    response_model=TrustedIssuerOut,
    responses=problems(
        IssuerNotFound,
        PersonRequired,
        SamePerson,
        IssuerDecided,
        IssuerKeysUnusable,
        IssuerKeyShared,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Approve or refuse a trusted issuer",
)
async def decide_issuer(
    issuer_id: UUID,
    decision: ApprovalIn,
    caller: WritingAdmin,
    version: Annotated[int, Depends(expected_version)],
    session: Session,
    database: DatabaseDep,
    trusted: TrustedDep,
    response: Response,
) -> dict[str, Any]:
    """A second named person of the agency decides; at approval the key set is fetched once.

    It must hold a usable key, and none that signs for another issuer.
    """
    row = await service.decide(
        session, database, trusted.key_sets, caller, issuer_id, version, decision
    )
    trusted.issuers.forget()
    response.headers["ETag"] = version_etag(row.version)
    return service.wire(row, caller.agency_code)


@router.delete(
    "/{issuer_id}",
    status_code=204,
    operation_id="revokeTrustedIssuer",
    response_model=None,
    responses=problems(IssuerNotFound, PersonRequired, IssuerDecided),
    summary="Revoke a trusted issuer",
)
async def revoke_issuer(
    issuer_id: UUID, caller: Admin, session: Session, trusted: TrustedDep
) -> Response:
    """A named person ends the trust: tokens of the issuer are refused from their next request."""
    await service.revoke(session, caller, issuer_id)
    trusted.issuers.forget()
    return Response(status_code=204)
