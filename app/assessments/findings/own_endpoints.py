"""HTTP of findings, for the partner they are about."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from app.assessments.findings import own
from app.assessments.findings.errors import FindingClosed, FindingNotFound
from app.assessments.findings.schemas import (
    FindingOut,
    FindingTextOut,
    FindingWithHistoryOut,
    ResponseIn,
)
from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.scopes import Scope
from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute
from app.core.paging import CursorInvalid, PageQuery, Pager
from app.core.routing import Router
from app.core.schemas import Page

router = Router(prefix="/self/findings", tags=["self"], route_class=RegistryRoute)
Own = Annotated[Caller, requires(Scope.SELF_READ)]
Contester = Annotated[Caller, requires_once(Scope.SELF_CONTEST)]


@router.get(
    "",
    operation_id="listOwnFindings",
    response_model=Page[FindingTextOut],
    responses=problems(CursorInvalid),
    summary="Read the findings about the own organisation",
)
async def list_own(
    request: Request,
    response: Response,
    caller: Own,
    session: Session,
    keyring: Keys,
    filters: Annotated[PageQuery, Query()],
) -> dict[str, Any]:
    """Of final reports of every agency, newest first; without what oversight keeps back."""
    pager = Pager(request, caller.client_id, filters.limit, filters.cursor)
    after = None
    if pager.after:
        after = (datetime.fromisoformat(pager.after[0]), UUID(pager.after[1]))
    rows = await own.list_own(session, caller, after, filters.limit + 1)
    items, following = pager.page(
        rows, lambda row: [row.created_at.isoformat(), str(row.id)], response
    )
    return {
        "items": await own.disclose(session, keyring, caller, items),
        "next_cursor": following,
    }


@router.get(
    "/{finding_id}",
    operation_id="readOwnFinding",
    response_model=FindingWithHistoryOut,
    responses=problems(FindingNotFound),
    summary="Read a finding about the own organisation and its follow-up",
)
async def read_own(
    finding_id: UUID, caller: Own, session: Session, keyring: Keys
) -> dict[str, Any]:
    """What was found, agreed, settled and done; of a verification that it was made, and when."""
    return await own.read_own(session, keyring, caller, finding_id)


@router.post(
    "/{finding_id}/responses",
    status_code=201,
    operation_id="respondToFinding",
    response_model=FindingOut,
    responses=problems(FindingNotFound, FindingClosed),
    summary="Answer a finding about the own organisation",
)
async def respond(
    finding_id: UUID, new: ResponseIn, caller: Contester, session: Session, keyring: Keys
) -> dict[str, Any]:
    """Until it is closed; a newer answer replaces the earlier one, which stays readable."""
    return await own.respond(session, keyring, caller, finding_id, new)
