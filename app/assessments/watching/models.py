"""Tables of the watch: what was unusual, and for which purposes an agency has read before."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class UnusualReading(Base):
    """Something unusual about how another agency reads the owner's details.

    Made by the worker from the log, of which ``event_id`` is an event: the last of many, the first
    for a purpose, or the attempt after the end of a share. Ids and codes only.
    """

    __tablename__ = "unusual_readings"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    reader_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    client_id: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    event_id: Mapped[UUID]
    assessment_id: Mapped[UUID | None]
    purpose: Mapped[str | None] = mapped_column(Text)
    records: Mapped[int | None]
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    noticed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        UniqueConstraint("event_id", "kind"),
        Index("ix_unusual_readings_owner_agency_id", "owner_agency", "id"),
        CheckConstraint("kind IN ('volume', 'new_purpose', 'after_revoke')", name="kind"),
        CheckConstraint("(kind = 'volume') = (records IS NOT NULL)", name="records"),
        CheckConstraint("reader_agency <> owner_agency", name="reader_agency"),
    )


class ReadingPurpose(Base):
    """A purpose for which an agency has read details of an owner; the worker's memory."""

    __tablename__ = "reading_purposes"

    owner_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"), primary_key=True)
    reader_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"), primary_key=True)
    purpose: Mapped[str] = mapped_column(Text, primary_key=True)
    first_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ReadingWatch(Base):
    """How far the watch is in the log: one row, which two workers lock in turn."""

    __tablename__ = "reading_watch"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (CheckConstraint("id = 1", name="id"),)
