"""Agencies and their focal points."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Text, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class Agency(Base):
    """A UN-system entity that takes part. ``code`` is our short name, stable for ever."""

    __tablename__ = "agencies"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    xm_dac: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    contact_office: Mapped[str] = mapped_column(Text)
    contact_email: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="active")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        UniqueConstraint("code"),
        CheckConstraint("code ~ '^[A-Z][A-Z0-9_]{1,15}$'", name="code"),
        CheckConstraint(
            "status IN ('applicant', 'active', 'suspended', 'withdrawn')", name="status"
        ),
    )


class FocalPoint(Base):
    """Whom to write to about one subject: an office and its mailbox, not a person."""

    __tablename__ = "focal_points"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id", ondelete="CASCADE"))
    subject: Mapped[str] = mapped_column(Text)
    office: Mapped[str] = mapped_column(Text)
    country: Mapped[str | None] = mapped_column(Text)
    email: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        CheckConstraint(
            "subject IN ('implementing_partners', 'data_protection', 'legal', 'oversight', "
            "'sanctions', 'psea')",
            name="subject",
        ),
        Index("ix_focal_points_agency_id", "agency_id"),
    )
