"""Tables of what partners comment on statements about them, and of what they ask for."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class StatementComment(Base):
    """A partner's words beside a statement; append-only, for whoever may read the statement."""

    __tablename__ = "statement_comments"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    subject_kind: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[UUID]
    owner_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    made_by_client: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        Index("ix_statement_comments_subject_id_made_at", "subject_id", "made_at"),
        Index("ix_statement_comments_partner_id", "partner_id"),
        CheckConstraint(
            "subject_kind IN ('flag', 'verification', 'assessment', 'sanction_entry')",
            name="subject_kind",
        ),
    )


class DeactivationRequest(Base):
    """The partner asks to be deactivated; a trigger writes what an agency decided."""

    __tablename__ = "deactivation_requests"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    reason_code: Mapped[str] = mapped_column(Text)
    asked_by_client: Mapped[str] = mapped_column(Text)
    asked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    state: Mapped[str] = mapped_column(Text, server_default="open")
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index("ix_deactivation_requests_partner_id", "partner_id"),
        Index(
            "uq_deactivation_requests_open",
            "partner_id",
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
        CheckConstraint("state IN ('open', 'approved', 'refused')", name="state"),
        CheckConstraint(
            "num_nulls(decided_by, decided_at) = CASE state WHEN 'open' THEN 2 ELSE 0 END",
            name="decided",
        ),
        CheckConstraint("reason_code ~ '^[a-z_]{1,40}$'", name="reason_code"),
    )
