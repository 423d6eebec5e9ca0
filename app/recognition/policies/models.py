"""Tables of policies, and of what was asked about a partner in a day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class RecognitionPolicy(Base):
    """One version of one agency's policy for one requirement; versions never change.

    Proposed by one person and decided by another; what the product ships has no persons. In force
    on a day is, of the approved ones that cover it, the one that begins latest (``effective_from``
    moves to the day of the approval where that is later).
    """

    __tablename__ = "recognition_policies"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    requirement: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    rules: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    source: Mapped[str] = mapped_column(Text)
    effective_from: Mapped[date]
    effective_to: Mapped[date | None]
    state: Mapped[str] = mapped_column(Text, server_default="proposed")
    note: Mapped[str | None] = mapped_column(Text)
    proposed_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reason: Mapped[str | None] = mapped_column(Text)
    row_version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        UniqueConstraint("agency_id", "requirement", "version"),
        Index("ix_recognition_policies_state_id", "state", "id"),
        CheckConstraint("effective_to >= effective_from", name="period"),
        CheckConstraint("state IN ('proposed', 'approved', 'refused', 'withdrawn')", name="state"),
        CheckConstraint("decided_by <> proposed_by OR state = 'withdrawn'", name="two_persons"),
        CheckConstraint("(state = 'proposed') = (decided_at IS NULL)", name="decided"),
        CheckConstraint(
            "jsonb_typeof(rules) = 'array' AND jsonb_array_length(rules) BETWEEN 1 AND 20",
            name="rules",
        ),
    )


class ClearanceInquiry(Base):
    """A digest of what an agency asked about a partner on a day, each variation once; kept for
    two days, for the quota.
    """

    __tablename__ = "clearance_inquiries"

    agency_id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(primary_key=True)
    on_day: Mapped[date] = mapped_column(
        Date, primary_key=True, server_default=text("CURRENT_DATE")
    )
    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)

    __table_args__ = (
        CheckConstraint("length(digest) = 16", name="digest"),
        Index("ix_clearance_inquiries_on_day", "on_day"),
    )
