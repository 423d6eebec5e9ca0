"""Tables of the re-screening: what waits, what was compared, how far a sweep is."""

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
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class RescreenTask(Base):
    """Somebody who is to be compared again; gone when that was done.

    ``partner``: its names; ``person``: one of its people; ``entry``: a listed party.
    """

    __tablename__ = "rescreen_tasks"

    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    queued_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )
    due_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )
    failures: Mapped[int] = mapped_column(server_default="0")
    failure: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        CheckConstraint("kind IN ('partner', 'person', 'entry')", name="kind"),
        CheckConstraint("(failures > 0) = (failure IS NOT NULL)", name="failure"),
        Index("ix_rescreen_tasks_kind_due_at", "kind", "due_at"),
    )


class ScreenedSubject(Base):
    """A profile or person as it was last compared with the lists, and with whom it then fitted.

    ``version`` is that of the profile or of the entry; 0 for one that was only met from the side
    of a list. ``entries`` holds what may be secret (who uses which list): the worker's alone.
    """

    __tablename__ = "screened_subjects"

    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    algorithm: Mapped[str] = mapped_column(Text)
    entries: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default="{}")

    __table_args__ = (
        CheckConstraint("kind IN ('partner', 'person')", name="kind"),
        CheckConstraint("version >= 0", name="version"),
        Index("ix_screened_subjects_partner_id", "partner_id"),
        Index(
            "ix_screened_subjects_entries",
            "entries",
            postgresql_using="gin",
            postgresql_where=text("entries <> '{}'"),
        ),
    )


class ScreenedEntry(Base):
    """A listed party as it was last compared with all profiles: its bytes, and for whom."""

    __tablename__ = "screened_entries"

    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    holders: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default="{}")


class RescreenSweep(Base):
    """How far a sweep is; ``place`` is the last id it has looked at."""

    __tablename__ = "rescreen_sweeps"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    place: Mapped[UUID | None]
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
