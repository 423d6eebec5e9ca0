"""Table of what partners comment on statements about them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, LargeBinary, Text, func
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
