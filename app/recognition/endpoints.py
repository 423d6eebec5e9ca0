"""HTTP of clearances and rating scales."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from app.auth.caller import Caller, FastWriter, Keys, requires, requires_fast_once
from app.auth.endpoints import KeysDep
from app.auth.scopes import Scope
from app.core.clock import rfc3339
from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute, bytes_etag, not_modified
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.errors import PartnerNotFound
from app.partners.visibility import sees_protected
from app.recognition import queries, receipts, service, standing
from app.recognition.asking import Ask
from app.recognition.desk import Desk
from app.recognition.errors import ClearanceNotFound, ContentsErased, InquiryQuota
from app.recognition.rules import SCALES, RatingScales
from app.recognition.schemas import (
    ClearanceFilter,
    ClearanceIn,
    ClearanceOut,
    ClearanceSummary,
)

router = Router(tags=["recognition"], route_class=RegistryRoute)
Runner = Annotated[FastWriter, requires_fast_once(Scope.CLEARANCE_RUN)]
Reader = Annotated[Caller, requires(Scope.CLEARANCE_READ)]
PolicyReader = Annotated[Caller, requires(Scope.POLICIES_READ)]


@router.post(
    "/clearances",
    status_code=201,
    operation_id="giveClearance",
    response_model=ClearanceOut,
    responses=problems(PartnerNotFound, InquiryQuota),
    summary="Ask before signing",
)
async def clear(request: Request, wanted: ClearanceIn, writer: Runner) -> Response:
    """One complete answer with every reason, stored and logged before it is given.

    An unknown `id` is a 404; an unknown identifier or name is an answer: REFER, and the name is
    screened. Unknown or stale never means clear.
    """
    desk: Desk = request.app.state.clearances
    ask = Ask(request, wanted, await request.body(), writer.token, writer.keys, writer.key)
    given = await desk.clear(ask)
    return Response(
        given.body,
        status_code=201,
        media_type="application/json",
        headers={"Location": given.location},
    )


@router.get(
    "/clearances",
    operation_id="listClearances",
    response_model=Page[ClearanceSummary],
    responses=problems(CursorInvalid),
    summary="List own clearances",
)
async def list_clearances(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    filters: Annotated[ClearanceFilter, Query()],
) -> dict[str, Any]:
    """Clearances of the own agency, newest first."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = None
    if pager.after:
        after = [datetime.fromisoformat(pager.after[0]), UUID(pager.after[1])]
    rows = await queries.list_clearances(
        session,
        caller.agency_id,
        filters.model_dump(include={"partner_id", "outcome"}),
        after,
        filters.limit + 1,
        holder=sees_protected(caller),
    )
    items, following = pager.page(
        list(rows), lambda row: [rfc3339(row.evaluated_at), str(row.clearance_id)], response
    )
    return {"items": items, "next_cursor": following}


@router.get(
    "/clearances/{clearance_id}",
    operation_id="getClearance",
    response_model=ClearanceOut,
    responses=problems(ClearanceNotFound, ContentsErased) | {304: {"description": "Not modified"}},
    summary="Re-read a clearance",
)
async def get_clearance(
    request: Request, clearance_id: UUID, caller: Reader, session: Session, keys: Keys
) -> Response:
    """The answer, byte for byte as it was given. How it stands now is said beside it, in the
    header `Clearance-Status`, and in full by `/status`.
    """
    row, body = await service.read_clearance(session, keys, caller, clearance_id)
    now = await standing.status_of(session, row)
    etag = bytes_etag(body)
    answer = not_modified(request, etag) or Response(
        body, media_type="application/json", headers={"ETag": etag}
    )
    changed = len(now["changed_facts"])
    answer.headers["Clearance-Status"] = f"{now['status']}; changed-facts={changed}"
    return answer


@router.get(
    "/clearances/{clearance_id}/receipt",
    operation_id="getClearanceReceipt",
    response_class=Response,
    responses=problems(ClearanceNotFound)
    | {200: {"content": {"application/jose": {"schema": {"type": "string"}}}}},
    summary="Read the signed receipt",
)
async def get_receipt(
    clearance_id: UUID, caller: Reader, session: Session, keys: KeysDep
) -> Response:
    """Compact JWS (ES256, typ `clearance+jwt`); verifies offline with the signed keys document."""
    row = await service.find_clearance(session, caller, clearance_id)
    receipt = await receipts.get_receipt(session, keys, caller, row)
    body = receipt.encode()
    return Response(body, media_type="application/jose", headers={"ETag": bytes_etag(body)})


@router.get(
    "/rating-scales",
    operation_id="getRatingScales",
    response_model=RatingScales,
    summary="Read the rating scales",
)
async def get_rating_scales(caller: PolicyReader) -> RatingScales:
    """Schemes' own values on the common scale, versioned, with source."""
    return SCALES
