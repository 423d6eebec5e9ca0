"""Transactional outbox and the cursors of those who read it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Index, Text, func, text
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

    __table_args__ = (
        Index("uq_outbox_seq", "seq", unique=True),
        Index("ix_outbox_unsequenced", "id", postgresql_where=text("seq IS NULL")),
    )


class ConsumerCursor(Base):
    """The last event a consumer has applied; moved in the transaction of its effect."""

    __tablename__ = "consumer_cursors"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, server_default="0")
