"""Table of objections: a partner contests a statement, its owner answers in time."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class Objection(Base):
    """An objection to one statement, with its answer.

    ``author_office`` is that of the statement: past ``due_on`` only another office answers.
    ``overdue_at``: when the worker said so.
    """

    __tablename__ = "objections"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    subject_kind: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[UUID]
    owner_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    author_office: Mapped[str | None] = mapped_column(Text)
    raised_by_agency: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    raised_by_client: Mapped[str] = mapped_column(Text)
    evidence: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), server_default="{}")
    sealed_reason: Mapped[bytes] = mapped_column(LargeBinary)
    raised_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    due_on: Mapped[date]
    state: Mapped[str] = mapped_column(Text, server_default="open")
    overdue_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    sealed_answer: Mapped[bytes | None] = mapped_column(LargeBinary)
    answered_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    answered_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        Index(
            "uq_objections_open",
            "subject_kind",
            "subject_id",
            "partner_id",
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_objections_subject_id", "subject_id"),
        Index("ix_objections_partner_id_raised_at_id", "partner_id", "raised_at", "id"),
        Index(
            "ix_objections_due_on",
            "due_on",
            postgresql_where=text("state = 'open' AND overdue_at IS NULL"),
        ),
        CheckConstraint(
            "subject_kind IN ('flag', 'verification', 'assessment', 'sanction_entry', "
            "'profile_field')",
            name="subject_kind",
        ),
        CheckConstraint(
            "state IN ('open', 'upheld', 'partly', 'rejected', 'withdrawn')", name="state"
        ),
        CheckConstraint(
            "num_nulls(sealed_answer, answered_by, answered_at) IN (0, 3)", name="answered"
        ),
        CheckConstraint(
            "(state IN ('upheld', 'partly', 'rejected')) = (answered_by IS NOT NULL)",
            name="answered_by",
        ),
        CheckConstraint("version >= 1", name="version"),
    )
