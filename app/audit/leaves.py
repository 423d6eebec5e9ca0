"""What of an event goes into its leaf: a stable, versioned form, and its salted hash.

The form never changes for a version: a leaf must be computable for as long as the log is kept.
A column that is added to the log later goes into a form of a new version, or into none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import rfc8785

from app.audit.merkle import leaf_hash
from app.core.clock import rfc3339

VERSION = 1
_IDS = ("id", "agency_id", "person_id", "subject_id", "owner_agency", "partner_id")
_TEXTS = (
    "event",
    "client_id",
    "office",
    "role",
    "purpose",
    "reference",
    "basis",
    "request_id",
    "claimed_user",
)
_EXACT = 2**53 - 1
_DIGITS = 17
"""What a number up to that takes at most, with its sign."""

COLUMNS = ", ".join(
    [f"e.{name}" for name in (*_IDS, *_TEXTS, "at", "held", "salt")] + ["e.detail::text AS detail"]
)
"""Select list, of ``audit_events e``, that `body` reads."""


def body(row: Mapping[str, Any]) -> bytes:
    """Canonical JSON (RFC 8785) of an event."""
    form: dict[str, Any] = {name: _id(row[name]) for name in _IDS}
    form |= {name: row[name] for name in _TEXTS}
    form["v"] = VERSION
    form["at"] = rfc3339(row["at"])
    form["held"] = row["held"]
    form["detail"] = json.loads(row["detail"], parse_int=_whole, parse_float=_decimal)
    return rfc8785.dumps(form)


def hash_of(row: Mapping[str, Any]) -> bytes:
    """Leaf hash of an event: salt and body. The event must have its salt."""
    return leaf_hash(bytes(row["salt"]) + body(row))


def _id(value: object) -> str | None:
    return None if value is None else str(value)


def _whole(text: str) -> int | str:
    # Canonical JSON has no whole number beyond 2**53; such a one stands as text.
    if len(text) > _DIGITS:
        return text
    number = int(text)
    return number if -_EXACT <= number <= _EXACT else text


def _decimal(text: str) -> float | str:
    number = float(text)
    return text if number in (float("inf"), float("-inf")) else number
