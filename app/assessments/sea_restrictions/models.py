"""Table of SEA restriction markers."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class SeaRestriction(Base):
    """That a restriction is in force, whom to ask, and when it is looked at again. Nothing else:
    facts of a case belong into no register (domain.md 4.5).
    """

    __tablename__ = "sea_restrictions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    owner_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    contact_office: Mapped[str] = mapped_column(Text)
    contact_email: Mapped[str] = mapped_column(Text)
    review_by: Mapped[date]
    set_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    set_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    reviewed_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    reviewed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lifted_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    lifted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reminded_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        Index(
            "uq_sea_restrictions_in_force",
            "partner_id",
            "owner_agency",
            unique=True,
            postgresql_where=text("lifted_at IS NULL"),
        ),
        Index("ix_sea_restrictions_set_at_id", "set_at", "id"),
        Index(
            "ix_sea_restrictions_review_by",
            "review_by",
            postgresql_where=text("lifted_at IS NULL"),
        ),
        # One line, as no marker may grow into a story.
        CheckConstraint(
            "length(contact_office) BETWEEN 1 AND 80 AND contact_office !~ '[[:cntrl:]]'",
            name="contact_office",
        ),
        CheckConstraint(
            "length(contact_email) BETWEEN 3 AND 254 AND contact_email ~ '^[^[:space:]]+$'",
            name="contact_email",
        ),
        # Six months are at most 184 days, from the day it was set or last looked at.
        CheckConstraint(
            "review_by <= (coalesce(reviewed_at, set_at) AT TIME ZONE 'UTC')::date + 184",
            name="review_by",
        ),
        CheckConstraint("(reviewed_by IS NULL) = (reviewed_at IS NULL)", name="reviewed_by"),
        CheckConstraint("(lifted_by IS NULL) = (lifted_at IS NULL)", name="lifted_by"),
        CheckConstraint("version >= 1", name="version"),
    )
