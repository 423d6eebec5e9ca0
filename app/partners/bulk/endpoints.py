"""HTTP of bulk loads."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response
from fastapi.responses import StreamingResponse

from app.auth.caller import Caller, requires
from app.auth.scopes import Scope
from app.auth.streams import Stream, requires_stream
from app.core.clock import Now
from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute
from app.core.ndjson import MEDIA_TYPE, NdjsonRoute, Results, read_chunks
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.bulk import loads, service
from app.partners.bulk.errors import LoadNotFound, LoadUndone
from app.partners.bulk.lines import Entry, entries
from app.partners.bulk.schemas import LineResult, LoadFilter, LoadOut, LoadQuery, PartnerLine

_PATH = "/partners/loads"
streams = Router(tags=["bulk"], route_class=NdjsonRoute)
router = Router(tags=["bulk"], route_class=RegistryRoute)
Loader = Annotated[Stream, requires_stream(Scope.PARTNERS_WRITE)]
Reader = Annotated[Caller, requires(Scope.PARTNERS_WRITE)]
_EXAMPLE = (
    '{"key":"WFP-KE-000173","legal_name":"Amani Relief Trust","partner_type":"NGO_NATIONAL",'
    '"country":"KEN","identifiers":[{"scheme":"AGENCY_VENDOR","value":"0100173","country":"KEN"}]}'
)
_ANSWER = '{"line":1,"key":"WFP-KE-000173","status":"created","version":1}'


class _Undo(Exception):
    """Ends the transaction of a dry run."""


@streams.post(
    "/partners/bulk",
    operation_id="loadPartners",
    response_class=StreamingResponse,
    responses=problems(LoadNotFound, LoadUndone)
    | {
        200: {
            "description": "One `LineResult` a line, in order",
            "content": {
                MEDIA_TYPE: {"schema": {"type": "string"}, "example": f"{_ANSWER}\n"},
            },
            "headers": {"Location": {"$ref": "#/components/headers/Location"}},
        }
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": f"{_EXAMPLE}\n"}},
        }
    },
    summary="Load partners",
)
async def load_partners(
    request: Request, loader: Loader, query: Annotated[LoadQuery, Query()], now: Now
) -> Response:
    """Partners by the agency's own keys, one `PartnerLine` a line (`application/x-ndjson`).

    Each chunk of at most 500 lines is stored or not as a whole; a line that cannot be stored is
    reported and keeps no other from it. The answer follows when the body has ended: one
    `LineResult` a line. After a cut send all of it again, with the same `load_id` if you like:
    what has not changed costs next to nothing. Duplicates by name are looked for afterwards.
    """
    async with loader.chunk() as (session, caller):
        load_id = await _begun(session, caller, query)
    answer = Results()
    try:
        await _take(request, loader, load_id, answer, query.dry_run, now.date())
        if not query.dry_run:
            async with loader.chunk() as (session, caller):
                await loads.finish(session, caller, load_id)
    except BaseException:  # a caller who went away leaves no spooled file
        answer.close()
        raise
    headers = {} if query.dry_run else {"Location": f"/v1/partners/loads/{load_id}"}
    return answer.response(headers)


async def _begun(session: Any, caller: Caller, query: LoadQuery) -> UUID:
    if query.dry_run and query.load_id is None:
        return UUID(int=0)
    if query.dry_run and query.load_id is not None:
        return (await loads.find(session, caller, query.load_id)).id
    return await loads.begin(session, caller, "ndjson", query.load_id)


async def _take(
    request: Request, loader: Stream, load_id: UUID, answer: Results, dry_run: bool, today: Any
) -> None:
    """Store chunk after chunk; while one is stored the next is read and checked."""
    storing: asyncio.Task[int] | None = None
    ahead = True
    try:
        async for lines in read_chunks(request):
            chunk = entries(lines)
            if ahead:
                for entry in chunk:
                    entry.validate()
                await asyncio.sleep(0)
            if storing is not None:
                # A stream sent again is mostly known: then nothing is checked before it is asked.
                ahead = await storing < len(chunk) // 2
            storing = asyncio.create_task(_store(loader, load_id, chunk, answer, dry_run, today))
        if storing is not None:
            await storing
    finally:
        if storing is not None and not storing.done():
            await asyncio.wait([storing])


async def _store(
    loader: Stream, load_id: UUID, chunk: list[Entry], answer: Results, dry_run: bool, today: Any
) -> int:
    """Store one chunk and keep its results; how many of its lines had not changed."""
    results: list[dict[str, Any]] = []
    try:
        async with loader.chunk() as (session, caller):
            if dry_run and load_id.int == 0:
                load = await loads.begin(session, caller, "ndjson")
            else:
                load = load_id
            results = await service.store(session, caller, load, chunk, today)
            if dry_run:
                raise _Undo
    except _Undo:
        for result in results:
            for name in ("partner_id", "registry_number"):
                if result["status"] == "created":
                    result.pop(name, None)
    answer.write(results)
    return sum(result["status"] == "unchanged" for result in results)


@router.get(
    _PATH,
    operation_id="listLoads",
    response_model=Page[LoadOut],
    responses=problems(CursorInvalid),
    summary="List the own loads",
)
async def list_loads(
    request: Request,
    caller: Reader,
    session: Session,
    filters: Annotated[LoadFilter, Query()],
    response: Response,
) -> dict[str, Any]:
    """Loads of the own agency, newest first."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await loads.page(session, caller, after, filters.limit + 1)
    items, following = pager.page(rows, lambda row: [str(row.id)], response)
    return {"items": [loads.wire(row) for row in items], "next_cursor": following}


@router.get(
    _PATH + "/{load_id}",
    operation_id="getLoad",
    response_model=LoadOut,
    responses=problems(LoadNotFound),
    summary="Read an own load",
)
async def get_load(load_id: UUID, caller: Reader, session: Session) -> dict[str, Any]:
    """How far a load is, and what became of its lines."""
    return loads.wire(await loads.find(session, caller, load_id))


LINE_SHAPES = (PartnerLine, LineResult)
"""Shapes of the lines: the contract document shows bodies as text."""
