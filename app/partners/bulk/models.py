"""Tables of bulk loads: the loads, and what each agency calls the partners it has loaded."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class PartnerLoad(Base):
    """One load of an agency: a file or stream, sent at once or in pieces. Its agency's alone."""

    __tablename__ = "partner_loads"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    client_id: Mapped[str] = mapped_column(Text)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    format: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="running")
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    moved_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lines: Mapped[int] = mapped_column(BigInteger, server_default="0")
    created: Mapped[int] = mapped_column(BigInteger, server_default="0")
    updated: Mapped[int] = mapped_column(BigInteger, server_default="0")
    unchanged: Mapped[int] = mapped_column(BigInteger, server_default="0")
    conflicts: Mapped[int] = mapped_column(BigInteger, server_default="0")
    invalid: Mapped[int] = mapped_column(BigInteger, server_default="0")
    undone: Mapped[int] = mapped_column(BigInteger, server_default="0")

    __table_args__ = (
        Index("ix_partner_loads_agency_id_id", "agency_id", "id"),
        CheckConstraint("format IN ('ndjson', 'csv', 'xlsx', 'unpp')", name="format"),
        CheckConstraint("state IN ('running', 'finished', 'undone')", name="state"),
        CheckConstraint("(state = 'running') = (finished_at IS NULL)", name="finished_at"),
        CheckConstraint(
            "lines = created + updated + unchanged + conflicts + invalid", name="lines"
        ),
    )


class PartnerKey(Base):
    """What an agency calls a profile in its own systems, and a digest of what it last sent for it.

    ``version``: the profile's after the agency's last write by a load. ``created_by_load``: the
    load that made the profile.
    """

    __tablename__ = "partner_keys"

    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"), primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    version: Mapped[int]
    load_id: Mapped[UUID] = mapped_column(ForeignKey("partner_loads.id"))
    created_by_load: Mapped[UUID] = mapped_column(ForeignKey("partner_loads.id"))
    loaded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        Index("ix_partner_keys_created_by_load", "created_by_load", "partner_id"),
        Index("ix_partner_keys_partner_id", "partner_id"),
        CheckConstraint("octet_length(key) BETWEEN 1 AND 800", name="key"),
        CheckConstraint("octet_length(digest) = 16", name="digest"),
    )


class PartnerLoadReport(Base):
    """What another system says of a partner that was loaded from it: told, not checked here.

    A verification reported by the UN Partner Portal is none of this registry: no status follows.
    """

    __tablename__ = "partner_load_reports"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    load_id: Mapped[UUID] = mapped_column(ForeignKey("partner_loads.id"))
    source: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    value: Mapped[str] = mapped_column(Text)
    said_by: Mapped[str | None] = mapped_column(Text)
    said_on: Mapped[date | None] = mapped_column(Date)
    recorded_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )

    __table_args__ = (
        Index(
            "uq_partner_load_reports_said",
            "partner_id",
            "agency_id",
            "source",
            "kind",
            "value",
            "said_by",
            "said_on",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("source IN ('UNPP')", name="source"),
    )
