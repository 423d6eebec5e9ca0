"""Tables of what agencies decided after clearances, and of what they waived."""

from __future__ import annotations

from datetime import date, datetime
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
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class ClearanceDecision(Base):
    """What a person decided after a clearance, once: insert-only, and no texts."""

    __tablename__ = "clearance_decisions"

    clearance_id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    decision: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    level: Mapped[str] = mapped_column(Text)
    agreement_reference: Mapped[str | None] = mapped_column(Text)
    outcome_then: Mapped[str] = mapped_column(Text)
    decided_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    office: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        ForeignKeyConstraint(
            ["clearance_id", "agency_id"], ["clearances.id", "clearances.agency_id"]
        ),
        UniqueConstraint("clearance_id", "agency_id"),
        CheckConstraint("decision IN ('signed', 'not_signed', 'waived')", name="decision"),
        CheckConstraint(
            "level IN ('officer', 'head_of_office', 'regional', 'headquarters')", name="level"
        ),
        Index("ix_clearance_decisions_decided_by", "decided_by"),
    )


class ClearanceWaiver(Base):
    """A requirement that is to be met later: by when, and with which clearance it was.

    ``told``: which reminder the worker has sent.
    """

    __tablename__ = "clearance_waivers"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clearance_id: Mapped[UUID]
    agency_id: Mapped[UUID]
    requirement: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    office: Mapped[str] = mapped_column(Text)
    given_on: Mapped[date] = mapped_column(server_default=text("current_date"))
    complete_by: Mapped[date]
    completed_on: Mapped[date | None]
    completed_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    completed_with: Mapped[UUID | None]
    told: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        ForeignKeyConstraint(
            ["clearance_id", "agency_id"],
            ["clearance_decisions.clearance_id", "clearance_decisions.agency_id"],
        ),
        ForeignKeyConstraint(
            ["completed_with", "agency_id"], ["clearances.id", "clearances.agency_id"]
        ),
        UniqueConstraint("clearance_id", "requirement"),
        CheckConstraint(
            "complete_by >= given_on AND complete_by <= (given_on + interval '6 months')::date",
            name="period",
        ),
        CheckConstraint("requirement <> 'SANCTIONS'", name="requirement"),
        CheckConstraint(
            "num_nulls(completed_on, completed_by, completed_with) IN (0, 3)", name="completed"
        ),
        CheckConstraint("told IN ('due', 'overdue')", name="told"),
        Index("ix_clearance_waivers_agency_id_id", "agency_id", "id"),
        Index("ix_clearance_waivers_completed_by", "completed_by"),
        Index("ix_clearance_waivers_completed_with", "completed_with"),
        Index(
            "ix_clearance_waivers_open",
            "complete_by",
            postgresql_where=text("completed_on IS NULL"),
        ),
    )
