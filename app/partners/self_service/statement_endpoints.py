"""HTTP of statements about the partner, and of its comments on them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.audit.errors import PurposeRequired
from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.scopes import Scope
from app.core.clock import Now
from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute
from app.core.paging import CursorInvalid, PageQuery, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.errors import PartnerNotFound
from app.partners.purpose import PurposeHeader, purposes_of
from app.partners.self_service import comments, statements
from app.partners.self_service.access import own_id
from app.partners.self_service.errors import CommentTooLate, StatementUnknown
from app.partners.self_service.schemas import (
    CommentIn,
    CommentOut,
    CommentQuery,
    StatementKind,
    StatementOut,
)

router = Router(tags=["self"], route_class=RegistryRoute)
Own = Annotated[Caller, requires(Scope.SELF_READ)]
Contester = Annotated[Caller, requires_once(Scope.SELF_CONTEST)]
TextReader = Annotated[Caller, requires(Scope.FLAGS_READ)]


async def providers_of(request: Request) -> Sequence[statements.Provider]:
    """What the application's features tell partners of."""
    providers: Sequence[statements.Provider] = request.app.state.statements
    return providers


Providers = Annotated[Sequence[statements.Provider], Depends(providers_of)]


def _after(pager: Pager) -> statements.After:
    if pager.after is None:
        return None
    return datetime.fromisoformat(pager.after[0]), UUID(pager.after[1])


@router.get(
    "/self/statements",
    operation_id="listOwnStatements",
    response_model=Page[StatementOut],
    responses=problems(CursorInvalid),
    summary="Read what agencies state about the own organisation",
)
async def list_statements(
    request: Request,
    caller: Own,
    session: Session,
    providers: Providers,
    response: Response,
    filters: Annotated[PageQuery, Query()],
) -> dict[str, Any]:
    """Of every agency and kind, newest first, with what is contested and until when a comment is
    taken; without drafts, and without what oversight keeps back for a time."""
    pager = Pager(request, caller.client_id, filters.limit, filters.cursor)
    rows = await statements.list_statements(
        session, providers, own_id(caller), _after(pager), filters.limit + 1
    )
    items, following = pager.page(
        rows, lambda row: [row["stated_at"].isoformat(), str(row["id"])], response
    )
    return {"items": items, "next_cursor": following}


@router.post(
    "/self/statements/{kind}/{statement_id}/comments",
    status_code=201,
    operation_id="commentStatement",
    response_model=CommentOut,
    responses=problems(StatementUnknown, CommentTooLate),
    summary="Comment on a statement about the own organisation",
)
async def comment_statement(
    kind: StatementKind,
    statement_id: UUID,
    new: CommentIn,
    caller: Contester,
    session: Session,
    keyring: Keys,
    providers: Providers,
    now: Now,
) -> dict[str, Any]:
    """Within 15 days; it stands beside the statement for whoever may read that."""
    return await comments.comment(session, keyring, caller, providers, kind, statement_id, new, now)


@router.get(
    "/self/comments",
    operation_id="listOwnComments",
    response_model=Page[CommentOut],
    responses=problems(CursorInvalid),
    summary="Read the own comments on a statement",
)
async def list_own_comments(
    request: Request,
    caller: Own,
    session: Session,
    keyring: Keys,
    response: Response,
    query: Annotated[CommentQuery, Query()],
) -> dict[str, Any]:
    """Newest first."""
    pager = Pager(request, caller.client_id, query.limit, query.cursor)
    rows = await comments.list_comments(session, caller, own_id(caller), query, _after(pager))
    items, following = pager.page(
        list(rows), lambda row: [row.made_at.isoformat(), str(row.id)], response
    )
    shown = await comments.disclose(session, keyring, caller, items, [])
    return {"items": shown, "next_cursor": following}


@router.get(
    "/partners/{partner_id}/comments",
    operation_id="listStatementComments",
    response_model=Page[CommentOut],
    responses=problems(PartnerNotFound, PurposeRequired, CursorInvalid),
    summary="Read a partner's comments on a statement",
)
async def list_statement_comments(
    request: Request,
    partner_id: UUID,
    caller: TextReader,
    session: Session,
    keyring: Keys,
    response: Response,
    query: Annotated[CommentQuery, Query()],
    access_purpose: PurposeHeader = None,
) -> dict[str, Any]:
    """For whoever may read the statement; the reading is logged. Its owner needs no purpose."""
    pager = Pager(request, caller.agency_id, query.limit, query.cursor)
    rows = await comments.list_comments(session, caller, partner_id, query, _after(pager))
    items, following = pager.page(
        list(rows), lambda row: [row.made_at.isoformat(), str(row.id)], response
    )
    shown = await comments.disclose(session, keyring, caller, items, purposes_of(request))
    return {"items": shown, "next_cursor": following}
