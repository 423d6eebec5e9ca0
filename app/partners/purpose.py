"""Why RESTRICTED contents of a profile are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import Header, Request

from app.audit.errors import PurposeRequired
from app.audit.purposes import StatedPurpose, parse_purpose

PurposeHeader = Annotated[
    str | None,
    Header(
        description='`CODE; ref="…"`: why this is read, and the business it is for',
        examples=['CONTRACTING; ref="WFP-KE-2026-17"'],
    ),
]


def purposes_of(request: Request) -> list[str]:
    """Every header of this name: two would leave open which one the log should believe."""
    return request.headers.getlist("access-purpose")


def stated_purpose(headers: Sequence[str]) -> StatedPurpose:
    """What the reader states. Raises PurposeRequired."""
    stated = parse_purpose(headers[0]) if len(headers) == 1 else None
    if stated is None:
        raise PurposeRequired
    return stated
