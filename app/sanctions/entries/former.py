"""What was known of a measure, and from when to when."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import policy
from app.auth.caller import Caller
from app.core.clock import rfc3339
from app.sanctions.entries import errors, queries

_TERMS = (
    *("regime", "measure", "blocking", "level", "practices", "practice_ended_on", "procedure"),
    *("legal_reference", "decided_on", "effective_from", "effective_to", "release_not_before"),
    *("scope_countries", "scope_modalities", "new_agreements", "renewals", "payments_due"),
    *("running_agreements", "wind_down_until", "continuity_contact", "contact_office"),
    *("last_reviewed", "ended_on", "end_reason", "voided_at"),
)


async def list_former(
    session: AsyncSession, caller: Caller, entry_id: UUID, after: datetime | None, limit: int
) -> list[Any]:
    """Rows of a measure, oldest first. Raises EntryNotFound, also for an annulled one of another
    agency (what was annulled is told, and not repeated) and for a role that reads summaries.
    """
    if not policy.has_right(caller, "read", "DEBAR_ENTRY"):
        raise errors.EntryNotFound
    current = await queries.find_entry(session, entry_id)
    if current is None:
        raise errors.EntryNotFound
    own = caller.agency_id == (current.custodian_id or current.imposing_id)
    if current.status == "ANNULLED" and not own:
        raise errors.EntryNotFound
    return list(await queries.history(session, entry_id, after, limit))


def wire(row: Any) -> dict[str, Any]:
    """A row as FormerOut needs it."""
    return {
        "version": row.version,
        "recorded_from": row.recorded_from,
        "recorded_to": row.recorded_to,
        "status_then": row.status_then,
        "terms": {name: _plain(getattr(row, name)) for name in _TERMS},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    return value.isoformat() if isinstance(value, date) else value
