"""The access and change log: insert-only, by grant and by trigger."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Index, Text, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class AuditEvent(Base):
    """Who did what to which record, why and on which basis. Never contents."""

    __tablename__ = "audit_events"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    event: Mapped[str] = mapped_column(Text)
    agency_id: Mapped[UUID | None]
    client_id: Mapped[str | None] = mapped_column(Text)
    person_id: Mapped[UUID | None]
    office: Mapped[str | None] = mapped_column(Text)
    role: Mapped[str | None] = mapped_column(Text)
    subject_id: Mapped[UUID | None]
    owner_agency: Mapped[UUID | None]
    partner_id: Mapped[UUID | None]
    purpose: Mapped[str | None] = mapped_column(Text)
    reference: Mapped[str | None] = mapped_column(Text)
    basis: Mapped[str | None] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(Text)
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")

    __table_args__ = (
        Index("ix_audit_events_subject_id_id", "subject_id", "id"),
        Index("ix_audit_events_owner_agency_id", "owner_agency", "id"),
        Index("ix_audit_events_agency_id_id", "agency_id", "id"),
    )
