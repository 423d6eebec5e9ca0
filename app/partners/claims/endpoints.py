"""HTTP of invitations and claims."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.audit.errors import PurposeRequired
from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.errors import PersonRequired, RoleLacksRight
from app.auth.scopes import Scope
from app.core.clock import Now
from app.core.db import Session
from app.core.errors import ServiceError, problems
from app.core.http import (
    PreconditionFailed,
    PreconditionRequired,
    RegistryRoute,
    expected_version,
    version_etag,
)
from app.core.idempotency import shown_once
from app.core.limits import RateLimited, address_of, limits_of
from app.core.paging import CursorInvalid, PageQuery, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.core.settings import Settings
from app.partners.claims import control, invitations, queries, service
from app.partners.claims.errors import (
    ClaimDecided,
    ClaimNotFound,
    ClaimsCompete,
    ControlInDispute,
    DeciderApprovedIt,
    DeciderFiledIt,
    InvitationNotFound,
    InvitationUnusable,
    KeysUnfit,
    NotDisputed,
)
from app.partners.claims.schemas import (
    ClaimDecided as ClaimDecidedOut,
)
from app.partners.claims.schemas import (
    ClaimDecision,
    ClaimDetail,
    ClaimIn,
    ClaimOut,
    ControlDecided,
    ControlDecision,
    ControlOut,
    InvitationIn,
    InvitationMade,
    InvitationOut,
    OwnClaimIn,
    OwnClaimOut,
)
from app.partners.errors import PartnerNotFound
from app.partners.purpose import PurposeHeader, purposes_of

router = Router(tags=["claims"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.PARTNERS_CLAIMS)]
Writer = Annotated[Caller, requires_once(Scope.PARTNERS_CLAIMS)]
_PATH = "/partners/{partner_id}"
_COMMON = (PartnerNotFound, RoleLacksRight, PersonRequired)
_GUARD = "invitation"


def _after(pager: Pager) -> queries.After:
    if pager.after is None:
        return None
    return datetime.fromisoformat(pager.after[0]), UUID(pager.after[1])


@router.post(
    "/claims",
    status_code=202,
    operation_id="claimPartner",
    response_model=OwnClaimOut,
    responses=problems(InvitationUnusable, KeysUnfit, ControlInDispute, RateLimited),
    summary="Claim a profile with an invitation code",
)
async def claim_partner(
    request: Request, new: OwnClaimIn, session: Session, keyring: Keys
) -> dict[str, Any]:
    """Needs no token: the code is the proof that one was invited. An agency then checks that the
    claimant acts for the partner; the answer says nothing of the partner. Sent again with the same
    code and keys, it is the same claim."""
    settings: Settings = request.app.state.settings
    limits, address = limits_of(request), address_of(request, settings)
    limits.guess(address, _GUARD)
    try:
        made = await service.claim_with_code(session, keyring, new)
    except InvitationUnusable:
        raise
    except ServiceError:
        limits.guessed_right(address, _GUARD)
        raise
    limits.guessed_right(address, _GUARD)
    return made


@router.post(
    _PATH + "/invitations",
    status_code=201,
    operation_id="invitePartner",
    response_model=InvitationMade,
    responses=problems(*_COMMON),
    summary="Invite somebody to claim a profile",
)
async def invite(
    request: Request,
    partner_id: UUID,
    new: InvitationIn,
    caller: Writer,
    session: Session,
    keyring: Keys,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """A code for one claim within 30 days, in this answer and never again; the agency hands it to
    the partner's office on a way that it trusts."""
    shown_once(request, "code")
    made = await invitations.invite(session, keyring, caller, partner_id, new, now)
    response.headers["Location"] = f"/v1/partners/{partner_id}/invitations"
    return made


