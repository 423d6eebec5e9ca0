"""Tables of what is decided about a measure once it stands: conditions, its end, who shares it."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

_NOW = func.now()


class SanctionCondition(Base):
    """What the partner has to do, in words that every agency reads; written with the decision.

    ``verified_by`` of the imposing agency says whether it was done. A condition that was met or
    waived stays so; the note of the verification is sealed for the agency.
    """

    __tablename__ = "sanction_conditions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    entry_id: Mapped[UUID] = mapped_column(ForeignKey("sanction_entries.id"))
    owner_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    position: Mapped[int] = mapped_column(SmallInteger)
    condition: Mapped[str] = mapped_column(Text)
    due_on: Mapped[date | None]
    state: Mapped[str] = mapped_column(Text, server_default="open")
    verified_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    verified_on: Mapped[date | None]
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    version: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        UniqueConstraint("entry_id", "position"),
        CheckConstraint("position BETWEEN 1 AND 20", name="position"),
        CheckConstraint("length(condition) BETWEEN 1 AND 300", name="condition"),
        CheckConstraint("state IN ('open', 'met', 'waived', 'breached')", name="state"),
        CheckConstraint(
            "num_nulls(verified_by, verified_on, sealed) = CASE state WHEN 'open' THEN 3 ELSE 0 "
            "END",
            name="verified",
        ),
    )


class SanctionEntryAct(Base):
    """A release or an annulment: asked for by one person, decided on by another.

    The reasons are sealed for the agency. Only an approved one lets a measure end in this way.
    """

    __tablename__ = "sanction_entry_acts"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    entry_id: Mapped[UUID] = mapped_column(ForeignKey("sanction_entries.id"))
    owner_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    kind: Mapped[str] = mapped_column(Text)
    # Why it is annulled; of a duplicate, which measure stands. That one may be erased after its
    # time while this act is kept: no foreign key.
    cause: Mapped[str] = mapped_column(Text, server_default="void")
    duplicate_of: Mapped[UUID | None]
    state: Mapped[str] = mapped_column(Text, server_default="proposed")
    version: Mapped[int] = mapped_column(server_default="1")
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    proposed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_NOW)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    sealed_decision: Mapped[bytes | None] = mapped_column(LargeBinary)

    __table_args__ = (
        Index("ix_sanction_entry_acts_entry_id", "entry_id"),
        Index(
            "uq_sanction_entry_acts_open",
            "entry_id",
            unique=True,
            postgresql_where=text("state = 'proposed'"),
        ),
        CheckConstraint("kind IN ('release', 'annul')", name="kind"),
        CheckConstraint(
            "cause = 'void' OR kind = 'annul' AND cause IN ('error', 'duplicate')", name="cause"
        ),
        CheckConstraint(
            "(cause = 'duplicate') = (duplicate_of IS NOT NULL) AND duplicate_of <> entry_id",
            name="duplicate_of",
        ),
        CheckConstraint("state IN ('proposed', 'approved', 'rejected')", name="state"),
        CheckConstraint(
            "num_nulls(decided_by, decided_at, sealed_decision) = "
            "CASE state WHEN 'proposed' THEN 3 ELSE 0 END",
            name="decided",
        ),
        CheckConstraint("decided_by <> proposed_by", name="two_persons"),
    )


class SanctionRecognition(Base):
    """What another agency decided about a measure: whether it treats it as its own.

    Insert-only, but for a redaction of its reason: the newest decision of an agency is the one that
    counts.
    """

    __tablename__ = "sanction_recognitions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    entry_id: Mapped[UUID] = mapped_column(ForeignKey("sanction_entries.id"))
    owner_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    decision: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    redacted: Mapped[bool] = mapped_column(server_default="false")
    policy: Mapped[str | None] = mapped_column(Text)
    entry_version: Mapped[int]
    decided_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    decided_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )

    __table_args__ = (
        Index(
            "ix_sanction_recognitions_newest", "entry_id", "owner_agency", text("decided_at DESC")
        ),
        CheckConstraint("decision IN ('recognise', 'not_recognise')", name="decision"),
        CheckConstraint(
            "length(reason) BETWEEN 1 AND 1000 OR (redacted AND reason = '')", name="reason"
        ),
    )
