"""Tables of an assessment's life: who takes part, its milestones, adjusted ratings, notes."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


def _of_its_owner() -> ForeignKeyConstraint:
    # Nobody writes about a record that is not the writer's: see the policies.
    return ForeignKeyConstraint(
        ["assessment_id", "owner_agency"], ["assessments.id", "assessments.owner_agency"]
    )


class AssessmentParticipant(Base):
    """An agency that assesses jointly with the owner."""

    __tablename__ = "assessment_participants"

    assessment_id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"), primary_key=True)
    owner_agency: Mapped[UUID]

    __table_args__ = (
        _of_its_owner(),
        Index("ix_assessment_participants_agency_id", "agency_id"),
        CheckConstraint("agency_id <> owner_agency", name="agency_id"),
    )


class AssessmentMilestone(Base):
    """A dated step of the work. It is set once; a later step is never before an earlier one."""

    __tablename__ = "assessment_milestones"

    assessment_id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(Text, primary_key=True)
    owner_agency: Mapped[UUID]
    position: Mapped[int] = mapped_column(SmallInteger)
    reached_on: Mapped[date]
    recorded_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    recorded_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )

    __table_args__ = (
        _of_its_owner(),
        CheckConstraint(
            "(code, position) IN (('partner_contacted', 1), ('field_visit', 2), "
            "('draft_to_partner', 3), ('partner_comments', 4), ('draft_to_agency', 5), "
            "('agency_comments', 6), ('report_submitted', 7))",
            name="code",
        ),
    )


class AssessmentAdjustment(Base):
    """A rating changed for other information, by two persons; the computed one stays beside it."""

    __tablename__ = "assessment_adjustments"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    assessment_id: Mapped[UUID]
    owner_agency: Mapped[UUID]
    value: Mapped[str] = mapped_column(Text)
    level: Mapped[str | None] = mapped_column(Text)
    sealed_reason: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(Text, server_default="proposed")
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    proposed_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    sealed_decision: Mapped[bytes | None] = mapped_column(LargeBinary)
    version: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        _of_its_owner(),
        Index("ix_assessment_adjustments_assessment_id_id", "assessment_id", "id"),
        Index(
            "uq_assessment_adjustments_proposed",
            "assessment_id",
            unique=True,
            postgresql_where=text("state = 'proposed'"),
        ),
        CheckConstraint("state IN ('proposed', 'approved', 'refused')", name="state"),
        CheckConstraint("(state = 'proposed') = (decided_by IS NULL)", name="decided"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_at"),
        CheckConstraint("decided_by <> proposed_by", name="second_person"),
        CheckConstraint("level IN ('LOW', 'MODERATE', 'SIGNIFICANT', 'HIGH')", name="level"),
        CheckConstraint("version >= 1", name="version"),
    )


class AssessmentNote(Base):
    """Why something was done to an assessment: for its owner alone, never changed."""

    __tablename__ = "assessment_notes"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    assessment_id: Mapped[UUID]
    owner_agency: Mapped[UUID]
    kind: Mapped[str] = mapped_column(Text)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    written_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    written_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        _of_its_owner(),
        Index("ix_assessment_notes_assessment_id_id", "assessment_id", "id"),
        CheckConstraint("kind IN ('sent_back', 'cancelled', 'withdrawn')", name="kind"),
    )
