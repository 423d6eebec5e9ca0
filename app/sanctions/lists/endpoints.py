"""HTTP of external lists."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Query, Request, Response

from app.auth.caller import Caller, requires, requires_once
from app.auth.errors import PersonRequired
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
from app.sanctions.lists import errors, queries, service
from app.sanctions.lists.schemas import (
    AsOf,
    ListedPartyDetailOut,
    ListedPartyOut,
    ListUseIn,
    ListUseOut,
    PartyFilter,
    SourcesOut,
    VersionOut,
)

router = Router(prefix="/sanctions", tags=["sanctions"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.SANCTIONS_READ)]
Proposer = Annotated[
    Caller,
    requires_once(Scope.SANCTIONS_WRITE, Scope.SANCTIONS_REVIEW, Scope.SANCTIONS_DECIDE),
]
Decider = Annotated[Caller, requires_once(Scope.SANCTIONS_DECIDE)]
Ender = Annotated[Caller, requires(Scope.SANCTIONS_DECIDE)]
Version = Annotated[int, Depends(expected_version)]
SourceCode = Annotated[
    str,
    Path(
        pattern=r"^[a-z][a-z0-9_]{0,30}(:[a-z0-9_]{1,40})?$",
        description="code of a list, as `GET /v1/sanctions/sources` has it",
        examples=["unsc"],
    ),
]
_USE = problems(
    errors.SourceNotFound, errors.ListCountsForAll, errors.ListUseNotFound, errors.ListUseClosed
)


@router.get(
    "/sources",
    operation_id="listSanctionSources",
    response_model=SourcesOut,
    summary="List external lists",
)
async def list_sources(caller: Reader, session: Session, now: Now) -> dict[str, Any]:
    """External lists: for whom each counts; of those that count for the caller version, digest,
    counts and freshness."""
    return {"items": await service.sources_for(session, caller, now)}


@router.get(
    "/sources/{code}/versions",
    operation_id="listListVersions",
    response_model=Page[VersionOut],
    responses=problems(errors.SourceNotFound, CursorInvalid),
    summary="List the imported issues of a list",
)
async def list_versions(
    request: Request,
    response: Response,
    code: SourceCode,
    caller: Reader,
    session: Session,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText | None = None,
) -> dict[str, Any]:
    """Each issue that was in force, the newest first: when, and what it added, changed, removed."""
    await service.counting(session, caller, code)
    pager = Pager(request, caller.agency_id, limit, cursor)
    after = int(pager.after[0]) if pager.after else None
    rows = await queries.list_versions(session, code, after, limit + 1)
    items, following = pager.page(list(rows), lambda row: [row.version], response)
    return {"items": items, "next_cursor": following}


@router.get(
    "/sources/{code}/parties",
    operation_id="listListedParties",
    response_model=Page[ListedPartyOut],
    responses=problems(errors.SourceNotFound, errors.ListVersionNotFound, CursorInvalid),
    summary="List the parties of a list",
)
async def list_parties(
    request: Request,
    response: Response,
    code: SourceCode,
    caller: Reader,
    session: Session,
    filters: Annotated[PartyFilter, Query()],
) -> dict[str, Any]:
    """Parties with everything their publisher says, as in force, as of a version or a moment.

    `q` is a plain search for a part of a name; whether somebody is listed is for a screening.
    """
    await service.counting(session, caller, code)
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after: UUID | None = None
    version: int | None
    if pager.after:
        # Pages after the first stay in the version that the first was of.
        version, after = int(pager.after[0]), UUID(pager.after[1])
    else:
        version = await service.version_asked(session, code, filters)
    if version is None:
        return {"items": [], "next_cursor": None}
    q = filters.q.casefold() if filters.q else None
    rows = await queries.list_parties(session, code, version, q, after, filters.limit + 1)
    items, following = pager.page(list(rows), lambda row: [version, str(row.entry_id)], response)
    return {"items": [service.shown_party(row) for row in items], "next_cursor": following}


@router.get(
    "/sources/{code}/parties/{entry_id}",
    operation_id="getListedParty",
    response_model=ListedPartyDetailOut,
    responses=problems(
        errors.SourceNotFound, errors.ListedPartyNotFound, errors.ListVersionNotFound
    ),
    summary="Read a party of a list",
)
async def get_party(
    code: SourceCode,
    entry_id: UUID,
    caller: Reader,
    session: Session,
    wanted: Annotated[AsOf, Query()],
) -> Any:
    """One party with everything stored, and the record as it was published."""
    await service.counting(session, caller, code)
    return await service.find_party(session, code, entry_id, wanted)


@router.get(
    "/sources/{code}/uses",
    operation_id="listListUses",
    response_model=Page[ListUseOut],
    responses=problems(errors.SourceNotFound, errors.ListCountsForAll, CursorInvalid),
    summary="List the uses of a list",
)
async def list_uses(
    request: Request,
    response: Response,
    code: SourceCode,
    caller: Reader,
    session: Session,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText | None = None,
) -> dict[str, Any]:
    """Who switched this list on, when, on what legal basis: the own agency's; of a joint list,
    all agencies'."""
    await service.selectable(session, code)
    pager = Pager(request, caller.agency_id, limit, cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await queries.list_uses(session, code, after, limit + 1)
    items, following = pager.page(list(rows), lambda row: [str(row.id)], response)
    return {"items": items, "next_cursor": following}


@router.post(
    "/sources/{code}/uses",
    status_code=201,
    operation_id="proposeListUse",
    response_model=ListUseOut,
    responses=problems(
        errors.SourceNotFound, errors.ListCountsForAll, errors.ListUseOpen, PersonRequired
    ),
    summary="Propose to use a list",
)
async def propose_use(
    code: SourceCode, new: ListUseIn, caller: Proposer, session: Session, response: Response
) -> dict[str, Any]:
    """Propose that the own agency, or of a joint list all agencies, use it; another approves."""
    use = await service.propose(session, caller, code, new)
    response.headers["ETag"] = version_etag(use["version"])
    return use


@router.post(
    "/sources/{code}/uses/{use_id}/approval",
    operation_id="approveListUse",
    response_model=ListUseOut,
    responses=_USE
    | problems(
        errors.SecondPersonNeeded,
        errors.SecondAgencyNeeded,
        PreconditionRequired,
        PreconditionFailed,
        PersonRequired,
    ),
    summary="Approve the use of a list",
)
async def approve_use(
    code: SourceCode,
    use_id: UUID,
    version: Version,
    caller: Decider,
    session: Session,
    response: Response,
    now: Now,
) -> dict[str, Any]:
    """A second person, of a joint list one of another agency: from now on the list counts."""
    use = await service.approve(session, caller, code, use_id, version, now)
    response.headers["ETag"] = version_etag(use["version"])
    return use


@router.delete(
    "/sources/{code}/uses/{use_id}",
    status_code=204,
    operation_id="endListUse",
    responses=_USE | problems(PersonRequired),
    summary="Switch a list off",
)
async def end_use(
    code: SourceCode, use_id: UUID, caller: Ender, session: Session, now: Now
) -> None:
    """Withdraw a proposal, or stop using the list: screenings from now on go without it."""
    await service.end(session, caller, code, use_id, now)
