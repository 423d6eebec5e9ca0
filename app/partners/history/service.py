"""What a profile was: its versions, and any of them as it was served."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.caller import Caller
from app.core.ids import registry_number
from app.partners import naming, service
from app.partners.history import queries
from app.partners.history.errors import NotKnownThen
from app.partners.queries import PROFILE

FAST_THEN = queries.FAST_THEN
_BOOKKEEPING = frozenset({"version", "updated_at", "updated_by", "sources"})
_YOUNGER = {"legal_name_generated": False, "protected": False, "publication_consent": False}
"""Columns that a body kept before they existed does not name."""


def wire_then(row: Any) -> dict[str, Any]:
    """A row of `FAST_THEN` as PartnerOut needs it. Raises NotKnownThen."""
    if row["body"] is None:
        raise NotKnownThen
    body = _YOUNGER | json.loads(row["body"])
    found = {name: body.get(name) for name in PROFILE if name != "number"}
    native, confirmed = found["legal_name_native"], found["last_confirmed_at"]
    return found | {
        "registry_number": registry_number(row["number"]),
        "script": naming.script_of(native) if native else None,
        # As the present profile is served: times in UTC.
        "last_confirmed_at": datetime.fromisoformat(confirmed).astimezone(UTC)
        if confirmed
        else None,
        "identifiers": json.loads(row["identifiers"]),
        "created_by": row["created_by"],
        "created_at": row["created_at"],
        "updated_at": row["recorded_from"],
    }


async def versions(
    session: AsyncSession, caller: Caller, partner_id: UUID, after: int | None, limit: int
) -> list[dict[str, Any]]:
    """At most ``limit`` versions, newest first. Raises PartnerNotFound."""
    await service.visible_partner(session, caller, partner_id)
    rows = await queries.list_versions(session, partner_id, after, limit)
    bodies: list[dict[str, Any]] = [json.loads(row.body) for row in rows]
    # The row past the page is there to be compared with; the first version has none before it.
    return [
        {
            "version": row.version,
            "recorded_from": row.recorded_from,
            "recorded_to": row.recorded_to,
            "valid_from": body["valid_from"],
            "by": row.by,
            "changed": _changed(before, body),
        }
        for row, body, before in zip(rows, bodies, [*bodies[1:], None], strict=True)
    ]


def _changed(before: dict[str, Any] | None, after: dict[str, Any]) -> list[str]:
    if before is None:
        return []
    names = (before.keys() | after.keys()) - _BOOKKEEPING
    return sorted(name for name in names if before.get(name) != after.get(name))
