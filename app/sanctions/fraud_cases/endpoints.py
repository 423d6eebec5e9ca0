"""HTTP of fraud cases: opening, reading, and their stages."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.audit.errors import PurposeNotShared, PurposeRequired
from app.audit.exceptions.errors import RoleRequired
from app.auth.caller import Caller, requires, requires_once
from app.auth.errors import CountryOutsideScope, LevelAboveClient, PersonRequired, RoleLacksRight
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
from app.partners.errors import PartnerMerged, PartnerNotFound
from app.partners.purpose import PurposeHeader, purposes_of
from app.sanctions.fraud_cases import errors, reading, service
from app.sanctions.fraud_cases.schemas import (
    FraudCaseDetailOut,
    FraudCaseFilter,
    FraudCaseIn,
    FraudCaseOut,
    FraudCasePatch,
    FraudSummaryFilter,
    FraudSummaryOut,
    ReferralIn,
    StageIn,
)

router = Router(prefix="/fraud-cases", tags=["fraud-cases"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.FRAUD_READ)]
Keeper = Annotated[Caller, requires_once(Scope.FRAUD_WRITE)]
Changer = Annotated[Caller, requires(Scope.FRAUD_WRITE)]
Version = Annotated[int, Depends(expected_version)]
OWN = (errors.FraudCaseNotFound, PersonRequired, RoleLacksRight, errors.MarkerOnly)
VERSIONED = (PreconditionRequired, PreconditionFailed)
_KNOWN = (PartnerNotFound, PartnerMerged)


def tagged(found: dict[str, Any], response: Response) -> dict[str, Any]:
    """The case with its version as a tag."""
    response.headers["ETag"] = version_etag(found["version"])
    return found


def after_of(pager: Pager) -> tuple[datetime, UUID] | None:
    """Time and id of the last row before this page."""
    if pager.after is None:
        return None
    return datetime.fromisoformat(pager.after[0]), UUID(pager.after[1])


@router.post(
    "",
    status_code=201,
    operation_id="openFraudCase",
    response_model=FraudCaseOut,
    responses=problems(
        *_KNOWN,
        PersonRequired,
        RoleLacksRight,
        LevelAboveClient,
        CountryOutsideScope,
        errors.MarkerOnly,
        errors.FraudCaseExists,
    ),
    summary="Record a case of the own oversight office",
)
async def open_case(
    new: FraudCaseIn, caller: Keeper, session: Session, response: Response
) -> dict[str, Any]:
    """By the office's own number, without a story. Visible to the own agency only."""
    made = await service.open_case(session, caller, new)
    response.headers["Location"] = f"/v1/fraud-cases/{made['id']}"
    return tagged(made, response)


@router.get(
    "",
    operation_id="listFraudCases",
    response_model=Page[FraudCaseOut],
    responses=problems(*_KNOWN, CursorInvalid),
    summary="List own fraud cases",
)
async def list_cases(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    filters: Annotated[FraudCaseFilter, Query()],
) -> dict[str, Any]:
    """The own agency's, newest first."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    rows = await reading.list_own(session, caller, filters, after_of(pager))
    items, following = pager.page(
        rows, lambda row: [row.opened_at.isoformat(), str(row.id)], response
    )
    return {"items": [service.wire(row) for row in items], "next_cursor": following}


@router.get(
    "/published",
    operation_id="listPublishedFraudCases",
    response_model=Page[FraudSummaryOut],
    responses=problems(*_KNOWN, CursorInvalid),
    summary="List substantiated fraud cases that agencies have published",
)
async def list_published(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    filters: Annotated[FraudSummaryFilter, Query()],
) -> dict[str, Any]:
    """Of all agencies, in summary: type, stage, amounts, referral and recovery; no file number."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    rows = await reading.list_published(session, caller, filters, after_of(pager))
    items, following = pager.page(
        rows, lambda row: [row.published_at.isoformat(), str(row.id)], response
    )
    return {"items": [dict(row._mapping) for row in items], "next_cursor": following}


@router.get(
    "/{case_id}",
    operation_id="getFraudCase",
    response_model=FraudCaseDetailOut,
    responses=problems(errors.FraudCaseNotFound, PurposeRequired, PurposeNotShared),
    summary="Read a fraud case",
)
async def get_case(
    request: Request,
    case_id: UUID,
    caller: Reader,
    session: Session,
    response: Response,
    access_purpose: PurposeHeader = None,
) -> dict[str, Any]:
    """The own agency's with acts, amounts and history; another's if it is shared, for the purpose
    it is shared for. Each reading is logged."""
    return tagged(await reading.read(session, caller, case_id, purposes_of(request)), response)


@router.patch(
    "/{case_id}",
    operation_id="changeFraudCase",
    response_model=FraudCaseOut,
    responses=problems(
        *OWN,
        errors.FraudCaseClosed,
        errors.LossLowered,
        errors.ExceedsOutstanding,
        errors.RecoveryOutOfOrder,
        errors.LinkUnknown,
        *VERSIONED,
    ),
    summary="Correct the loss, tell of the recovery, link a sanction",
)
async def change_case(
    case_id: UUID,
    patch: FraudCasePatch,
    version: Version,
    caller: Changer,
    session: Session,
    response: Response,
) -> dict[str, Any]:
    """Once a case is substantiated its loss only rises: less is written off by two persons."""
    return tagged(await service.change(session, caller, case_id, version, patch), response)


@router.post(
    "/{case_id}/stage",
    operation_id="moveFraudCase",
    response_model=FraudCaseOut,
    responses=problems(
        *OWN, errors.FraudCaseStageUnfit, errors.FraudCaseClosed, errors.FraudCaseOutstanding
    ),
    summary="Go on to the next stage",
)
async def move_case(
    case_id: UUID, new: StageIn, caller: Keeper, session: Session, now: Now, response: Response
) -> dict[str, Any]:
    """Nothing is taken back. What is unsubstantiated is hidden from others at once; a substantiated
    case is closed when nothing is outstanding."""
    return tagged(await service.go_on(session, caller, case_id, new, now.date()), response)


@router.post(
    "/{case_id}/referral",
    operation_id="referFraudCase",
    response_model=FraudCaseOut,
    responses=problems(*OWN, RoleRequired, errors.ReferralOutOfOrder, errors.FraudCaseClosed),
    summary="Tell of a referral to national authorities",
)
async def refer_case(
    case_id: UUID, new: ReferralIn, caller: Keeper, session: Session, now: Now, response: Response
) -> dict[str, Any]:
    """Status only. From `referred` on it is a person of the legal office who says it: privileges
    and immunities are its business."""
    return tagged(await service.refer(session, caller, case_id, new, now.date()), response)


@router.post(
    "/{case_id}/publication",
    operation_id="publishFraudCase",
    response_model=FraudCaseOut,
    responses=problems(*OWN, errors.NotPublishable, *VERSIONED),
    summary="Let every agency know of a substantiated case",
)
async def publish_case(
    case_id: UUID, version: Version, caller: Keeper, session: Session, response: Response
) -> dict[str, Any]:
    """In summary, and for good; without a body."""
    return tagged(await service.publish(session, caller, case_id, version), response)
