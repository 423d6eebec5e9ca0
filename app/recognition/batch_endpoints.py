"""HTTP of streams of clearances."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request, Response

from app.auth.caller import Keys
from app.auth.scopes import Scope
from app.auth.streams import Stream, requires_stream
from app.core.ndjson import MEDIA_TYPE, LinesAsMade, NdjsonRoute
from app.core.routing import Router
from app.recognition.batch import Batch
from app.recognition.schemas import ClearanceLine, ClearanceLineResult

router = Router(prefix="/clearances", tags=["recognition"], route_class=NdjsonRoute)
Sender = Annotated[Stream, requires_stream(Scope.CLEARANCE_RUN)]
_EXAMPLE = (
    '{"id":"V-100173","partner":{"identifier":{"scheme":"ORG_ID","value":"KE-NCB-218-051"}},'
    '"country":"KEN","purpose":"MONITORING"}'
)
_ANSWER = (
    '{"line":1,"id":"V-100173","error":{"code":"partner_not_found",'
    '"title":"There is no such partner.","errors":[]}}'
)


@router.post(
    "/batch",
    operation_id="giveManyClearances",
    response_class=Response,
    responses={
        200: {
            "description": "One `ClearanceLineResult` a line, in order",
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": f"{_ANSWER}\n"}},
        }
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": f"{_EXAMPLE}\n"}},
        }
    },
    summary="Check a whole portfolio",
)
async def give_many(request: Request, sender: Sender, keyring: Keys) -> Response:
    """One body of `POST /v1/clearances` and an `id` of the sender's own a line; thousands of them.

    Each answer is a clearance like any other, stored before it leaves, with receipt and status.
    Answers come in the order of the lines while the body is still being sent. A line that cannot be
    answered is reported and keeps no other from it. After a cut send what has no answer; lines that
    are sent again are answered again. Each line counts as a request of the client: a stream that is
    too fast is slowed.
    """
    batch = Batch(request, sender, keyring, request.app.state.screener)
    return LinesAsMade(batch.run, {})


LINE_SHAPES = (ClearanceLine, ClearanceLineResult)
"""Shapes of the lines: the contract document shows bodies as text."""
