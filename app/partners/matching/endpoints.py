"""HTTP of matching and of the queue of possible duplicates."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.auth.caller import Caller, requires, requires_once
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
from app.partners.matching import duplicates, queries, service
from app.partners.matching.errors import PairDecided, PairNotFound
from app.partners.matching.schemas import (
    CheckProgress,
    MatchIn,
    MatchOut,
    PairDecisionIn,
    PairFilter,
    PairOut,
)

router = Router(prefix="/partners", tags=["partners"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.PARTNERS_READ)]
Decider = Annotated[Caller, requires_once(Scope.PARTNERS_MERGE)]


@router.post(
    "/match",
    operation_id="matchPartners",
    response_model=MatchOut,
    summary="Find partners by name",
)
async def match_partners(wanted: MatchIn, caller: Reader, session: Session) -> dict[str, Any]:
    """Candidates for an organisation: across typing errors, word order, legal forms, scripts,
    acronyms and former names, each with what agreed and what differed. Stores nothing.
    """
    return await service.match(session, caller, wanted)


@router.get(
    "/duplicates",
    operation_id="listPossibleDuplicates",
    response_model=Page[PairOut],
    responses=problems(CursorInvalid),
    summary="List pairs of profiles that may be one partner",
)
async def list_possible_duplicates(
    request: Request,
    caller: Reader,
    session: Session,
    response: Response,
    filters: Annotated[PairFilter, Query()],
) -> dict[str, Any]:
    """The queue, newest first: pairs of which the caller may know both profiles."""
    pager = Pager(request, caller.client_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await duplicates.page(session, caller, filters, after)
    items, following = pager.page(list(rows), lambda row: [str(row.id)], response)
    return {"items": [duplicates.wire(row) for row in items], "next_cursor": following}


@router.get(
    "/duplicates/progress",
    operation_id="readDuplicateProgress",
    response_model=CheckProgress,
    summary="See how far the check for duplicates is",
)
async def read_duplicate_progress(caller: Reader, session: Session) -> dict[str, Any]:
    """Profiles loaded in bulk, and renamed ones, wait here until they were compared."""
    row = await queries.waiting(session)
    return {"waiting": row.waiting, "oldest_queued_at": row.since}


@router.post(
    "/duplicates/{pair_id}/decision",
    operation_id="decidePossibleDuplicate",
    response_model=PairOut,
    responses=problems(PairNotFound, PairDecided, PreconditionRequired, PreconditionFailed),
    summary="Decide that two profiles are two partners",
)
async def decide_possible_duplicate(
    pair_id: UUID,
    decision: PairDecisionIn,
    version: Annotated[int, Depends(expected_version)],
    caller: Decider,
    session: Session,
    response: Response,
) -> dict[str, Any]:
    """Needs `If-Match`. The pair comes back only if one of the two changes its names. That two
    profiles are one partner is decided by a merge.
    """
    pair = await duplicates.decide(session, caller, pair_id, version, decision)
    response.headers["ETag"] = version_etag(pair["version"])
    return pair
