"""Query parameters that ask for a section as it was, and the answer to them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic_core import to_json

from app.core.http import bytes_etag, not_modified, version_etag
from app.core.schemas import Day, Instant

AsOf = Annotated[
    Instant | None, Query(description="the section as the registry had it at this instant")
]
ValidOn = Annotated[
    Day | None, Query(description="what held in the world on this day, as known now")
]


def answer(body: Any, version: int | None = None) -> Response:
    """A section, or all, as it stands; ``version`` is its ETag."""
    # Not through the response model: what was stored with a code that is deprecated now is read.
    headers = {} if version is None else {"ETag": version_etag(version)}
    return Response(to_json(body), media_type="application/json", headers=headers)


def past(request: Request, found: dict[str, Any]) -> Response:
    """A section as it was. Its ETag is of these bytes: no version that a change could name."""
    body = to_json(found)
    etag = bytes_etag(body)
    return not_modified(request, etag) or Response(
        body, media_type="application/json", headers={"ETag": etag}
    )
