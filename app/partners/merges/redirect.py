"""A merged profile's address leads to the one that stands for it, for as long as that is so."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from app.core.errors import problem_response
from app.partners.errors import PartnerMerged

_PREFIX = ["", "v1", "partners"]


async def lead_on(request: Request, error: Exception) -> Response:
    """308 for a reading at ``/v1/partners/{id}…``, the same below the survivor; else a 409.

    A write is not led on: it was meant for a profile as its author knew it.
    """
    assert isinstance(error, PartnerMerged)
    parts = request.url.path.split("/")
    if request.method == "GET" and parts[:3] == _PREFIX and len(parts) > 3:
        parts[3] = str(error.survivor_id)
        query = f"?{request.url.query}" if request.url.query else ""
        # A 308 may be kept for ever unless it says otherwise, and a merge can be undone.
        headers = {"Location": "/".join(parts) + query, "Cache-Control": "no-cache"}
        return Response(status_code=308, headers=headers)
    return problem_response(
        request, error.status, error.code, error.title, extra={"partner_id": str(error.survivor_id)}
    )
