"""HTTP of streams of subjects."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request, Response

from app.auth.caller import Keys
from app.auth.scopes import Scope
from app.auth.streams import Stream, requires_stream
from app.core.ids import new_secret_id
from app.core.ndjson import MEDIA_TYPE, LinesAsMade, NdjsonRoute
from app.core.routing import Router
from app.sanctions.screening.batch import Batch
from app.sanctions.screening.schemas import BatchLine, BatchResult

router = Router(prefix="/screenings", tags=["screening"], route_class=NdjsonRoute)
Sender = Annotated[Stream, requires_stream(Scope.SCREENING_RUN)]
_EXAMPLE = (
    '{"id":"V-100173","role":"VENDOR","subject":{"kind":"organisation",'
    '"names":["Amani Relief Trust"],"countries":["KEN"]}}'
)
_ANSWER = (
    '{"line":1,"id":"V-100173","screening":{"screening_id":"6a1f0c52-8f0d-4a37-9c53-2b7f6d0a4e11",'
    '"outcome":"no_hit","stale_sources":[],"hits":[],"more":0,"list_version":184,"threshold":0.5}}'
)


@router.post(
    "/batch",
    operation_id="screenMany",
    response_class=Response,
    responses={
        200: {
            "description": "One `BatchResult` a line, in order",
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": f"{_ANSWER}\n"}},
        }
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": f"{_EXAMPLE}\n"}},
        }
    },
    summary="Screen many names",
)
async def screen_many(request: Request, sender: Sender, keyring: Keys) -> Response:
    """One body of `POST /v1/screenings` and an `id` of the sender's own a line.

    Answers come in the order of the lines while the body is still being sent; each is stored before
    it leaves. A line that cannot be screened is reported and keeps no other from it. After a cut
    send what has no answer; lines that are sent again are screened again, against the lists of
    that moment. Each line counts as a request of the client: a stream that is too fast is slowed.
    """
    batch_id = new_secret_id()
    batch = Batch(request, sender, keyring, request.app.state.screener, batch_id)
    return LinesAsMade(batch.run, {"Batch-Id": str(batch_id)})


LINE_SHAPES = (BatchLine, BatchResult)
"""Shapes of the lines: the contract document shows bodies as text."""
