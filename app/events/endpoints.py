"""HTTP of events: what an agency is told, for those who cannot be called."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request, Response
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.caller import (
    STATUS_COLUMNS,
    Caller,
    VerifiedToken,
    caller_from,
    requires,
    requires_token,
)
from app.auth.scopes import Scope
from app.core.db import DatabaseDep, bind_now
from app.core.errors import problems
from app.core.http import RegistryRoute, bytes_etag, not_modified
from app.core.limits import release
from app.core.paging import CursorInvalid
from app.core.routing import Router
from app.events import reading, wire
from app.events.descriptions import TOLD, VERSION
from app.events.errors import EventCursorAhead, EventsPruned
from app.events.schemas import CatalogueOut, EventsOut, EventsQuery, EventTypeOut
from app.events.waiting import EventWaits

router = Router(prefix="/events", tags=["events"], route_class=RegistryRoute)
Reader = Annotated[VerifiedToken, requires_token(Scope.EVENTS_READ)]
_STATUS = text(f"SELECT {STATUS_COLUMNS} FROM client_status s WHERE s.client_id = :client")  # noqa: S608 - constant


@router.get(
    "",
    operation_id="listEvents",
    response_model=EventsOut,
    responses=problems(CursorInvalid, EventsPruned, EventCursorAhead),
    summary="Read what your agency is told",
)
async def list_events(
    request: Request,
    token: Reader,
    database: DatabaseDep,
    wanted: Annotated[EventsQuery, Query()],
) -> dict[str, Any]:
    """Events in order, the same messages that webhooks are sent, kept for 90 days.

    There is one stream and one kind of cursor for the whole agency, whichever client reads.
    """
    waits: EventWaits = request.app.state.event_waits
    # No transaction is open while it waits: a session of its own for each look.
    async with waits.reader(), database.session() as session:
        place, after = await _enter(request, session, token, wanted)
        found = await reading.find(session, place, after, wanted.limit, now=wanted.start == "now")
    if wanted.wait and not found.rows:
        release(request.scope)
        await waits.until(request.scope, place.agency_id, found.after, wanted.wait)
        async with waits.reader(), database.session() as session:
            # Who was stopped meanwhile is told nothing.
            await _enter(request, session, token, wanted)
            found = await reading.find(session, place, found.after, wanted.limit)
    return {
        "items": [wire.message(row) for row in found.rows],
        "cursor": place.seal(found.last),
        "more": found.last < found.top,
    }


async def _enter(
    request: Request, session: AsyncSession, token: VerifiedToken, wanted: EventsQuery
) -> tuple[reading.Place, int | None]:
    """Who calls, and from where on. Raises as `caller_from`, and CursorInvalid."""
    row = (await session.execute(_STATUS, {"client": token.client_id})).one_or_none()
    caller = caller_from(request, token, row, Scope.EVENTS_READ)
    await bind_now(session, caller.binding)
    place = reading.Place(request.app.state.cursors, caller.agency_id)
    return place, place.open(wanted.after) if wanted.after else None


@router.get(
    "/catalogue",
    operation_id="getEventCatalogue",
    response_model=CatalogueOut,
    responses={304: {"description": "Not modified"}},
    summary="Read the catalogue of events",
)
async def get_catalogue(
    request: Request, caller: Annotated[Caller, requires(Scope.EVENTS_READ)], response: Response
) -> Any:
    """Every type an agency may be told of, with a JSON Schema of its message."""
    etag = bytes_etag(VERSION.encode())
    response.headers["ETag"] = etag
    return not_modified(request, etag) or {"version": VERSION, "items": _ITEMS}


_ITEMS = [
    EventTypeOut.model_validate(
        {"type": one.type, "title": one.title, "told": one.to, "json_schema": one.schema()}
    )
    for one in TOLD.values()
]
