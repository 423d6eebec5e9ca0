"""HTTP of correction requests, for agencies and for the partner."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.auth.caller import Caller, Keys, requires, requires_once
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
from app.partners.corrections import service
from app.partners.corrections.errors import (
    CorrectionDecided,
    CorrectionNotFound,
    NotKeptByPartner,
    ProposalUnfit,
)
from app.partners.corrections.schemas import (
    CorrectionDecision,
    CorrectionFilter,
    CorrectionIn,
    CorrectionOut,
)
from app.partners.errors import EditsFrozen, PartnerMerged, PartnerNotFound
from app.partners.self_service.access import own_id

router = Router(tags=["corrections"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.PARTNERS_WRITE)]
Filer = Annotated[Caller, requires_once(Scope.PARTNERS_WRITE)]
Own = Annotated[Caller, requires(Scope.SELF_READ)]
OwnWriter = Annotated[Caller, requires_once(Scope.SELF_WRITE)]


@router.post(
    "/partners/{partner_id}/corrections",
    status_code=201,
    operation_id="fileCorrection",
    response_model=CorrectionOut,
    responses=problems(PartnerNotFound, NotKeptByPartner, ProposalUnfit),
    summary="Ask a partner to correct its profile",
)
async def file_correction(
    partner_id: UUID,
    new: CorrectionIn,
    caller: Filer,
    session: Session,
    keyring: Keys,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """For a partner that keeps its profile itself; it answers within 15 days."""
    made = await service.file_correction(session, keyring, caller, partner_id, new, now)
    response.headers["Location"] = f"/v1/partners/{partner_id}/corrections"
    response.headers["ETag"] = version_etag(made["version"])
    return made


async def _page(
    request: Request,
    caller: Caller,
    partner_id: UUID,
    session: Session,
    keyring: Keys,
    filters: CorrectionFilter,
    response: Response,
) -> dict[str, Any]:
    pager = Pager(request, caller.client_id, filters.limit, filters.cursor)
    after = None
    if pager.after:
        after = (datetime.fromisoformat(pager.after[0]), UUID(pager.after[1]))
    rows = await service.list_corrections(session, caller, partner_id, filters, after)
    items, following = pager.page(
        list(rows), lambda row: [row.filed_at.isoformat(), str(row.id)], response
    )
    shown = await service.disclose(session, keyring, caller, items)
    return {"items": shown, "next_cursor": following}


@router.get(
    "/partners/{partner_id}/corrections",
    operation_id="listCorrections",
    response_model=Page[CorrectionOut],
    responses=problems(PartnerNotFound, CursorInvalid),
    summary="List the own agency's correction requests",
)
async def list_corrections(
    request: Request,
    partner_id: UUID,
    caller: Reader,
    session: Session,
    keyring: Keys,
    response: Response,
    filters: Annotated[CorrectionFilter, Query()],
) -> dict[str, Any]:
    """Newest first, with the partner's answers."""
    return await _page(request, caller, partner_id, session, keyring, filters, response)


@router.get(
    "/self/corrections",
    operation_id="listOwnCorrections",
    response_model=Page[CorrectionOut],
    responses=problems(PartnerMerged, CursorInvalid),
    summary="List what agencies ask the own organisation to correct",
)
async def list_own(
    request: Request,
    caller: Own,
    session: Session,
    keyring: Keys,
    response: Response,
    filters: Annotated[CorrectionFilter, Query()],
) -> dict[str, Any]:
    """Newest first, with the days by which they are to be answered."""
    return await _page(request, caller, own_id(caller), session, keyring, filters, response)


@router.post(
    "/self/corrections/{correction_id}/decision",
    operation_id="decideCorrection",
    response_model=CorrectionOut,
    responses=problems(
        CorrectionNotFound,
        CorrectionDecided,
        ProposalUnfit,
        PartnerMerged,
        EditsFrozen,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Answer a correction request",
)
async def decide_correction(
    correction_id: UUID,
    given: CorrectionDecision,
    version: Annotated[int, Depends(expected_version)],
    caller: OwnWriter,
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """Accepted, it is applied in the same moment as the partner's own change."""
    decided = await service.decide(session, keyring, caller, correction_id, version, given)
    response.headers["ETag"] = version_etag(decided["version"])
    return decided
