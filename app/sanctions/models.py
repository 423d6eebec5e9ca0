"""Tables of cases, entries, external lists and screenings."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    column,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

NOW = func.now()


class SanctionCase(Base):
    """A case of one agency against one partner. AGENCY_ONLY; its texts are sealed in the steps.

    The checks are the due process: no decision without notice, without a reply, a waiver or the
    end of the reply period, without a review, and never by one person twice.
    """

    __tablename__ = "sanction_cases"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    state: Mapped[str] = mapped_column(Text, server_default="DRAFT")
    version: Mapped[int] = mapped_column(server_default="1")
    practices: Mapped[list[str]] = mapped_column(ARRAY(Text))
    finding_on: Mapped[date]
    investigator_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    notice_sent_on: Mapped[date | None]
    reply_due_on: Mapped[date | None]
    reply_received_on: Mapped[date | None]
    reply_waived: Mapped[bool] = mapped_column(server_default="false")
    reviewer_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    reviewed_on: Mapped[date | None]
    recommendation: Mapped[str | None] = mapped_column(Text)
    decider_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_on: Mapped[date | None]
    opened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)

    __table_args__ = (
        UniqueConstraint("id", "agency_id"),
        Index("ix_sanction_cases_agency_id_id", "agency_id", "id"),
        CheckConstraint(
            "state IN ('DRAFT', 'NOTICE_ISSUED', 'REPLY_RECORDED', 'UNDER_REVIEW', 'IMPOSED')",
            name="state",
        ),
        CheckConstraint("reviewer_id <> investigator_id", name="reviewer_not_investigator"),
        CheckConstraint(
            "decider_id <> investigator_id AND decider_id <> reviewer_id", name="decider_apart"
        ),
        CheckConstraint("state = 'DRAFT' OR notice_sent_on IS NOT NULL", name="notice_first"),
        CheckConstraint(
            "reviewer_id IS NULL OR reply_received_on IS NOT NULL OR reviewed_on > reply_due_on",
            name="reply_period",
        ),
        CheckConstraint(
            "state <> 'IMPOSED' OR (notice_sent_on IS NOT NULL AND reviewer_id IS NOT NULL "
            "AND decider_id IS NOT NULL AND decided_on IS NOT NULL)",
            name="decided_in_order",
        ),
        CheckConstraint("notice_sent_on >= finding_on", name="notice_after_finding"),
        CheckConstraint("reply_received_on >= notice_sent_on", name="reply_after_notice"),
    )


class SanctionCaseStep(Base):
    """What was written at one step of a case, sealed; insert-only.

    But for a redaction: row security shows a redacted step to nobody, and a confirmed one is
    empty. Only the database's own function writes these two columns.
    """

    __tablename__ = "sanction_case_steps"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID]
    agency_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(Text)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    redacted: Mapped[bool] = mapped_column(server_default="false")

    __table_args__ = (
        CheckConstraint("redacted OR length(sealed) > 0", name="emptied"),
        ForeignKeyConstraint(
            ["case_id", "agency_id"], ["sanction_cases.id", "sanction_cases.agency_id"]
        ),
        Index("ix_sanction_case_steps_case_id_id", "case_id", "id"),
        CheckConstraint(
            "kind IN ('finding', 'notice', 'reply', 'review', 'decision', 'lift')", name="kind"
        ),
    )


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


class ListSourceState(Base):
    """What we hold of one external source, and how fresh it is."""

    __tablename__ = "list_sources"

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    required: Mapped[bool]
    max_staleness_s: Mapped[int]
    version: Mapped[int | None] = mapped_column(BigInteger)
    digest: Mapped[str | None] = mapped_column(Text)
    published_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    counts: Mapped[dict[str, int]] = mapped_column(JSONB, server_default="{}")
    last_success: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class ListVersion(Base):
    """One imported issue of a list."""

    __tablename__ = "list_versions"

    version: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    source: Mapped[str] = mapped_column(ForeignKey("list_sources.code"))
    digest: Mapped[str] = mapped_column(Text)
    published_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    imported_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    added: Mapped[int]
    changed: Mapped[int]
    removed: Mapped[int]
    parties: Mapped[int]

    __table_args__ = (Index("ix_list_versions_source_version", "source", "version"),)


class ListedPartyRow(Base):
    """One party in one state: valid from one version of its source up to another."""

    __tablename__ = "listed_parties"

    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    from_version: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("list_versions.version"), primary_key=True
    )
    to_version: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("list_versions.version"))
    source: Mapped[str] = mapped_column(ForeignKey("list_sources.code"))
    key: Mapped[str] = mapped_column(Text)
    reference: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(Text)
    entry: Mapped[dict[str, Any]] = mapped_column(JSONB)
    original: Mapped[dict[str, Any]] = mapped_column(JSONB)

    __table_args__ = (
        Index(
            "uq_listed_parties_source_key",
            "source",
            "key",
            unique=True,
            postgresql_where=text("to_version IS NULL"),
        ),
        Index(
            "ix_listed_parties_source_entry_id",
            "source",
            "entry_id",
            postgresql_where=text("to_version IS NULL"),
        ),
        CheckConstraint("to_version > from_version", name="versions"),
    )


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
    outcome: Mapped[str] = mapped_column(Text)
    entry_ids: Mapped[list[str]] = mapped_column(ARRAY(Text))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (
        CheckConstraint(
            "outcome IN ('no_hit', 'potential_match', 'unknown_stale')", name="outcome"
        ),
        Index("ix_screenings_agency_id_id", "agency_id", "id"),
    )
