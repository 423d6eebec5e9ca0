"""Selects of the log. Row security shows an agency its own acts and those on its own records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.events import Event
from app.audit.models import AuditEvent


async def events_on(
    session: AsyncSession,
    event: Event,
    subject_id: UUID,
    owner_agency: UUID,
    after: UUID | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Events of one kind on one record of ``owner_agency``, newest first, those after ``after``."""
    query = select(
        AuditEvent.id,
        AuditEvent.at,
        AuditEvent.agency_id,
        AuditEvent.office,
        AuditEvent.role,
        AuditEvent.purpose,
        AuditEvent.reference,
        AuditEvent.basis,
        AuditEvent.detail,
    ).where(
        AuditEvent.subject_id == subject_id,
        AuditEvent.event == event.value,
        AuditEvent.owner_agency == owner_agency,
    )
    if after is not None:
        query = query.where(AuditEvent.id < after)
    return (await session.execute(query.order_by(AuditEvent.id.desc()).limit(limit))).all()
