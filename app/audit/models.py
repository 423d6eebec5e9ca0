"""The access and change log: insert-only, by grant and by trigger."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Index, LargeBinary, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class AuditEvent(Base):
    """Who did what to which record, why and on which basis. Never contents.

    ``claimed_user`` is what the agency's system says of the human behind it, believed by nobody.
    ``held`` marks what an oversight role did for an investigation or audit: others than oversight
    roles do not see it. ``salt`` keeps a proof about one event from being a guess about another.
    """

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
    claimed_user: Mapped[str | None] = mapped_column(Text)
    held: Mapped[bool] = mapped_column(server_default="false")
    salt: Mapped[bytes] = mapped_column(
        LargeBinary,
        server_default=text("(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))"),
    )
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")

    __table_args__ = (
        Index("ix_audit_events_subject_id_id", "subject_id", "id"),
        Index("ix_audit_events_owner_agency_id", "owner_agency", "id"),
        Index("ix_audit_events_agency_id_id", "agency_id", "id"),
    )
