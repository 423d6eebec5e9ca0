"""HTTP of cases, for the partner that answers in them."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.scopes import Scope
from app.core.clock import Now
from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute
from app.core.paging import CursorInvalid, PageQuery, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.sanctions.cases import errors, own
from app.sanctions.cases.own_schemas import (
    OwnAppealIn,
    OwnAppealOut,
    OwnCaseDetailOut,
    OwnCaseOut,
    OwnReplyIn,
)

router = Router(prefix="/self/sanction-cases", tags=["self"], route_class=RegistryRoute)
Own = Annotated[Caller, requires(Scope.SELF_READ)]
Contester = Annotated[Caller, requires_once(Scope.SELF_CONTEST)]


@router.get(
    "",
    operation_id="listOwnSanctionCases",
    response_model=Page[OwnCaseOut],
    responses=problems(CursorInvalid),
    summary="List the cases in which the own organisation answers",
)
async def list_own(
    request: Request,
    response: Response,
    caller: Own,
    session: Session,
    filters: Annotated[PageQuery, Query()],
) -> dict[str, Any]:
    """From the notice on, of every agency; without what oversight keeps back."""
    pager = Pager(request, caller.client_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await own.list_own(session, caller, after, filters.limit + 1)
    items, following = pager.page(rows, lambda row: [str(row.id)], response)
    return {"items": await own.shown(session, items), "next_cursor": following}


@router.get(
    "/{answer_id}",
    operation_id="readOwnSanctionCase",
    response_model=OwnCaseDetailOut,
    responses=problems(errors.CaseNotFound),
    summary="Read the own notice and decision",
)
async def read_own(answer_id: UUID, caller: Own, session: Session, keys: Keys) -> dict[str, Any]:
    """Notice, replies, decision with its route of appeal, appeals; never the case file."""
    return await own.read_own(session, keys, caller, answer_id)


@router.post(
    "/{answer_id}/reply",
    status_code=201,
    operation_id="replyToSanctionNotice",
    response_model=OwnCaseOut,
    responses=problems(errors.CaseNotFound, errors.StepOutOfOrder),
    summary="Reply to a notice",
)
async def reply(
    answer_id: UUID, new: OwnReplyIn, caller: Contester, session: Session, keys: Keys, now: Now
) -> dict[str, Any]:
    """It ends the reply period; the agency reviews with it at hand."""
    return await own.reply(session, keys, caller, answer_id, new, now)


@router.post(
    "/{answer_id}/appeals",
    status_code=201,
    operation_id="appealAgainstSanction",
    response_model=OwnAppealOut,
    responses=problems(
        errors.CaseNotFound, errors.StepOutOfOrder, errors.AppealPeriodOver, errors.AppealOpen
    ),
    summary="Appeal against a decision",
)
async def appeal(
    answer_id: UUID, new: OwnAppealIn, caller: Contester, session: Session, keys: Keys, now: Now
) -> Any:
    """Within its period, or ask to reconsider at any time; one of them is open at a time."""
    return await own.appeal(session, keys, caller, answer_id, new, now)
