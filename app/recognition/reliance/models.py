"""The table of who relied on whose assessment, and of what was not recognised and why."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKeyConstraint, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class ClearanceRecognition(Base):
    """One requirement of one clearance: satisfied or not, by whose assessment: insert-only."""

    __tablename__ = "clearance_recognitions"

    clearance_id: Mapped[UUID] = mapped_column(primary_key=True)
    requirement: Mapped[str] = mapped_column(Text, primary_key=True)
    agency_id: Mapped[UUID]
    partner_id: Mapped[UUID | None]
    satisfied: Mapped[bool]
    by: Mapped[str | None] = mapped_column(Text)
    owner_agency: Mapped[UUID | None]
    assessment_id: Mapped[UUID | None]
    reason: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    held: Mapped[bool]
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        ForeignKeyConstraint(
            ["clearance_id", "agency_id"], ["clearances.id", "clearances.agency_id"]
        ),
        CheckConstraint("by IN ('own', 'recognised')", name="by"),
        Index("ix_clearance_recognitions_agency_id_at", "agency_id", "at"),
        Index("ix_clearance_recognitions_at", "at", postgresql_using="brin"),
        Index(
            "ix_clearance_recognitions_owner_agency_at",
            "owner_agency",
            "at",
            postgresql_where=text("satisfied AND by = 'recognised'"),
        ),
    )
