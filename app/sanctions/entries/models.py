"""Tables of measures that agencies imposed."""

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
    column,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

NOW = func.now()


class SanctionEntry(Base):
    """A measure an agency imposed: its own decision, shared with all.

    ``custodian_agency`` is the one that may lift it after the imposing agency has withdrawn and
    the operator has handed it over.
    """

    __tablename__ = "sanction_entries"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    imposing_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("sanction_cases.id"))
    measure: Mapped[str] = mapped_column(Text)
    blocking: Mapped[bool]
    practices: Mapped[list[str]] = mapped_column(ARRAY(Text))
    procedure: Mapped[str] = mapped_column(Text)
    decided_on: Mapped[date]
    effective_from: Mapped[date]
    effective_to: Mapped[date | None]
    status: Mapped[str] = mapped_column(Text, server_default="ACTIVE")
    ended_on: Mapped[date | None]
    end_reason: Mapped[str | None] = mapped_column(Text)
    ended_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    sealed_end_reason: Mapped[bytes | None] = mapped_column(LargeBinary)
    custodian_agency: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)

    __table_args__ = (
        # Two live blocking measures of one agency on one partner cannot overlap, however many
        # deciders press the button at once.
        ExcludeConstraint(
            (column("partner_id"), "="),
            (column("imposing_agency"), "="),
            (text("daterange(effective_from, effective_to, '[]')"), "&&"),
            name="ex_sanction_entries_no_overlap",
            using="gist",
            where=text("blocking AND status = 'ACTIVE'"),
        ),
        CheckConstraint("effective_to >= effective_from", name="period"),
        CheckConstraint("status IN ('ACTIVE', 'EXPIRED', 'LIFTED')", name="status"),
        CheckConstraint("procedure IN ('full', 'recorded')", name="procedure"),
        CheckConstraint("(status = 'ACTIVE') = (ended_on IS NULL)", name="ended"),
        CheckConstraint("custodian_agency <> imposing_agency", name="custodian_agency"),
        Index("ix_sanction_entries_partner_id", "partner_id"),
        Index(
            "ix_sanction_entries_effective_to",
            "effective_to",
            postgresql_where=text("status = 'ACTIVE'"),
        ),
    )


class SanctionCustody(Base):
    """A measure of an agency that withdrew was given into another's hands; insert-only."""

    __tablename__ = "sanction_custody"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    entry_id: Mapped[UUID] = mapped_column(ForeignKey("sanction_entries.id"))
    from_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    to_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    reason: Mapped[str] = mapped_column(Text)
    recorded_by: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)

    __table_args__ = (
        CheckConstraint("from_agency <> to_agency", name="to_agency"),
        Index("ix_sanction_custody_entry_id", "entry_id"),
    )
