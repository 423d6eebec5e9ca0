"""Table of pending statements: flags and comments of another system that nobody has confirmed."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, DateTime, ForeignKey, Index, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class PendingStatement(Base):
    """A flag or comment that came with a load. Its author agency alone sees it, until it says
    that it stands by it: then a flag is made; or that it does not. Retention empties the text
    (``erased_at``); the row stays, so that the same file does not bring it back.
    """

    __tablename__ = "pending_statements"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(server_default="1")
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    owner_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    load_id: Mapped[UUID] = mapped_column(ForeignKey("partner_loads.id"))
    source: Mapped[str] = mapped_column(Text)
    source_key: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    category: Mapped[str | None] = mapped_column(Text)
    said_on: Mapped[date | None] = mapped_column(Date)
    sealed: Mapped[bytes]
    state: Mapped[str] = mapped_column(Text, server_default="pending")
    loaded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    flag_id: Mapped[UUID | None] = mapped_column(ForeignKey("partner_flags.id"))
    erased_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index("ix_pending_statements_owner_agency_state", "owner_agency", "state", "loaded_at"),
        Index("ix_pending_statements_partner_id", "partner_id"),
        Index(
            "uq_pending_statements_source_key", "owner_agency", "source", "source_key", unique=True
        ),
        CheckConstraint("source IN ('UNPP')", name="source"),
        CheckConstraint("kind IN ('OBSERVATION', 'YELLOW', 'RED')", name="kind"),
        CheckConstraint("state IN ('pending', 'confirmed', 'rejected')", name="state"),
        CheckConstraint(
            "num_nulls(decided_by, decided_at) = CASE state WHEN 'pending' THEN 2 ELSE 0 END",
            name="decided",
        ),
        CheckConstraint("(state = 'confirmed') = (flag_id IS NOT NULL)", name="flag_id"),
        CheckConstraint("(length(sealed) = 0) = (erased_at IS NOT NULL)", name="erased_at"),
    )
