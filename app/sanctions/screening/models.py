"""The table of screenings."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

NOW = func.now()


class Screening(Base):
    """A screening that was run: who asked, against which list, what was found. Names are sealed."""

    __tablename__ = "screenings"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    client_id: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    algorithm: Mapped[str] = mapped_column(Text)
    threshold: Mapped[float]
    list_version: Mapped[int] = mapped_column(BigInteger)
    # Lists that counted for this agency only, each with its number.
    own_lists: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")
    outcome: Mapped[str] = mapped_column(Text)
    entry_ids: Mapped[list[str]] = mapped_column(ARRAY(Text))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (
        CheckConstraint(
            "outcome IN ('no_hit', 'potential_match', 'unknown_stale')", name="outcome"
        ),
        Index("ix_screenings_agency_id_id", "agency_id", "id"),
    )
