"""HTTP of the partner list."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from app.auth.caller import VerifiedToken, caller_from, requires_token
from app.auth.scopes import Scope
from app.core.clock import rfc3339
from app.core.db import Database, DatabaseDep
from app.core.errors import problems
from app.core.http import RegistryRoute
from app.core.paging import CursorInvalid, Pager, Window
from app.core.routing import Router
from app.core.schemas import TwoWayPage
from app.partners.schemas import PartnerOut
from app.partners.search import facets, service, words
from app.partners.search.conditions import Conditions, conditions
from app.partners.search.queries import Order
from app.partners.search.schemas import FacetQuery, FacetsOut, SearchQuery

router = Router(prefix="/partners", tags=["partners"], route_class=RegistryRoute)
FastReader = Annotated[VerifiedToken, requires_token(Scope.PARTNERS_READ)]


def _after(values: list[Any] | None) -> list[Any] | None:
    if values is None:
        return None
    return [*map(datetime.fromisoformat, values[:-1]), UUID(values[-1])]


@router.get(
    "",
    operation_id="listPartners",
    response_model=TwoWayPage[PartnerOut],
    responses=problems(CursorInvalid),
    summary="List and search partner profiles",
)
async def list_partners(
    request: Request,
    token: FastReader,
    database: DatabaseDep,
    wanted: Annotated[SearchQuery, Query()],
) -> Response:
    """Profiles the caller may know of, newest first; merged ones by `status=merged` only.

    Filters narrow the list together. How complete a profile is never ranks it. With `q` the best
    come first, at most 200. `prev_cursor` leads back.
    """
    pager = Pager(request, token.client_id, wanted.limit, wanted.cursor)
    made = conditions(wanted, token.client_id, token.scopes)
    if wanted.q is not None:
        return await _by_words(request, token, database, wanted.q, made, pager)
    order = Order(wanted.sort, pager.backward)
    async with database.fast_read() as connection:
        row = await service.find(connection, made, order, _after(pager.after), wanted.limit + 1)
    caller_from(request, token, row, Scope.PARTNERS_READ)
    found = service.Found(row)

    def key(at: int) -> list[Any]:
        stamp = [] if wanted.sort == "newest" else [rfc3339(found.stamps[at])]
        return [*stamp, str(found.ids[at])]

    return _page(found, pager.both_ways(len(found), key))


@router.get(
    "/facets",
    operation_id="countPartners",
    responses=problems(),
    summary="Count partner profiles by facet",
)
async def count_partners(
    request: Request,
    token: FastReader,
    database: DatabaseDep,
    wanted: Annotated[FacetQuery, Query()],
) -> FacetsOut:
    """How many profiles the caller may know of are left by the filters of the list, and of which
    countries, types and so on they are. Few are counted; of many one in a hundred is, and the
    answer says that its counts are estimates. With `q`, the profiles met by the words are counted.
    """
    made = conditions(wanted, token.client_id, token.scopes)
    async with database.fast_read() as connection:
        met = None if wanted.q is None else await words.met(connection, wanted.q)
        row, answer = await facets.find(connection, made, wanted.facet, met)
    caller_from(request, token, row, Scope.PARTNERS_READ)
    return answer


async def _by_words(
    request: Request,
    token: VerifiedToken,
    database: Database,
    asked: str,
    made: Conditions,
    pager: Pager,
) -> Response:
    async with database.fast_read() as connection:
        row, ranked = await words.find(connection, made, asked)
        caller_from(request, token, row, Scope.PARTNERS_READ)
        if pager.after is not None:
            place = (pager.after[0], pager.after[1])
            if pager.backward:
                ranked = [one for one in ranked if one < place][::-1]
            else:
                ranked = [one for one in ranked if one > place]
        window = pager.both_ways(len(ranked), lambda at: list(ranked[at]))
        shown = [ranked[place][1] for place in window.places]
        found, places = await words.page(connection, made, shown)
    return _page(found, replace(window, places=places))


def _page(found: service.Found, window: Window) -> Response:
    items = ",".join(map(found.item, window.places))
    body = (
        f'{{"items":[{items}],"next_cursor":{_quoted(window.next_cursor)},'
        f'"prev_cursor":{_quoted(window.prev_cursor)}}}'
    )
    return Response(body, media_type="application/json", headers=window.headers)


def _quoted(cursor: str | None) -> str:
    # Cursors are base64url: nothing to escape.
    return "null" if cursor is None else f'"{cursor}"'
