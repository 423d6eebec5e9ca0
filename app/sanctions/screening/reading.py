"""Stored screenings: the list, one of them, and one run again. Never commits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pydantic_core import from_json, to_json
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.audit.purposes import OWN_RECORD
from app.auth.caller import Caller
from app.core.clock import rfc3339
from app.core.crypto import KeyRing
from app.partners.visibility import sees_protected
from app.sanctions.screening import queries
from app.sanctions.screening.errors import ScreeningNotFound
from app.sanctions.screening.storing import context

_SAME = (
    *("algorithm", "statistics_version", "threshold", "role", "list_version", "stale_sources"),
    *("outcome", "more", "lists"),
)
_OF_ROW = ("client_id", "kind", "batch_id", "rerun_of", "subject_erased_at")


def asked_by(caller: Caller) -> dict[str, Any]:
    """Who asks, as the queries need it."""
    return {
        "agency": caller.agency_id,
        "protected": sees_protected(caller),
        "countries": sorted(caller.countries),
    }


async def list_screenings(
    session: AsyncSession,
    caller: Caller,
    filters: dict[str, Any],
    after: list[Any] | None,
    limit: int,
) -> Sequence[Any]:
    """The own agency's, newest first; those that oversight had held to oversight alone."""
    return await queries.list_screenings(session, asked_by(caller), filters, after, limit)


def item_of(row: Any) -> dict[str, Any]:
    """A row as ScreeningItem shows it."""
    same = ("at", "client_id", "role", "kind", "partner_id", "batch_id", "rerun_of", "outcome")
    more = ("algorithm", "threshold", "list_version", "subject_erased_at")
    shown = {name: getattr(row, name) for name in (*same, *more)}
    return shown | {"screening_id": row.id, "hits": len(row.hits) + row.more}


async def find(session: AsyncSession, caller: Caller, screening_id: UUID) -> Any:
    """A screening that the caller may read. Raises ScreeningNotFound."""
    row = await queries.find_screening(session, asked_by(caller), screening_id)
    if row is None:
        raise ScreeningNotFound
    return row


async def read(
    session: AsyncSession, keys: KeyRing, caller: Caller, screening_id: UUID
) -> dict[str, Any]:
    """The answer as it was given, and who was screened; logged before it leaves.

    Raises ScreeningNotFound.
    """
    row = await find(session, caller, screening_id)
    found = await opened(session, keys, row)
    await audit.record(
        session,
        caller,
        Event.SCREENING_READ,
        audit.Subject(row.id, row.agency_id),
        purpose=OWN_RECORD,
        basis="owner",
        erased=found.asked is None,
    )
    known = found.asked or {}
    about = {name: getattr(row, name) for name in _OF_ROW}
    about |= {"subject": known.get("subject"), "acting_for": known.get("acting_for")}
    # Who may not know of the profile any more is not told of it by what was answered then.
    return (found.answer or from_facts(row)) | about | {"partner_id": row.partner_id}


@dataclass(frozen=True, slots=True)
class Opened:
    """What was sealed of a screening; ``asked`` None: it was erased."""

    asked: dict[str, Any] | None = None
    answer: dict[str, Any] | None = None
    decisions: dict[str, Any] = field(default_factory=dict)
    left_out: bool = False


async def opened(session: AsyncSession, keys: KeyRing, row: Any) -> Opened:
    """What was asked, answered, and counted of decisions. Raises Undecipherable."""
    if row.sealed is None:
        return Opened()
    plain = from_json(await keys.open(session, context(row.id, row.agency_id), row.sealed))
    # Before the answer was kept, too, there was the request alone.
    return Opened(
        plain.get("request", plain),
        plain.get("answer"),
        plain.get("decisions") or {},
        bool(plain.get("left_out")),
    )


def from_facts(row: Any) -> dict[str, Any]:
    """The answer without any name."""
    hits = [{"caption": None, "explanation": None, "decision": None} | hit for hit in row.hits]
    own = [{"checked_at": None, "stale": False} | one for one in row.own_lists]
    return {name: getattr(row, name) for name in _SAME} | {
        "screening_id": row.id,
        "at": rfc3339(row.at),
        "memory": "honoured" if any(hit["decision"] for hit in hits) else "not_asked",
        "own_lists": own,
        "hits": hits,
    }


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Whether two answers found the same, and by which entries they differ."""
    old, new = ({str(hit["entry_id"]): hit for hit in one["hits"]} for one in (before, after))
    told = [[_compared(hit) for hit in one["hits"]] for one in (before, after)]
    same = told[0] == told[1] and all(before[k] == after[k] for k in ("outcome", "more"))
    return {
        "identical": same,
        "added": [one for one in new if one not in old],
        "removed": [one for one in old if one not in new],
    }


def _compared(hit: Mapping[str, Any]) -> Any:
    names = ("entry_id", "source", "reference", "caption", "score", "cleared", "explanation")
    return json.loads(to_json({name: hit[name] for name in names}))
