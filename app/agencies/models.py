"""Agencies and their focal points."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    func,
    text,
)
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
    scope_ceiling: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        UniqueConstraint("code"),
        CheckConstraint("code ~ '^[A-Z][A-Z0-9_]{1,15}$'", name="code"),
        CheckConstraint(
            "status IN ('applicant', 'active', 'suspended', 'withdrawn')", name="status"
        ),
    )


class Office(Base):
    """An office of an agency; offices form a tree below one headquarters."""

    __tablename__ = "offices"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id", ondelete="CASCADE"))
    code: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    parent_id: Mapped[UUID | None]
    countries: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    active: Mapped[bool] = mapped_column(server_default="true")
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        UniqueConstraint("agency_id", "code"),
        UniqueConstraint("id", "agency_id"),
        # The parent is an office of the same agency.
        ForeignKeyConstraint(
            ["parent_id", "agency_id"],
            ["offices.id", "offices.agency_id"],
            name="fk_offices_parent",
        ),
        CheckConstraint("kind IN ('hq', 'region', 'multi_country', 'country')", name="kind"),
        CheckConstraint("(kind = 'hq') = (parent_id IS NULL)", name="parent_id"),
        CheckConstraint("parent_id <> id", name="own_parent"),
        Index(
            "uq_offices_agency_id_hq",
            "agency_id",
            unique=True,
            postgresql_where=text("kind = 'hq' AND active"),
        ),
        Index("ix_offices_parent_id", "parent_id"),
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
