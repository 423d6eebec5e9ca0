"""The table of questions to owners of statements that counted in a clearance."""

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
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class ClearanceQuestion(Base):
    """A question by code, and what came of it. It changes no answer and decides nothing."""

    __tablename__ = "clearance_questions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clearance_id: Mapped[UUID]
    agency_id: Mapped[UUID]
    owner_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    subject_kind: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[UUID]
    state: Mapped[str] = mapped_column(Text, server_default="open")
    outcome: Mapped[str | None] = mapped_column(Text)
    question: Mapped[str] = mapped_column(Text)
    reference: Mapped[str | None] = mapped_column(Text)
    asked_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    asked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    answered_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    answered_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        ForeignKeyConstraint(
            ["clearance_id", "agency_id"], ["clearances.id", "clearances.agency_id"]
        ),
        CheckConstraint("subject_kind IN ('assessment', 'measure')", name="subject_kind"),
        CheckConstraint("state IN ('open', 'answered', 'withdrawn')", name="state"),
        CheckConstraint(
            "outcome IN ('stands', 'corrected', 'withdrawn', 'under_review')", name="outcome"
        ),
        CheckConstraint(
            "num_nulls(outcome, answered_by, answered_at) = "
            "CASE WHEN state = 'answered' THEN 0 ELSE 3 END",
            name="answered",
        ),
        CheckConstraint("owner_agency <> agency_id", name="other"),
        *(
            Index(f"ix_clearance_questions_{column}", column)
            for column in ("clearance_id", "agency_id", "owner_agency", "asked_by", "answered_by")
        ),
    )
