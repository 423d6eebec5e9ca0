"""HTTP of cases."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.errors import LevelAboveClient, PersonRequired, RoleLacksRight
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
from app.core.paging import LIMIT_DEFAULT, CursorInvalid, CursorText, Limit, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.errors import PartnerMerged
from app.partners.public_authority import GovernmentEntity
from app.sanctions.cases import errors, reading, service
from app.sanctions.cases.models import SanctionCase
from app.sanctions.cases.schemas import (
    CaseDetailOut,
    CaseIn,
    CaseOut,
    DecisionIn,
    NoticeIn,
    ReplyIn,
    ReviewIn,
)
from app.sanctions.entries.errors import (
    EntryOverlaps,
    MeasureNeedsPeriod,
    MeasureTermsInvalid,
    NamedEntryUnknown,
)
from app.sanctions.entries.schemas import EntryOut
from app.sanctions.errors import DateNotPossible

router = Router(prefix="/sanctions", tags=["sanctions"], route_class=RegistryRoute)
CaseReader = Annotated[
    Caller,
    requires(Scope.SANCTIONS_WRITE, Scope.SANCTIONS_REVIEW, Scope.SANCTIONS_DECIDE),
]
"""Whoever has a part in a case reads it."""
Investigator = Annotated[Caller, requires_once(Scope.SANCTIONS_WRITE)]
Reviewer = Annotated[Caller, requires_once(Scope.SANCTIONS_REVIEW)]
Decider = Annotated[Caller, requires_once(Scope.SANCTIONS_DECIDE)]
Version = Annotated[int, Depends(expected_version)]
STEP = (
    errors.CaseNotFound,
    errors.RespondentNotFound,
    errors.StepOutOfOrder,
    DateNotPossible,
    PersonRequired,
    RoleLacksRight,
)
"""What a step of a case may raise."""
LISTED = (
    errors.IndividualRedacted,
    MeasureNeedsPeriod,
    MeasureTermsInvalid,
    NamedEntryUnknown,
    EntryOverlaps,
    GovernmentEntity,
)
"""What putting a measure on the list may raise."""


async def answer(session: AsyncSession, case: SanctionCase, response: Response) -> dict[str, Any]:
    """The case as it is served, with its version."""
    response.headers["ETag"] = version_etag(case.version)
    return await reading.show(session, case)


@router.post(
    "/cases",
    status_code=201,
    operation_id="openSanctionCase",
    response_model=CaseOut,
    responses=problems(
        errors.PartnerUnknown,
        PartnerMerged,
        GovernmentEntity,
        DateNotPossible,
        PersonRequired,
        RoleLacksRight,
        LevelAboveClient,
    ),
    summary="Open a case",
)
async def open_case(
    new: CaseIn, caller: Investigator, session: Session, keys: Keys, now: Now, response: Response
) -> dict[str, Any]:
    """Open a case on a finding. Visible to the own agency only, and never as a sanction."""
    case = await service.open_case(session, keys, caller, new, now)
    response.headers["Location"] = f"/v1/sanctions/cases/{case.id}"
    return await answer(session, case, response)


@router.get(
    "/cases",
    operation_id="listSanctionCases",
    response_model=Page[CaseOut],
    responses=problems(CursorInvalid),
    summary="List own cases",
)
async def list_cases(
    request: Request,
    response: Response,
    caller: CaseReader,
    session: Session,
    partner_id: UUID | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText | None = None,
) -> dict[str, Any]:
    """Cases of the own agency, and those it has joined.

    With `partner_id` those on all profiles that are this partner.
    """
    pager = Pager(request, caller.agency_id, limit, cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await service.list_cases(session, caller, partner_id, after, limit + 1)
    items, following = pager.page(rows, lambda row: [str(row.id)], response)
    return {"items": await reading.shown(session, items), "next_cursor": following}


@router.get(
    "/cases/{case_id}",
    operation_id="getSanctionCase",
    response_model=CaseDetailOut,
    responses=problems(errors.CaseNotFound),
    summary="Read a case",
)
async def get_case(
    case_id: UUID, caller: CaseReader, session: Session, keys: Keys, response: Response
) -> dict[str, Any]:
    """A case of the own agency with what was written at each step; the reading is logged.

    Of a case that it has joined, the parts that the leading agency shares.
    """
    case = await service.read_case(session, keys, caller, case_id)
    response.headers["ETag"] = version_etag(case["version"])
    return case


@router.post(
    "/cases/{case_id}/notice",
    status_code=201,
    operation_id="recordSanctionNotice",
    response_model=CaseOut,
    responses=problems(*STEP),
    summary="Record the notice",
)
async def record_notice(
    case_id: UUID,
    notice: NoticeIn,
    caller: Investigator,
    session: Session,
    keys: Keys,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """The partner was told of the case; the reply period starts on the day it was sent."""
    case = await service.record_notice(session, keys, caller, case_id, notice, now)
    return await answer(session, case, response)


@router.post(
    "/cases/{case_id}/reply",
    status_code=201,
    operation_id="recordSanctionReply",
    response_model=CaseOut,
    responses=problems(*STEP),
    summary="Record the partner's reply",
)
async def record_reply(
    case_id: UUID,
    reply: ReplyIn,
    caller: Investigator,
    session: Session,
    keys: Keys,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """The partner replied, or waived its reply; either ends the reply period."""
    case = await service.record_reply(session, keys, caller, case_id, reply, now)
    return await answer(session, case, response)


@router.post(
    "/cases/{case_id}/review",
    status_code=201,
    operation_id="reviewSanctionCase",
    response_model=CaseOut,
    responses=problems(*STEP, errors.SamePerson, errors.ReplyPeriodOpen, errors.PanelTooSmall),
    summary="Review a case",
)
async def review_case(
    case_id: UUID,
    review: ReviewIn,
    caller: Reviewer,
    session: Session,
    keys: Keys,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """A person other than the investigator reviews, after a reply or the end of its period.

    Also a person of an agency that lends its panel.
    """
    case = await service.record_review(session, keys, caller, case_id, review, now)
    return await answer(session, case, response)


@router.post(
    "/cases/{case_id}/decision",
    status_code=201,
    operation_id="decideSanctionCase",
    response_model=EntryOut,
    responses=problems(
        *STEP,
        errors.SamePerson,
        errors.AdvisedAgainst,
        errors.AppealSuspends,
        *LISTED,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Decide a case",
)
async def decide_case(
    case_id: UUID,
    decision: DecisionIn,
    version: Version,
    caller: Decider,
    session: Session,
    keys: Keys,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """A third person imposes a measure; it goes to the shared list in the same transaction.

    A review that advises against it stops the decision, unless the procedure lets it depart from
    the review with reasons. An interim suspension ends with it.
    """
    entry = await service.decide(session, keys, caller, case_id, version, decision, now)
    response.headers["Location"] = f"/v1/sanctions/entries/{entry['entry_id']}"
    return entry
