"""HTTP of disputes about identifiers."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.audit.errors import PurposeRequired
from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.errors import PersonRequired, RoleLacksRight
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
from app.core.paging import CursorInvalid, PageQuery, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners import service as partners
from app.partners.errors import EditsFrozen, OwnedByPartner, PartnerNotFound
from app.partners.identifiers import deciding, disputes
from app.partners.identifiers.endpoints import Stated
from app.partners.identifiers.errors import (
    DisputeDecided,
    DisputeNotFound,
    DisputeOpen,
    HolderUnfit,
    IdentifierHeld,
    ProfileMerged,
    SamePerson,
)
from app.partners.identifiers.schemas import (
    DisputeDecisionIn,
    DisputeGrounds,
    DisputeIn,
    DisputeOut,
)

router = Router(
    prefix="/partners/{partner_id}/identifier-disputes",
    tags=["identifiers"],
    route_class=RegistryRoute,
)
Reader = Annotated[Caller, requires(Scope.PARTNERS_READ)]
Raiser = Annotated[Caller, requires_once(Scope.PARTNERS_WRITE)]
Concerned = Annotated[Caller, requires(Scope.PARTNERS_CLAIMS, Scope.PARTNERS_WRITE)]
Decider = Annotated[Caller, requires_once(Scope.PARTNERS_CLAIMS)]


@router.post(
    "",
    status_code=201,
    operation_id="raiseIdentifierDispute",
    response_model=DisputeOut,
    responses=problems(
        PartnerNotFound,
        PersonRequired,
        RoleLacksRight,
        EditsFrozen,
        OwnedByPartner,
        ProfileMerged,
        DisputeOpen,
        IdentifierHeld,
    ),
    summary="Dispute who holds an identifier",
)
async def raise_dispute(
    partner_id: UUID,
    new: DisputeIn,
    caller: Raiser,
    session: Session,
    keys: Keys,
    response: Response,
) -> dict[str, Any]:
    """Answer a 409: the identifier is this profile's, and another one holds it wrongly.

    Both profiles then hold it as `disputed`, until a person decides. It goes on resolving to the
    profile that had it first.
    """
    partner = await partners.visible_partner(session, caller, partner_id)
    made = await disputes.raise_dispute(session, keys, caller, partner, new)
    response.headers["Location"] = f"/v1/partners/{partner_id}/identifier-disputes/{made['id']}"
    response.headers["ETag"] = version_etag(made["version"])
    return made


@router.get(
    "",
    operation_id="listIdentifierDisputes",
    response_model=Page[DisputeOut],
    responses=problems(PartnerNotFound, CursorInvalid),
    summary="List disputes about a partner's identifiers",
)
async def list_disputes(
    request: Request,
    response: Response,
    partner_id: UUID,
    caller: Reader,
    session: Session,
    filters: Annotated[PageQuery, Query()],
) -> dict[str, Any]:
    """Disputes that the profile is a side of, newest first; without their texts."""
    partner = await partners.visible_partner(session, caller, partner_id)
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    rows = await disputes.list_disputes(session, caller, partner, pager.after, filters.limit + 1)
    items, following = pager.page(
        rows, lambda row: [row["raised_at"].isoformat(), str(row["id"])], response
    )
    return {"items": items, "next_cursor": following}


@router.get(
    "/{dispute_id}",
    operation_id="getIdentifierDispute",
    response_model=DisputeOut,
    responses=problems(PartnerNotFound, DisputeNotFound),
    summary="Read a dispute",
)
async def get_dispute(
    partner_id: UUID, dispute_id: UUID, caller: Reader, session: Session, response: Response
) -> dict[str, Any]:
    """A dispute without its texts; its ETag is what a decision needs."""
    partner = await partners.visible_partner(session, caller, partner_id)
    found = await disputes.get_dispute(session, caller, partner, dispute_id)
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.get(
    "/{dispute_id}/grounds",
    operation_id="readIdentifierDisputeGrounds",
    response_model=DisputeGrounds,
    responses=problems(PartnerNotFound, DisputeNotFound, PurposeRequired),
    summary="Read the texts of a dispute",
)
async def read_grounds(
    partner_id: UUID,
    dispute_id: UUID,
    caller: Concerned,
    session: Session,
    keys: Keys,
    stated: Stated,
) -> dict[str, Any]:
    """Grounds, reason and proposals: for the agency that raised it, and for a purpose for who may
    decide."""
    partner = await partners.visible_partner(session, caller, partner_id)
    return await disputes.read_grounds(session, keys, caller, partner, dispute_id, stated)


@router.post(
    "/{dispute_id}/decision",
    operation_id="decideIdentifierDispute",
    response_model=DisputeOut,
    responses=problems(
        PartnerNotFound,
        DisputeNotFound,
        RoleLacksRight,
        SamePerson,
        HolderUnfit,
        DisputeDecided,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Decide a dispute",
)
async def decide(
    partner_id: UUID,
    dispute_id: UUID,
    decision: DisputeDecisionIn,
    version: Annotated[int, Depends(expected_version)],
    caller: Decider,
    session: Session,
    keys: Keys,
    response: Response,
) -> dict[str, Any]:
    """Say whose identifier it is; the other profile holds it no longer. Not by who raised it.

    What the partner itself raised is decided when a second person says the same: the first answer
    stays `open`, with `proposed_for` and a new version.
    """
    partner = await partners.visible_partner(session, caller, partner_id)
    made = await deciding.decide(session, keys, caller, partner, dispute_id, version, decision)
    response.headers["ETag"] = version_etag(made["version"])
    return made
