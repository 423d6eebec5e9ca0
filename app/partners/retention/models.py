"""Tables of retention: periods in force, runs, and what each run did."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class RetentionPeriod(Base):
    """How long a rule keeps. Written by migrations only: the floor under every erasure."""

    __tablename__ = "retention_rules"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    months: Mapped[int]
    days: Mapped[int] = mapped_column(server_default="0")
    version: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        CheckConstraint("name ~ '^[a-z_]{1,40}$'", name="name"),
        CheckConstraint("months >= 0 AND days >= 0 AND months + days >= 1", name="period"),
    )


class RetentionRun(Base):
    """One run of the job. Without ``finished_at`` it was broken off: the next one does the rest."""

    __tablename__ = "retention_runs"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    rules_version: Mapped[str] = mapped_column(Text)
    started_by: Mapped[str] = mapped_column(Text)
    whole: Mapped[bool]
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        CheckConstraint("started_by IN ('worker', 'operator')", name="started_by"),
        CheckConstraint("finished_at >= started_at", name="finished_at"),
        Index("ix_retention_runs_started_at", "started_at"),
    )


class RetentionCount(Base):
    """What a run erased, and what it left, by rule and by whose records they were.

    ``owner_agency`` None: records of the shared profile.
    """

    __tablename__ = "retention_counts"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    run_id: Mapped[UUID] = mapped_column(ForeignKey("retention_runs.id"))
    rule: Mapped[str] = mapped_column(ForeignKey("retention_rules.name"))
    owner_agency: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    erased: Mapped[int] = mapped_column(server_default="0")
    held: Mapped[int] = mapped_column(server_default="0")
    kept: Mapped[int] = mapped_column(server_default="0")

    __table_args__ = (
        CheckConstraint("erased >= 0 AND held >= 0 AND kept >= 0", name="counted"),
        Index(
            "uq_retention_counts_run_id_rule_owner_agency",
            "run_id",
            "rule",
            "owner_agency",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )
