"""Measures as they are served."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import policy
from app.auth.caller import Caller
from app.partners.objections.contested import contested
from app.sanctions.codes import CODES
from app.sanctions.entries import errors, queries
from app.sanctions.entries.cross_debarment import AGREEMENTS, Debarment, weighed
from app.sanctions.entries.queries import NOW, Times


async def get_entry(
    session: AsyncSession, entry_id: UUID, times: Times = NOW, *, reader: UUID | None = None
) -> dict[str, Any]:
    """A measure as it is served, as of these times. Raises EntryNotFound."""
    row = await queries.find_entry(session, entry_id, times)
    if row is None:
        raise errors.EntryNotFound
    return (await shown_entries(session, [row], times, reader=reader))[0]


async def shown_entries(
    session: AsyncSession, rows: Sequence[Any], times: Times = NOW, *, reader: UUID | None = None
) -> list[dict[str, Any]]:
    """Rows of `queries.ENTRY_COLUMNS` as EntryOut needs them: with the objection to each, its
    conditions, and what other agencies decided about it.

    Of an annulled one everybody but the agency that answers for it (``reader``) is told that it
    was annulled, and no more.
    """
    ids = [row.entry_id for row in rows]
    objections = await contested(session, "sanction_entry", ids)
    conditions: dict[UUID, list[dict[str, Any]]] = {}
    for item in await queries.conditions_of(session, ids):
        conditions.setdefault(item.entry_id, []).append(_without_entry(item))
    recognitions: dict[UUID, list[dict[str, Any]]] = {}
    for item in await queries.recognitions_of(session, ids, times.as_of):
        recognitions.setdefault(item.entry_id, []).append(_without_entry(item))
    return [
        _annulled(
            _entry_wire(row, objections.get(row.entry_id))
            | {
                "conditions": conditions.get(row.entry_id, []),
                "recognitions": recognitions.get(row.entry_id, []),
            },
            row,
            reader,
        )
        for row in rows
    ]


def _without_entry(row: Any) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name != "entry_id"}


_APART = frozenset(
    {
        *("imposing_id", "custodian_id", "affiliate_relation", "scope_countries"),
        *("scope_modalities", "new_agreements", "renewals", "payments_due", "running_agreements"),
        *("wind_down_until", "continuity_contact", "next_day", "practice_ended_on"),
    }
)


def _entry_wire(row: Any, objection: dict[str, Any] | None) -> dict[str, Any]:
    shown = {name: value for name, value in row._mapping.items() if name not in _APART}
    affiliate = {"entry_id": row.affiliate_of, "relation": row.affiliate_relation}
    return shown | {
        "contested": objection,
        "cross_debarment": [weighed(_debarment(row), name) for name in sorted(AGREEMENTS.sets)],
        "affiliate_of": affiliate if row.affiliate_of else None,
        "scope": {
            "all": not row.scope_countries and not row.scope_modalities,
            "countries": row.scope_countries,
            "modalities": row.scope_modalities,
        },
        "effect": {
            "eligible": not row.blocking,
            "text": CODES.measures.codes[row.measure].effect,
            "new_agreements": row.new_agreements,
            "renewals": row.renewals,
            "payments_due": row.payments_due,
            "running_agreements": row.running_agreements,
            "wind_down_until": row.wind_down_until,
            "continuity_contact": row.continuity_contact,
        },
        "next_transition_at": (
            datetime.combine(row.next_day, time(), UTC) if row.next_day is not None else None
        ),
    }


def _debarment(row: Any) -> Debarment:
    """A measure as an agreement looks at it: always the agency's own decision."""
    return Debarment(
        measure=row.measure,
        practices=row.practices,
        effective_from=row.effective_from,
        effective_to=row.effective_to,
        public=row.level == "PUBLIC",
        decided_on=row.decided_on,
        practice_ended_on=row.practice_ended_on,
        original=True,
    )


_SUMMARY: dict[str, Any] = {
    "practices": [],
    "conditions": [],
    "recognitions": [],
    "cross_debarment": [],
    "individual": None,
    "affiliate_of": None,
    "legal_reference": None,
    "certificate": None,
}


def for_role(caller: Caller, shown: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Measures as far as the caller's roles let them be read: of some, that there is a measure, on
    whom, by whom, what it does and until when; never its grounds, nor which person it names.
    """
    if policy.has_right(caller, "read", "DEBAR_ENTRY"):
        return shown
    return [one | _SUMMARY for one in shown]


async def list_own(
    session: AsyncSession, partner_id: UUID, now: datetime, *, limit: int, **filters: Any
) -> list[dict[str, Any]]:
    """Measures on this partner, under whichever profile, as it reads them itself: RESTRICTED ones
    too, but for what oversight keeps back. Who recognised them is between agencies.
    """
    times = Times(day=now.date())
    rows = await queries.list_entries(session, filters | {"own": partner_id}, times, limit)
    return [one | {"recognitions": []} for one in await shown_entries(session, rows, times)]


def _annulled(shown: dict[str, Any], row: Any, reader: UUID | None) -> dict[str, Any]:
    if row.status != "ANNULLED" or reader == (row.custodian_id or row.imposing_id):
        return shown
    gone: dict[str, Any] = {
        "practices": [],
        "conditions": [],
        "recognitions": [],
        "cross_debarment": [],
        "individual": None,
    }
    return shown | gone | {"legal_reference": None, "certificate": None}
