"""HTTP of the bulk import of assessments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.responses import StreamingResponse

from app.assessments.bulk.lines import Entry, entries
from app.assessments.bulk.schemas import AssessmentLineKeys, AssessmentLineResult, BulkQuery
from app.assessments.bulk.service import Refusals, file_chunk
from app.auth.caller import Keys
from app.auth.scopes import Scope
from app.auth.streams import Stream, requires_stream
from app.core.clock import Now
from app.core.crypto import KeyRing
from app.core.errors import refused
from app.core.ndjson import MEDIA_TYPE, NdjsonRoute, Results, read_chunks
from app.core.routing import Router

router = Router(tags=["assessments"], route_class=NdjsonRoute)
Loader = Annotated[Stream, requires_stream(Scope.ASSESSMENTS_WRITE)]
CHUNK = 100
"""Lines a transaction: each line is several statements, and a share of the pool is held so long."""
_EXAMPLE = (
    '{"id":"WFP-KE-2026-000173","identifier":{"scheme":"AGENCY_VENDOR","value":"0100173",'
    '"country":"KEN"},"type":"capacity_other","methodology":"UNHCR-CAPACITY",'
    '"conducted_on":"2026-03-01","confidentiality":"RESTRICTED","detail":{"reported_value":"B",'
    '"report_reference":"UNHCR/KEN/2026/8 of 2026-03-01","assessed_by":"UNHCR Kenya"}}'
)
_ANSWER = (
    '{"line":1,"id":"WFP-KE-2026-000173","status":"created","version":1,'
    '"assessment_id":"6a1f0c52-8f0d-4a37-9c53-2b7f6d0a4e11"}'
)


class _Undo(Exception):
    """Ends the transaction of a dry run."""


@router.post(
    "/assessments/bulk",
    operation_id="fileAssessments",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "One `AssessmentLineResult` a line, in order",
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": f"{_ANSWER}\n"}},
        }
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": f"{_EXAMPLE}\n"}},
        }
    },
    summary="File many assessments",
)
async def file_assessments(
    request: Request, loader: Loader, keyring: Keys, query: Annotated[BulkQuery, Query()], now: Now
) -> Response:
    """One body of `POST /v1/assessments` a line (`application/x-ndjson`), owned by the caller.

    A line has an `id` of the sender's own besides, and may name the partner by `identifier`
    `{scheme, value, country}` in place of `partner_id`. It is filed with the rights, log entry and
    event of a request of its own. A line that cannot be filed is reported, with the place of the
    error, and keeps no other from being filed. Each chunk of at most 100 lines is stored or not as
    a whole. After a cut send all of it again within seven days: what was filed is `unchanged`.
    """
    answer = Results()
    try:
        async for lines in read_chunks(request, CHUNK):
            chunk = entries(lines)
            refusals = await _stored(loader, keyring, chunk, now.date(), dry_run=query.dry_run)
            answer.write([entry.wire(dry_run=query.dry_run) for entry in chunk])
            for status, code in sorted(refusals):
                await refused(request, status, code)
    except BaseException:  # a caller who went away leaves no spooled file
        answer.close()
        raise
    return answer.response()


async def _stored(
    loader: Stream, keyring: KeyRing, chunk: Sequence[Entry], today: date, *, dry_run: bool
) -> Refusals:
    refusals: Refusals = set()
    try:
        async with loader.chunk() as (session, caller):
            refusals = await file_chunk(session, keyring, caller, chunk, today)
            if dry_run:
                raise _Undo
    except _Undo:
        pass
    return refusals


LINE_SHAPES = (AssessmentLineKeys, AssessmentLineResult)
"""Shapes of the lines: the contract document shows bodies as text."""
