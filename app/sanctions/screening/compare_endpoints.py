"""HTTP of comparing two subjects: one pair, or a stream of pairs at the same address."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import Request, Response

from app.auth.caller import Caller, requires
from app.auth.scopes import Scope
from app.auth.streams import Stream, requires_stream
from app.core.db import DatabaseDep
from app.core.http import RegistryRoute
from app.core.ndjson import MEDIA_TYPE, AlsoLines, LinesAsMade, Take, read_chunks
from app.core.routing import Router
from app.sanctions.screening.compare import compared, compared_lines
from app.sanctions.screening.schemas import ComparisonIn, ComparisonOut, ComparisonResult
from app.sanctions.screening.scorer import ALGORITHM, DEFAULT_THRESHOLD

streams = Router(prefix="/screenings", tags=["screening"], route_class=AlsoLines)
router = Router(prefix="/screenings", tags=["screening"], route_class=RegistryRoute)
Runner = Annotated[Caller, requires(Scope.SCREENING_RUN)]
Sender = Annotated[Stream, requires_stream(Scope.SCREENING_RUN)]
_CHUNK = 50
_PAIR = (
    '{"id":"1","a":{"kind":"organisation","names":["Amani Relief Trust"]},'
    '"b":{"kind":"organisation","names":["Amani Releif Trust"]}}'
)
_RESULT = (
    f'{{"line":1,"id":"1","score":0.97,"match":true,"threshold":{DEFAULT_THRESHOLD},'
    f'"algorithm":"{ALGORITHM}","explanation":{{"method":"{ALGORITHM}"}}}}'
)


@streams.post("/compare", include_in_schema=False, response_class=Response)
async def compare_many(request: Request, sender: Sender, database: DatabaseDep) -> Response:
    """Pairs, a line each, in order; each counts as a request of the client."""
    pairs = await request.app.state.screener.pairs(database)

    async def work(take: Take) -> None:
        async for lines in read_chunks(request, _CHUNK):
            await sender.pace(len(lines))
            take(await asyncio.to_thread(compared_lines, lines, pairs))

    return LinesAsMade(work, {})


@router.post(
    "/compare",
    operation_id="compareSubjects",
    response_model=ComparisonOut,
    responses={
        200: {
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": f"{_RESULT}\n"}},
        }
    },
    openapi_extra={
        "requestBody": {
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": f"{_PAIR}\n"}},
        }
    },
    summary="Compare two subjects",
)
async def compare(
    request: Request, wanted: ComparisonIn, caller: Runner, database: DatabaseDep
) -> dict[str, Any]:
    """Score and explanation of one pair, by the scorer of screenings. Nothing is stored.

    The same address takes a stream of pairs (`application/x-ndjson`), a `ComparisonIn` a line, and
    answers with a `ComparisonResult` a line, in order.
    """
    pairs = await request.app.state.screener.pairs(database)
    return await asyncio.to_thread(compared, wanted, pairs)


LINE_SHAPES = (ComparisonIn, ComparisonResult)
"""Shapes of the lines: the contract document shows bodies as text."""
