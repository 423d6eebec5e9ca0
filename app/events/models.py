"""Transactional outbox, the cursors of those who read it, and what each agency is told."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class OutboxEvent(Base):
    """Something that happened, written with it; numbered after commit by the sequencer."""

    __tablename__ = "outbox"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int | None] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    type: Mapped[str] = mapped_column(Text)
    agency_id: Mapped[UUID | None]
    subject_id: Mapped[UUID]
    data: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    numbered_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index("uq_outbox_seq", "seq", unique=True),
        Index("ix_outbox_unsequenced", "id", postgresql_where=text("seq IS NULL")),
    )


class ConsumerCursor(Base):
    """The last event a consumer has applied; moved in the transaction of its effect."""

    __tablename__ = "consumer_cursors"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, server_default="0")


class EventTop(Base):
    """Highest number of an agency's events, and up to which they were deleted for age."""

    __tablename__ = "event_tops"

    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, server_default="0")
    pruned: Mapped[int] = mapped_column(BigInteger, server_default="0")


class AgencyEvent(Base):
    """An event as one agency is told of it; ``seq`` is dense for each agency.

    ``data`` is what is sent: ids and codes the catalogue names, and the agency's own vendor
    numbers. It never changes, so that every retry and replay sends the same bytes.
    """

    __tablename__ = "agency_events"

    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    event_id: Mapped[UUID]
    type: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    told_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        UniqueConstraint("agency_id", "event_id"),
        Index("ix_agency_events_agency_id_at", "agency_id", "at"),
        Index("ix_agency_events_told_at", "told_at"),
    )
