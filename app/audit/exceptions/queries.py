"""Every select of exceptions. Row security shows the own agency's; see the migration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.events import Event

READERS_SHOWN = 200

_REDACTIONS = """SELECT r.id, r.agency_id, r.subject_kind, r.subject_id, r.record_id, r.partner_id,
    r.state, r.state = 'hidden' AND r.decide_by < now() AS overdue, r.sealed_reason,
    r.requested_by, r.requested_at, r.decide_by, r.decided_by, r.decided_at, r.sealed_decision,
    r.version FROM redactions r"""
_REDACTION_STATES = {
    "overdue": "r.state = 'hidden' AND r.decide_by < now()",
    "hidden": "r.state = 'hidden'",
    "confirmed": "r.state = 'confirmed'",
    "undone": "r.state = 'undone'",
}
_IN_COUNTRIES = "r.partner_id IN (SELECT p.id FROM partners p WHERE p.country = ANY (:countries))"
_HOLDS = """SELECT h.id, h.agency_id, h.subject_kind, h.subject_id, h.sealed_reason, h.review_on,
    h.released_at IS NULL AND h.review_on < current_date AS overdue, h.set_by, h.set_at,
    h.renewed_by, h.renewed_at, h.released_by, h.released_at, h.sealed_release, h.version
    FROM legal_holds h"""
_HOLD_STATES = {
    "in_force": "h.released_at IS NULL",
    "overdue": "h.released_at IS NULL AND h.review_on < current_date",
    "released": "h.released_at IS NOT NULL",
}
_WITHHOLDINGS = """SELECT w.id, w.agency_id, w.subject_kind, w.subject_id, w.partner_id, w.since,
    w.until, w.ended_at IS NULL AND w.until > now() AS in_force, w.sealed_reason, w.set_by,
    w.set_at, w.renewed_by, w.ended_by, w.ended_at, w.version FROM withholdings w"""
_IN_FORCE = "(w.ended_at IS NULL AND w.until > now())"
_READERS = text(
    """SELECT a.code AS agency, e.office, e.role, e.purpose, e.at FROM audit_events e
    LEFT JOIN agencies a ON a.id = e.agency_id
    WHERE e.subject_id = :record AND e.event = ANY (:events)
      AND e.owner_agency = (SELECT app_agency())
    ORDER BY e.id DESC LIMIT :limit"""
)
READS = (
    Event.ASSESSMENT_DETAIL_READ.value,
    Event.ASSESSMENT_DOCUMENT_READ.value,
    Event.CASE_READ.value,
    Event.PLAN_READ.value,
    Event.TRANSFER_RESTRICTION_READ.value,
    Event.BREAK_GLASS_READ.value,
)
"""Events by which content reached somebody."""


async def own_record(session: AsyncSession, kind: str, record_id: UUID | None) -> bool:
    """Whether the bound agency owns this record; partners belong to all."""
    found = await session.scalar(
        text("SELECT own_record(:kind, :id)"), {"kind": kind, "id": record_id}
    )
    return bool(found)


async def is_held(session: AsyncSession, *records: UUID) -> bool:
    """Whether any of these is under a legal hold."""
    found = await session.scalar(
        text("SELECT bool_or(is_held(x)) FROM unnest(CAST(:ids AS uuid[])) x"),
        {"ids": list(records)},
    )
    return bool(found)


async def withheld(session: AsyncSession, subject_id: UUID) -> bool:
    """Whether a statement, flag or step is kept back from its partner just now."""
    found = await session.scalar(text("SELECT withheld(:id)"), {"id": subject_id})
    return bool(found)


async def readers(session: AsyncSession, record_id: UUID) -> Sequence[Row[Any]]:
    """Who read the content of an own record, newest first; as the caller's role may see it."""
    values = {"record": record_id, "events": list(READS), "limit": READERS_SHOWN}
    return (await session.execute(_READERS, values)).all()


async def live_redaction(session: AsyncSession, subject_id: UUID) -> Row[Any] | None:
    """The own agency's latest redaction of this content that was not undone."""
    sql = text(
        f"{_REDACTIONS} WHERE r.subject_id = :id AND r.state <> 'undone' "
        "ORDER BY r.state = 'hidden' DESC, r.id DESC LIMIT 1"
    )
    return (await session.execute(sql, {"id": subject_id})).one_or_none()


async def find_redaction(
    session: AsyncSession, redaction_id: UUID, countries: list[str] | None = None
) -> Row[Any] | None:
    """The own agency's redaction, in these countries, if any is named."""
    where = f"r.id = :id AND {_IN_COUNTRIES}" if countries else "r.id = :id"
    values = {"id": redaction_id} | ({"countries": countries} if countries else {})
    return (await session.execute(text(f"{_REDACTIONS} WHERE {where}"), values)).one_or_none()


async def list_redactions(
    session: AsyncSession,
    state: str | None,
    countries: list[str] | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """The own agency's redactions, newest first; those in these countries, if any is named."""
    clauses = [_REDACTION_STATES[state]] if state else []
    values: dict[str, Any] = {}
    if countries:
        clauses.append(_IN_COUNTRIES)
        values["countries"] = countries
    return await _newest(session, _REDACTIONS, "r.id", clauses, values, after, limit)


async def find_hold(session: AsyncSession, hold_id: UUID) -> Row[Any] | None:
    """The own agency's legal hold."""
    sql = text(f"{_HOLDS} WHERE h.id = :id")
    return (await session.execute(sql, {"id": hold_id})).one_or_none()


async def list_holds(
    session: AsyncSession,
    state: str | None,
    subject_id: UUID | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """The own agency's legal holds, newest first."""
    clauses = [_HOLD_STATES[state]] if state else []
    values: dict[str, Any] = {}
    if subject_id is not None:
        clauses.append("h.subject_id = :subject")
        values["subject"] = subject_id
    return await _newest(session, _HOLDS, "h.id", clauses, values, after, limit)


async def find_withholding(session: AsyncSession, withholding_id: UUID) -> Row[Any] | None:
    """The own agency's withholding, for its oversight."""
    sql = text(f"{_WITHHOLDINGS} WHERE w.id = :id")
    return (await session.execute(sql, {"id": withholding_id})).one_or_none()


async def list_withholdings(
    session: AsyncSession, in_force: bool | None, after: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """The own agency's withholdings, newest first, for its oversight."""
    clauses = [] if in_force is None else [_IN_FORCE if in_force else f"NOT {_IN_FORCE}"]
    return await _newest(session, _WITHHOLDINGS, "w.id", clauses, {}, after, limit)


async def _newest(
    session: AsyncSession,
    select: str,
    key: str,
    clauses: list[str],
    values: dict[str, Any],
    after: UUID | None,
    limit: int,
) -> Sequence[Row[Any]]:
    if after is not None:
        clauses = [*clauses, f"{key} < :after"]
        values = values | {"after": after}
    where = " AND ".join(clauses) or "true"
    sql = text(f"{select} WHERE {where} ORDER BY {key} DESC LIMIT :limit")
    return (await session.execute(sql, values | {"limit": limit})).all()
