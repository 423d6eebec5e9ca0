"""HTTP of potential matches, for those who adjudicate."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.audit.errors import PurposeRequired
from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.errors import PersonRequired, RoleLacksRight
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
from app.partners.purpose import PurposeHeader, purposes_of
from app.sanctions.matches import asking, decisions, errors, reading
from app.sanctions.matches.schemas import (
    FactsRequestIn,
    FactsRequestOut,
    MatchAcceptanceIn,
    MatchConfirmationIn,
    MatchDecisionIn,
    MatchDetailOut,
    MatchFilter,
    MatchOut,
    MatchStatisticsOut,
)

router = Router(prefix="/sanctions/matches", tags=["matches"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.SCREENING_ADJUDICATE)]
Adjudicator = Annotated[Caller, requires_once(Scope.SCREENING_ADJUDICATE)]
_DECIDING = (errors.MatchNotFound, errors.MatchGone, PersonRequired, RoleLacksRight)


def _answer(row: Any, response: Response) -> dict[str, Any]:
    response.headers["ETag"] = version_etag(row.version)
    return reading.shown(row)


@router.get(
    "",
    operation_id="listMatches",
    response_model=Page[MatchOut],
    responses=problems(CursorInvalid),
    summary="List potential matches",
)
async def list_matches(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    filters: Annotated[MatchFilter, Query()],
) -> dict[str, Any]:
    """Work items by the day they are due: those of lists that count for all, and of own lists.

    With `mine` only what the own agency has neither decided nor accepted.
    """
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = None
    if pager.after is not None:
        after = (datetime.fromisoformat(pager.after[0]), UUID(pager.after[1]))
    rows = await reading.list_matches(session, caller, filters, after)
    items, following = pager.page(
        list(rows), lambda row: [row.due_at.isoformat(), str(row.id)], response
    )
    return {"items": [reading.shown(row) for row in items], "next_cursor": following}


@router.get(
    "/statistics",
    operation_id="readMatchStatistics",
    response_model=MatchStatisticsOut,
    summary="How often hits were false, by script",
)
async def read_statistics(caller: Reader, session: Session, now: Now) -> dict[str, Any]:
    """Of pairs that were decided: how many, and which share was no match. Scripts with too few are
    listed without figures."""
    return await reading.statistics(session, caller, now)


@router.get(
    "/{match_id}",
    operation_id="getMatch",
    response_model=MatchDetailOut,
    responses=problems(errors.MatchNotFound, PurposeRequired),
    summary="Read a potential match",
)
async def get_match(
    request: Request,
    match_id: UUID,
    caller: Reader,
    session: Session,
    keys: Keys,
    response: Response,
    access_purpose: PurposeHeader = None,
) -> dict[str, Any]:
    """Both sides field by field, how they were compared, own and former decisions, and what other
    agencies offer; for a stated purpose. The reading is logged, and so is that of others' reasons,
    for them to see."""
    found = await reading.read_match(session, keys, caller, match_id, purposes_of(request))
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.post(
    "/{match_id}/decision",
    status_code=201,
    operation_id="decideMatch",
    response_model=MatchOut,
    responses=problems(
        *_DECIDING,
        errors.MatchDecided,
        errors.MatchPending,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Say whether a potential match is one",
)
async def decide(
    match_id: UUID,
    new: MatchDecisionIn,
    version: Annotated[int, Depends(expected_version)],
    caller: Adjudicator,
    session: Session,
    keys: Keys,
    response: Response,
) -> dict[str, Any]:
    """`NOT_A_MATCH` counts at once. `TRUE_MATCH`, a word that takes back an own one, and every word
    on a public office wait for a second person of the agency."""
    row = await decisions.decide(session, keys, caller, match_id, version, new)
    return _answer(row, response)


@router.post(
    "/{match_id}/confirmation",
    status_code=201,
    operation_id="confirmMatchDecision",
    response_model=MatchOut,
    responses=problems(
        *_DECIDING,
        errors.MatchProposalNotFound,
        errors.MatchProposalSettled,
        errors.MatchSecondPerson,
        errors.OfferNotFound,
    ),
    summary="Confirm or refuse a decision that was proposed",
)
async def confirm(
    match_id: UUID,
    new: MatchConfirmationIn,
    caller: Adjudicator,
    session: Session,
    keys: Keys,
    response: Response,
) -> dict[str, Any]:
    """By another person than the one who proposed it; on a public office by the legal office. A
    proposal about a side that has changed since has lapsed."""
    row = await decisions.confirm(session, keys, caller, match_id, new)
    return _answer(row, response)


@router.post(
    "/{match_id}/acceptance",
    status_code=201,
    operation_id="acceptMatchDecision",
    response_model=MatchOut,
    responses=problems(
        *_DECIDING,
        errors.OfferNotFound,
        errors.MatchDecided,
        errors.MatchPending,
        PreconditionFailed,
    ),
    summary="Accept another agency's finding that it is no match",
)
async def accept(
    match_id: UUID,
    new: MatchAcceptanceIn,
    caller: Adjudicator,
    session: Session,
    keys: Keys,
    response: Response,
) -> dict[str, Any]:
    """For this match alone; the setting `accept_not_a_match` accepts for all. It ends when the
    other agency revises its word."""
    row = await decisions.accept(session, keys, caller, match_id, new)
    return _answer(row, response)


@router.post(
    "/{match_id}/facts-request",
    status_code=201,
    operation_id="askFactsForMatch",
    response_model=FactsRequestOut,
    responses=problems(*_DECIDING, errors.FactKindUnknown, errors.FactsAsked),
    summary="Ask the partner for distinguishing facts",
)
async def ask_facts(
    match_id: UUID, new: FactsRequestIn, caller: Adjudicator, session: Session, keys: Keys
) -> dict[str, Any]:
    """Where no investigation is prejudiced. The partner learns which kinds of facts are asked for,
    and nothing of the match; oversight may withhold the request (`match_facts`)."""
    return await asking.ask(session, keys, caller, match_id, new)
