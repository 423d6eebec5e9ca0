"""The bytes of a message: the same in the list of events and in every call of a webhook."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json

from app.core.clock import rfc3339


def message(row: Any) -> dict[str, Any]:
    """A row of ``agency_events`` as it is told. It never changes, so its bytes do not."""
    return {
        "id": str(row.event_id),
        "type": row.type,
        "timestamp": rfc3339(row.at),
        "seq": row.seq,
        "data": row.data,
    }


def encoded(said: dict[str, Any]) -> bytes:
    """A message as it is sent and signed."""
    return to_json(said)
