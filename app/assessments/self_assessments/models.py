"""Table of PSEA self-assessments."""

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

OPEN = ("draft", "submitted", "returned")
"""States in which it is not over."""


class PseaSelfAssessment(Base):
    """What a partner says of itself, standard by standard, to one agency. It is never a rating.

    ``assessment_id`` is the agency's own draft that began with a copy of the answers.
    """

    __tablename__ = "psea_self_assessments"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    methodology: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="draft")
    version: Mapped[int] = mapped_column(server_default="1")
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_version: Mapped[int] = mapped_column(server_default="1")
    sealed_reason: Mapped[bytes | None] = mapped_column(LargeBinary)
    made_by_client: Mapped[str] = mapped_column(Text)
    submitted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    # No foreign key: retention may erase the assessment before.
    assessment_id: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        Index(
            "uq_psea_self_assessments_open",
            *("partner_id", "agency_id"),
            unique=True,
            postgresql_where=text("state IN ('draft', 'submitted', 'returned')"),
        ),
        Index("uq_psea_self_assessments_assessment_id", "assessment_id", unique=True),
        Index(
            "ix_psea_self_assessments_partner_id_created_at_id", "partner_id", "created_at", "id"
        ),
        Index("ix_psea_self_assessments_agency_id_created_at_id", "agency_id", "created_at", "id"),
        CheckConstraint(
            "state IN ('draft', 'submitted', 'returned', 'taken_up', 'withdrawn')", name="state"
        ),
        CheckConstraint(
            "state IN ('draft', 'withdrawn') OR submitted_at IS NOT NULL", name="submitted_at"
        ),
        CheckConstraint("state <> 'returned' OR sealed_reason IS NOT NULL", name="reason"),
        CheckConstraint("(state = 'taken_up') = (assessment_id IS NOT NULL)", name="taken_up"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided"),
        CheckConstraint(
            "state NOT IN ('returned', 'taken_up') OR decided_by IS NOT NULL", name="decided_by"
        ),
        CheckConstraint("version >= sealed_version AND sealed_version >= 1", name="version"),
    )
