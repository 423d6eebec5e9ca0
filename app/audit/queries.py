"""Selects of the log. Row security shows an agency its own acts and those on its own records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import leaves
from app.audit.events import Event
from app.audit.models import AuditEvent
from app.auth.models import Person


async def events_on(
    session: AsyncSession,
    events: Iterable[Event],
    subject_id: UUID,
    owner_agency: UUID,
    after: UUID | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Events of these kinds on one record of ``owner_agency``, newest first, after ``after``."""
    query = select(
        AuditEvent.id,
        AuditEvent.at,
        AuditEvent.agency_id,
        AuditEvent.office,
        AuditEvent.role,
        Person.name.label("person"),
        AuditEvent.purpose,
        AuditEvent.reference,
        AuditEvent.basis,
        AuditEvent.detail,
    ).join(Person, Person.id == AuditEvent.person_id, isouter=True)
    query = query.where(
        AuditEvent.subject_id == subject_id,
        AuditEvent.event.in_([event.value for event in events]),
        AuditEvent.owner_agency == owner_agency,
    )
    if after is not None:
        query = query.where(AuditEvent.id < after)
    return (await session.execute(query.order_by(AuditEvent.id.desc()).limit(limit))).all()


_FILTERS = {
    "event": "event = :event",
    "subject_id": "subject_id = :subject_id",
    # All profiles that are this partner.
    "partner_id": "partner_id = ANY (ARRAY(SELECT partner_lineage(CAST(:partner_id AS uuid))))",
    "agency": "agency_id = (SELECT id FROM agencies WHERE code = :agency)",
    # Of others' acts the client is not shown, and must not be found out by asking.
    "client_id": "client_id = :client_id AND agency_id = :me",
    "purpose": "purpose = :purpose",
    "since": "at >= :since",
    "until": "at < :until",
    "after": "id < :after",
}
_SHOWN = """e.id, e.at, e.event, e.agency_id, a.code AS agency, e.office, e.role, e.client_id,
    e.person_id, p.name AS person, e.subject_id, o.code AS owner_agency, e.partner_id, e.purpose,
    e.reference, e.basis, e.request_id, e.claimed_user, e.held, e.detail,
    e.salt IS NULL AS erased"""
_JOINED = """audit_events e LEFT JOIN agencies a ON a.id = e.agency_id
    LEFT JOIN agencies o ON o.id = e.owner_agency LEFT JOIN persons p ON p.id = e.person_id"""
_ONE = text(f"SELECT {_SHOWN} FROM {_JOINED} WHERE e.id = :id")  # noqa: S608 - constant
_LEAF = text(
    f"SELECT l.seq, l.leaf_hash, {leaves.COLUMNS} FROM audit_events e "  # noqa: S608 - constant
    "LEFT JOIN log_leaves l ON l.event_id = e.id WHERE e.id = :id"
)
_PARTNER = text(
    "SELECT id, agency, at FROM partner_audit(CAST(:after AS uuid), "
    "CAST(:since AS timestamptz), CAST(:until AS timestamptz), :limit)"
)
_CHECKPOINT = text("SELECT size, note FROM log_checkpoints ORDER BY size DESC LIMIT 1")
_NOTE = text("SELECT note FROM log_checkpoints WHERE size = :size")
_INDEX = text("SELECT seq - 1 FROM log_leaves WHERE leaf_hash = :leaf")


async def list_events(
    session: AsyncSession, agency_id: UUID, filters: dict[str, Any], limit: int
) -> Sequence[Row[Any]]:
    """What the agency did and what was done to its records, newest first."""
    given = {name: value for name, value in filters.items() if value is not None}
    clauses = "".join(f" AND {_FILTERS[name]}" for name in given)
    # Each half has its index; together, an OR would read the log from its end.
    half = (
        f"(SELECT id FROM audit_events WHERE {{}} = :me{clauses} "  # noqa: S608 - constants
        "ORDER BY id DESC LIMIT :limit)"
    )
    sql = (
        f"SELECT {_SHOWN} FROM {_JOINED} WHERE e.id IN ({half.format('agency_id')} "  # noqa: S608 - texts of ours; values are bound
        f"UNION {half.format('owner_agency')}) ORDER BY e.id DESC LIMIT :limit"
    )
    return (await session.execute(text(sql), given | {"me": agency_id, "limit": limit})).all()


async def partner_accesses(
    session: AsyncSession, filters: dict[str, Any], limit: int
) -> Sequence[Row[Any]]:
    """Agency and time of what was done to the calling partner's records, newest first."""
    return (await session.execute(_PARTNER, filters | {"limit": limit})).all()


async def find_event(session: AsyncSession, event_id: UUID) -> Row[Any] | None:
    """An event the caller may see."""
    return (await session.execute(_ONE, {"id": event_id})).one_or_none()


async def leaf_of(session: AsyncSession, event_id: UUID) -> Row[Any]:
    """Number, leaf hash and the columns of the leaf of an event the caller may see."""
    return (await session.execute(_LEAF, {"id": event_id})).one()


async def newest_checkpoint(session: AsyncSession) -> Row[Any] | None:
    """Size and note of the newest checkpoint."""
    return (await session.execute(_CHECKPOINT)).one_or_none()


async def note_of(session: AsyncSession, size: int) -> str | None:
    """The checkpoint of exactly this size."""
    note: str | None = await session.scalar(_NOTE, {"size": size})
    return note


async def find_leaf(session: AsyncSession, leaf_hash: bytes) -> int | None:
    """Index of a leaf."""
    index: int | None = await session.scalar(_INDEX, {"leaf": leaf_hash})
    return index
