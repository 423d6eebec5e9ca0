"""HTTP of what the partner disputes and asks for: identifiers of its own, and to be deactivated."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.scopes import Scope
from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute
from app.core.paging import CursorInvalid, PageQuery, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners import service
from app.partners.errors import EditsFrozen, PartnerMerged
from app.partners.identifiers import disputes, queries
from app.partners.identifiers.errors import (
    DisputeOpen,
    DocumentsUnknown,
    IdentifierHeld,
    TooManyDisputes,
)
from app.partners.identifiers.schemas import DisputeIn, OwnDisputeOut
from app.partners.identifiers.schemes import rule
from app.partners.self_service import deactivation
from app.partners.self_service.access import own_id
from app.partners.self_service.errors import (
    AlreadyDeactivated,
    DeactivationAlreadyAsked,
    SchemeNotTaken,
)
from app.partners.self_service.schemas import DeactivationAsk, DeactivationAsked

router = Router(prefix="/self", tags=["self"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.SELF_READ)]
Creator = Annotated[Caller, requires_once(Scope.SELF_WRITE)]
Contester = Annotated[Caller, requires_once(Scope.SELF_CONTEST)]


@router.post(
    "/identifier-disputes",
    status_code=201,
    operation_id="raiseOwnIdentifierDispute",
    response_model=OwnDisputeOut,
    responses=problems(
        *(PartnerMerged, EditsFrozen, SchemeNotTaken, DocumentsUnknown, DisputeOpen),
        *(TooManyDisputes, IdentifierHeld),
    ),
    summary="Dispute who holds an own identifier",
)
async def raise_dispute(
    new: DisputeIn, caller: Contester, session: Session, keyring: Keys, response: Response
) -> dict[str, Any]:
    """Answer a 409 `identifier_taken`: the identifier is the own one, and another profile holds it
    wrongly. Both then hold it as `disputed`, until two persons of agencies say whose it is.
    `document_ids` are own documents; a tax number goes through an agency."""
    if rule(new.scheme).restricted:
        raise SchemeNotTaken
    partner = await service.visible_partner(session, caller, own_id(caller))
    dispute_id = await disputes.raise_own(session, keyring, caller, partner, new)
    response.headers["Location"] = "/v1/self/identifier-disputes"
    made = await queries.own_disputes(session, partner.id, None, 1, dispute_id)
    return dict(made[0]._mapping)


@router.get(
    "/identifier-disputes",
    operation_id="listOwnIdentifierDisputes",
    response_model=Page[OwnDisputeOut],
    responses=problems(CursorInvalid),
    summary="List disputes about the own identifiers",
)
async def list_disputes(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    filters: Annotated[PageQuery, Query()],
) -> dict[str, Any]:
    """Those that the own organisation is a side of, newest first, with their outcome; nothing of
    the other side."""
    pager = Pager(request, caller.client_id, filters.limit, filters.cursor)
    rows = await queries.own_disputes(session, own_id(caller), pager.after, filters.limit + 1)
    items, following = pager.page(
        list(rows), lambda row: [row.raised_at.isoformat(), str(row.id)], response
    )
    return {"items": [dict(row._mapping) for row in items], "next_cursor": following}


@router.post(
    "/deactivation",
    status_code=202,
    operation_id="askDeactivation",
    response_model=DeactivationAsked,
    responses=problems(PartnerMerged, AlreadyDeactivated, DeactivationAlreadyAsked),
    summary="Ask that the own profile be deactivated",
)
async def ask_deactivation(
    asked: DeactivationAsk, caller: Creator, session: Session
) -> dict[str, Any]:
    """Tells agencies; two persons of one of them decide. Records stay as long as retention says."""
    return await deactivation.ask(session, caller, asked)


@router.get(
    "/deactivation-requests",
    operation_id="listOwnDeactivationRequests",
    response_model=Page[DeactivationAsked],
    responses=problems(CursorInvalid),
    summary="List the own requests to be deactivated",
)
async def list_deactivation_requests(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    filters: Annotated[PageQuery, Query()],
) -> dict[str, Any]:
    """Newest first, with what an agency decided and when; its reasons are between its persons."""
    pager = Pager(request, caller.client_id, filters.limit, filters.cursor)
    after = None
    if pager.after is not None:
        after = (datetime.fromisoformat(pager.after[0]), UUID(pager.after[1]))
    rows = await deactivation.list_asked(session, own_id(caller), after, filters.limit + 1)
    items, following = pager.page(
        list(rows), lambda row: [row.asked_at.isoformat(), str(row.id)], response
    )
    return {"items": [dict(row._mapping) for row in items], "next_cursor": following}
