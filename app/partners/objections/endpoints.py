"""HTTP of objections."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response

from app.audit.errors import PurposeRequired
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
)
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.errors import PartnerNotFound
from app.partners.flags.endpoints import after_of
from app.partners.objections import service
from app.partners.objections.errors import (
    EvidenceRequired,
    ObjectionAnswered,
    ObjectionNotFound,
    ObjectionOpen,
    OutsideOfficeRequired,
    StatementNotFound,
)
from app.partners.objections.schemas import (
    AnswerIn,
    ObjectionFilter,
    ObjectionIn,
    ObjectionOut,
    ObjectionTextOut,
)

router = Router(tags=["objections"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.PARTNERS_READ)]
TextReader = Annotated[Caller, requires(Scope.FLAGS_READ)]
Proxy = Annotated[Caller, requires_once(Scope.PARTNERS_WRITE)]
Answerer = Annotated[Caller, requires_once(Scope.OBJECTIONS_ANSWER)]
Partner = Annotated[Caller, requires(Scope.SELF_READ, Scope.SELF_CONTEST)]
Contester = Annotated[Caller, requires_once(Scope.SELF_CONTEST)]


def _key(row: Any) -> list[str]:
    return [row.raised_at.isoformat(), str(row.id)]


@router.post(
    "/self/objections",
    status_code=201,
    operation_id="raiseOwnObjection",
    response_model=ObjectionOut,
    responses=problems(StatementNotFound, ObjectionOpen),
    summary="Object to a statement about the own organisation",
)
async def raise_own(
    new: ObjectionIn, caller: Contester, session: Session, keyring: Keys, now: Now
) -> dict[str, Any]:
    """The statement is shown as contested to everybody who sees it, at once; its owner answers
    within 30 days, after that a person outside the author's office."""
    partner_id = caller.partner_id
    assert partner_id is not None
    return await service.raise_objection(session, keyring, caller, partner_id, new, now)


@router.get(
    "/self/objections",
    operation_id="listOwnObjections",
    response_model=Page[ObjectionTextOut],
    responses=problems(CursorInvalid),
    summary="Objections of the own organisation",
)
async def list_own(
    request: Request,
    caller: Partner,
    session: Session,
    keyring: Keys,
    response: Response,
    filters: Annotated[ObjectionFilter, Query()],
) -> dict[str, Any]:
    """With reason, deadline and answer, newest first."""
    pager = Pager(request, caller.client_id, filters.limit, filters.cursor)
    rows = await service.own_objections(session, caller, filters, after_of(pager))
    items, following = pager.page(rows, _key, response)
    shown = [await service.with_texts(session, keyring, row) for row in items]
    return {"items": shown, "next_cursor": following}


@router.post(
    "/partners/{partner_id}/objections",
    status_code=201,
    operation_id="raiseObjection",
    response_model=ObjectionOut,
    responses=problems(PartnerNotFound, StatementNotFound, EvidenceRequired, ObjectionOpen),
    summary="Object on a partner's behalf",
)
async def raise_for_partner(
    partner_id: UUID,
    new: ObjectionIn,
    caller: Proxy,
    session: Session,
    keyring: Keys,
    now: Now,
) -> dict[str, Any]:
    """For a partner without access of its own; its documents are the evidence."""
    return await service.raise_objection(session, keyring, caller, partner_id, new, now)


@router.get(
    "/partners/{partner_id}/objections",
    operation_id="listObjections",
    response_model=Page[ObjectionOut],
    responses=problems(PartnerNotFound, CursorInvalid),
    summary="List a partner's objections",
)
async def list_objections(
    request: Request,
    partner_id: UUID,
    caller: Reader,
    session: Session,
    response: Response,
    filters: Annotated[ObjectionFilter, Query()],
) -> dict[str, Any]:
    """What is contested and how it stands, newest first; the texts are read apart."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = after_of(pager)
    rows = await service.list_objections(session, caller, partner_id, filters, after)
    items, following = pager.page(rows, _key, response)
    return {"items": [service.wire(row) for row in items], "next_cursor": following}


@router.get(
    "/objections/{objection_id}",
    operation_id="readObjection",
    response_model=ObjectionTextOut,
    responses=problems(ObjectionNotFound, PurposeRequired),
    summary="Read an objection and its answer",
)
async def read_objection(
    request: Request,
    objection_id: UUID,
    caller: TextReader,
    session: Session,
    keyring: Keys,
    access_purpose: Annotated[
        str | None,
        Header(
            description='why another agency\'s statement is looked into: `CODE; ref="reference"`',
            examples=['PARTNER_SELECTION; ref="WFP-KE-2026-17"'],
        ),
    ] = None,
) -> dict[str, Any]:
    """Reason, evidence and answer. The reading is logged; owner and raiser need no purpose."""
    headers = request.headers.getlist("access-purpose") if access_purpose is not None else []
    return await service.read_objection(session, keyring, caller, objection_id, headers)


@router.post(
    "/self/objections/{objection_id}/withdrawal",
    operation_id="withdrawOwnObjection",
    response_model=ObjectionOut,
    responses=problems(ObjectionNotFound, ObjectionAnswered),
    summary="Withdraw an objection of the own organisation",
)
async def withdraw_own(objection_id: UUID, caller: Contester, session: Session) -> dict[str, Any]:
    """While it is open; the statement is not contested by it any more."""
    return await service.withdraw(session, caller, objection_id)


@router.post(
    "/objections/{objection_id}/withdrawal",
    operation_id="withdrawObjection",
    response_model=ObjectionOut,
    responses=problems(ObjectionNotFound, ObjectionAnswered),
    summary="Withdraw an objection raised on a partner's behalf",
)
async def withdraw_for_partner(
    objection_id: UUID, caller: Proxy, session: Session
) -> dict[str, Any]:
    """By the agency that raised it, while it is open."""
    return await service.withdraw(session, caller, objection_id)


@router.post(
    "/objections/{objection_id}/decision",
    operation_id="answerObjection",
    response_model=ObjectionOut,
    responses=problems(
        ObjectionNotFound,
        ObjectionAnswered,
        OutsideOfficeRequired,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Answer an objection",
)
async def answer_objection(
    objection_id: UUID,
    given: AnswerIn,
    version: Annotated[int, Depends(expected_version)],
    caller: Answerer,
    session: Session,
    keyring: Keys,
    now: Now,
) -> dict[str, Any]:
    """By the statement's owner. Once overdue, by a person outside the author's office."""
    return await service.answer(session, keyring, caller, objection_id, version, given, now)