@router.get(
    _PATH + "/invitations",
    operation_id="listInvitations",
    response_model=Page[InvitationOut],
    responses=problems(*_COMMON, CursorInvalid),
    summary="List the own agency's invitations for a partner",
)
async def list_invitations(
    request: Request,
    partner_id: UUID,
    caller: Reader,
    session: Session,
    response: Response,
    filters: Annotated[PageQuery, Query()],
) -> dict[str, Any]:
    """Newest first, without their codes."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    rows = await invitations.list_invitations(
        session, caller, partner_id, _after(pager), filters.limit
    )
    items, following = pager.page(
        list(rows), lambda row: [row.created_at.isoformat(), str(row.id)], response
    )
    return {"items": items, "next_cursor": following}


@router.delete(
    _PATH + "/invitations/{invitation_id}",
    status_code=204,
    operation_id="revokeInvitation",
    responses=problems(*_COMMON, InvitationNotFound),
    summary="Revoke an invitation",
)
async def revoke_invitation(
    partner_id: UUID, invitation_id: UUID, caller: Reader, session: Session
) -> None:
    """Its code cannot be used any more. One that was used is beyond revoking; reject its claim."""
    await invitations.revoke(session, caller, partner_id, invitation_id)


@router.post(
    _PATH + "/claims",
    status_code=201,
    operation_id="fileClaim",
    response_model=ClaimOut,
    responses=problems(*_COMMON, KeysUnfit, ControlInDispute),
    summary="File a claim on a partner's behalf",
)
async def file_claim(
    partner_id: UUID,
    new: ClaimIn,
    caller: Writer,
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """For a claimant without an invitation, with documents. On a partner that keeps itself it
    puts control in dispute, and nothing of the profile changes until that is decided."""
    made = await service.file_claim(session, keyring, caller, partner_id, new)
    response.headers["Location"] = f"/v1/partners/{partner_id}/claims/{made['id']}"
    response.headers["ETag"] = version_etag(made["version"])
    return made


@router.get(
    _PATH + "/claims",
    operation_id="listClaims",
    response_model=Page[ClaimOut],
    responses=problems(*_COMMON, CursorInvalid),
    summary="List claims on a profile",
)
async def list_claims(
    request: Request,
    partner_id: UUID,
    caller: Reader,
    session: Session,
    response: Response,
    filters: Annotated[PageQuery, Query()],
) -> dict[str, Any]:
    """Newest first, of every agency, without their claimants."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    rows = await service.list_claims(session, caller, partner_id, _after(pager), filters.limit)
    items, following = pager.page(
        list(rows), lambda row: [row.filed_at.isoformat(), str(row.id)], response
    )
    return {"items": [service.wire(row) for row in items], "next_cursor": following}


@router.get(
    _PATH + "/claims/{claim_id}",
    operation_id="readClaim",
    response_model=ClaimDetail,
    responses=problems(*_COMMON, ClaimNotFound, PurposeRequired),
    summary="Read a claim with its claimant",
)
async def read_claim(
    request: Request,
    partner_id: UUID,
    claim_id: UUID,
    caller: Reader,
    session: Session,
    keyring: Keys,
    response: Response,
    access_purpose: PurposeHeader = None,
) -> dict[str, Any]:
    """Who claims, RESTRICTED: asks for a purpose, and the reading is logged."""
    shown = await service.read_claim(
        session, keyring, caller, partner_id, claim_id, purposes_of(request)
    )
    response.headers["ETag"] = version_etag(shown["version"])
    return shown


@router.post(
    _PATH + "/claims/{claim_id}/decision",
    operation_id="decideClaim",
    response_model=ClaimDecidedOut,
    responses=problems(
        *_COMMON,
        ClaimNotFound,
        ClaimDecided,
        ClaimsCompete,
        ControlInDispute,
        DeciderFiledIt,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Decide a claim",
)
async def decide_claim(
    request: Request,
    partner_id: UUID,
    claim_id: UUID,
    given: ClaimDecision,
    version: Annotated[int, Depends(expected_version)],
    caller: Writer,
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """One agency's check suffices, by another person than who filed the claim. Approval makes the
    partner's client and gives the partner its profile, at once."""
    shown_once(request, "client_secret")
    decided = await service.decide(session, keyring, caller, partner_id, claim_id, version, given)
    response.headers["ETag"] = version_etag(decided["version"])
    return decided


@router.get(
    _PATH + "/control",
    operation_id="getControl",
    response_model=ControlOut,
    responses=problems(*_COMMON, NotDisputed),
    summary="Read the dispute over who controls a profile",
)
async def get_control(
    partner_id: UUID, caller: Reader, session: Session, response: Response
) -> dict[str, Any]:
    """The open one, else the latest."""
    found = await control.get_control(session, caller, partner_id)
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.post(
    _PATH + "/control/decision",
    operation_id="decideControl",
    response_model=ControlDecided,
    responses=problems(
        *_COMMON,
        NotDisputed,
        DeciderApprovedIt,
        DeciderFiledIt,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Decide who controls a profile",
)
async def decide_control(
    request: Request,
    partner_id: UUID,
    given: ControlDecision,
    version: Annotated[int, Depends(expected_version)],
    caller: Writer,
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """By an agency other than the one that approved what is contested. It ends the dispute and
    the freeze; clients that lose are revoked in the same moment."""
    shown_once(request, "client_secret")
    decided = await control.decide(session, keyring, caller, partner_id, version, given)
    response.headers["ETag"] = version_etag(decided["version"])
    return decided
