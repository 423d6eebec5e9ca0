"""HTTP of questions to owners of statements."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.errors import PersonRequired
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
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.recognition.errors import ClearanceNotFound, ContentsErased
from app.recognition.questions import service
from app.recognition.questions.errors import NotInAnswer, QuestionClosed, QuestionNotFound
from app.recognition.questions.schemas import AnswerIn, QuestionFilter, QuestionIn, QuestionOut

router = Router(tags=["recognition"], route_class=RegistryRoute)
Writer = Annotated[Caller, requires_once(Scope.CLEARANCE_RUN)]
Reader = Annotated[Caller, requires(Scope.CLEARANCE_READ)]
Version = Annotated[int, Depends(expected_version)]
_CLOSING = (
    PersonRequired,
    QuestionNotFound,
    QuestionClosed,
    PreconditionRequired,
    PreconditionFailed,
)


@router.post(
    "/clearances/{clearance_id}/questions",
    status_code=201,
    operation_id="askAboutClearance",
    response_model=QuestionOut,
    responses=problems(PersonRequired, ClearanceNotFound, ContentsErased, NotInAnswer),
    summary="Ask the owner of a statement",
)
async def ask(
    clearance_id: UUID, wanted: QuestionIn, caller: Writer, session: Session, keys: Keys
) -> dict[str, Any]:
    """About an assessment or a measure of another agency that the answer shows. The owner is told;
    it does not learn of the clearance. Nothing is decided by it.
    """
    return await service.ask(session, keys, caller, clearance_id, wanted)


@router.get(
    "/clearance-questions",
    operation_id="listClearanceQuestions",
    response_model=Page[QuestionOut],
    responses=problems(CursorInvalid),
    summary="List questions about statements",
)
async def list_questions(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    filters: Annotated[QuestionFilter, Query()],
) -> dict[str, Any]:
    """Those that the own agency asked, and those it was asked; newest first."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await service.list_questions(session, filters, after, filters.limit + 1)
    items, following = pager.page(list(rows), lambda row: [str(row.id)], response)
    return {"items": items, "next_cursor": following}


@router.get(
    "/clearance-questions/{question_id}",
    operation_id="getClearanceQuestion",
    response_model=QuestionOut,
    responses=problems(QuestionNotFound),
    summary="Read a question",
)
async def get_question(
    question_id: UUID, caller: Reader, session: Session, response: Response
) -> dict[str, Any]:
    """With its outcome, once there is one."""
    found = await service.get(session, question_id)
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.post(
    "/clearance-questions/{question_id}/answer",
    status_code=201,
    operation_id="answerClearanceQuestion",
    response_model=QuestionOut,
    responses=problems(*_CLOSING),
    summary="Answer a question about a statement of yours",
)
async def answer(
    question_id: UUID, wanted: AnswerIn, caller: Writer, version: Version, session: Session
) -> dict[str, Any]:
    """By the owner of the statement. A correction is made in the statement's own place."""
    return await service.close(session, caller, question_id, version, wanted.outcome)


@router.post(
    "/clearance-questions/{question_id}/withdrawal",
    status_code=201,
    operation_id="withdrawClearanceQuestion",
    response_model=QuestionOut,
    responses=problems(*_CLOSING),
    summary="Take a question back",
)
async def withdraw(
    question_id: UUID, caller: Writer, version: Version, session: Session
) -> dict[str, Any]:
    """By the agency that asked."""
    return await service.close(session, caller, question_id, version, None)
