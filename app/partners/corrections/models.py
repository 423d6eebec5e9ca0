"""Table of correction requests."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, LargeBinary, Text, Uuid, func
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class PartnerCorrection(Base):
    """What an agency asks the partner to change: one field, the value and why, both sealed.

    ``decided_client``: the partner's client that answered. ``overdue_at``: when the worker said
    that nobody had.
    """

    __tablename__ = "partner_corrections"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    filed_by: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    pointer: Mapped[str] = mapped_column(Text)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    document_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), server_default="{}")
    filed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    due_on: Mapped[date]
    state: Mapped[str] = mapped_column(Text, server_default="open")
    overdue_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    sealed_reason: Mapped[bytes | None] = mapped_column(LargeBinary)
    decided_client: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        Index("ix_partner_corrections_partner_id_filed_at_id", "partner_id", "filed_at", "id"),
        Index(
            "ix_partner_corrections_due_on",
            "due_on",
            postgresql_where=sql("state = 'open' AND overdue_at IS NULL"),
        ),
        CheckConstraint("pointer ~ '^/[a-z_]+(/[a-z_0-9]+){1,2}$'", name="pointer"),
        CheckConstraint("state IN ('open', 'accepted', 'rejected')", name="state"),
        CheckConstraint(
            "num_nulls(sealed_reason, decided_client, decided_at) "
            "= CASE state WHEN 'open' THEN 3 ELSE 0 END",
            name="decided",
        ),
        CheckConstraint("version >= 1", name="version"),
    )
