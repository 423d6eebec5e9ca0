"""The tables of screenings, and of the word statistics that their scores rest on."""

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
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

NOW = func.now()


class Screening(Base):
    """A screening that was run: who asked, against which lists, what was found.

    ``sealed`` holds the request and the answer with all names; it is emptied when the subject is
    erased, and what stays are the facts beside it. ``hits`` has entry, source, reference and score
    of each listed party that was shown, and the decision that cleared it. ``own_lists`` and
    ``lists`` name each list that counted with its version; ``more`` counts what was not shown.
    ``held``: an oversight role asked for an investigation or audit.
    """

    __tablename__ = "screenings"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    client_id: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    role: Mapped[str] = mapped_column(Text, server_default="PARTNER")
    kind: Mapped[str | None] = mapped_column(Text)
    partner_id: Mapped[UUID | None] = mapped_column(ForeignKey("partners.id"))
    batch_id: Mapped[UUID | None]
    rerun_of: Mapped[UUID | None]
    algorithm: Mapped[str] = mapped_column(Text)
    statistics_version: Mapped[str | None] = mapped_column(Text)
    threshold: Mapped[float]
    list_version: Mapped[int] = mapped_column(BigInteger)
    # Lists that counted for this agency only, each with its number.
    own_lists: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")
    lists: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")
    stale_sources: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    outcome: Mapped[str] = mapped_column(Text)
    entry_ids: Mapped[list[str]] = mapped_column(ARRAY(Text))
    hits: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")
    more: Mapped[int] = mapped_column(server_default="0")
    held: Mapped[bool] = mapped_column(server_default="false")
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    subject_erased_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        CheckConstraint(
            "outcome IN ('no_hit', 'potential_match', 'unknown_stale')", name="outcome"
        ),
        CheckConstraint(
            "role IN ('PARTNER', 'PARTNER_OFFICER', 'SUB_PARTNER', 'VENDOR')", name="role"
        ),
        CheckConstraint("kind IN ('person', 'organisation', 'unknown')", name="kind"),
        CheckConstraint("more >= 0", name="more"),
        CheckConstraint("(sealed IS NULL) = (subject_erased_at IS NOT NULL)", name="erased"),
        Index("ix_screenings_agency_id_at_id", "agency_id", "at", "id"),
        Index("ix_screenings_statistics_version", "statistics_version"),
        Index(
            "ix_screenings_subject_kept", "at", postgresql_where=text("subject_erased_at IS NULL")
        ),
        Index(
            "ix_screenings_partner_id",
            "partner_id",
            postgresql_where=text("partner_id IS NOT NULL"),
        ),
    )


class ScreeningStatistics(Base):
    """Word statistics of the list of all, by version: the newest count now, former ones for what
    was screened with them. No screening refers to them by a foreign key: all would hold one row.

    ``entries`` and ``seq``: size and number of the list when they were last counted.
    """

    __tablename__ = "screening_statistics"

    version: Mapped[str] = mapped_column(Text, primary_key=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    counted_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )
    entries: Mapped[int]
    seq: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (
        CheckConstraint("version ~ '^[0-9a-f]{16}$'", name="version"),
        CheckConstraint("entries >= 0 AND seq >= 0", name="counted"),
    )
