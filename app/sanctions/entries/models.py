"""Tables of measures that agencies imposed: what is known now, and what was known before."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Computed,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    column,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, DATERANGE, JSONB, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

NOW = func.now()
_CLOCK = func.clock_timestamp()
VALID = (
    "CASE WHEN voided_at IS NOT NULL THEN 'empty'::daterange "
    "WHEN ended_on IS NULL AND effective_to IS NULL THEN daterange(effective_from, NULL) "
    "ELSE daterange(effective_from, greatest(effective_from, least(ended_on, effective_to + 1))) "
    "END"
)
"""The days on which a measure is in force; it stops where the measure was ended early."""


class EntryColumns:
    """What is known of a measure, now and in every former row of it."""

    partner_id: Mapped[UUID | None]
    imposing_agency: Mapped[UUID]
    case_id: Mapped[UUID | None]
    individual: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    affiliate_of: Mapped[UUID | None]
    affiliate_relation: Mapped[str | None] = mapped_column(Text)
    supersedes: Mapped[UUID | None]
    regime: Mapped[str] = mapped_column(Text, server_default="IMPLEMENTING_PARTNER")
    measure: Mapped[str] = mapped_column(Text)
    blocking: Mapped[bool]
    level: Mapped[str] = mapped_column(Text, server_default="INTER_AGENCY")
    practices: Mapped[list[str]] = mapped_column(ARRAY(Text))
    practice_ended_on: Mapped[date | None]
    procedure: Mapped[str] = mapped_column(Text)
    certificate: Mapped[str | None] = mapped_column(Text)
    legal_reference: Mapped[str | None] = mapped_column(Text)
    decided_on: Mapped[date]
    effective_from: Mapped[date]
    effective_to: Mapped[date | None]
    release_not_before: Mapped[date | None]
    scope_countries: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    scope_modalities: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    new_agreements: Mapped[str] = mapped_column(Text, server_default="allowed")
    renewals: Mapped[str] = mapped_column(Text, server_default="allowed")
    payments_due: Mapped[str] = mapped_column(Text, server_default="continue")
    running_agreements: Mapped[str] = mapped_column(Text, server_default="continue")
    wind_down_until: Mapped[date | None]
    continuity_contact: Mapped[str | None] = mapped_column(Text)
    contact_office: Mapped[str | None] = mapped_column(Text)
    last_reviewed: Mapped[date | None]
    ended_on: Mapped[date | None]
    end_reason: Mapped[str | None] = mapped_column(Text)
    ended_by: Mapped[UUID | None]
    voided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    custodian_agency: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    recorded_from: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=_CLOCK)


class SanctionEntry(EntryColumns, Base):
    """A measure an agency imposed: its own decision, as it is known now.

    ``custodian_agency`` is the one that may lift it after the imposing agency has withdrawn and
    the operator has handed it over. ``ended_on`` is the first day on which it is in force no more.
    Whether it is in force is never stored: `sanction_status` says it of a day. ``announced`` is
    what the worker has told the feed, and nobody decides by it. ``respondent_id`` is the party to
    the case whose decision it is: no other of the case is listed by it.
    """

    __tablename__ = "sanction_entries"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID | None] = mapped_column(ForeignKey("partners.id"))
    imposing_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("sanction_cases.id"))
    respondent_id: Mapped[UUID | None]
    affiliate_of: Mapped[UUID | None] = mapped_column(ForeignKey("sanction_entries.id"))
    supersedes: Mapped[UUID | None] = mapped_column(ForeignKey("sanction_entries.id"))
    ended_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    custodian_agency: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    sealed_end_reason: Mapped[bytes | None] = mapped_column(LargeBinary)
    valid: Mapped[Range[date]] = mapped_column(DATERANGE, Computed(VALID, persisted=True))
    announced: Mapped[str] = mapped_column(Text, server_default="PENDING")

    __table_args__ = (
        # Two blocking measures of one agency on one partner in one regime cannot overlap, however
        # many deciders press the button at once. A row here is what is known now: former rows are
        # in the table of their own, so none of them is in the way.
        ExcludeConstraint(
            (column("partner_id"), "="),
            (column("imposing_agency"), "="),
            (column("regime"), "="),
            (column("valid"), "&&"),
            name="ex_sanction_entries_no_overlap",
            using="gist",
            where=text("blocking AND voided_at IS NULL"),
        ),
        # A person has no profile: the party of the case stands for it.
        ExcludeConstraint(
            (column("respondent_id"), "="),
            (column("regime"), "="),
            (column("valid"), "&&"),
            name="ex_sanction_entries_no_overlap_person",
            using="gist",
            where=text("blocking AND voided_at IS NULL AND individual IS NOT NULL"),
        ),
        ForeignKeyConstraint(
            ["respondent_id", "case_id", "imposing_agency"],
            [
                "sanction_respondents.id",
                "sanction_respondents.case_id",
                "sanction_respondents.agency_id",
            ],
            name="fk_sanction_entries_respondent",
        ),
        CheckConstraint("num_nulls(case_id, respondent_id) <> 1", name="respondent"),
        Index("ix_sanction_entries_respondent_id", "respondent_id"),
        UniqueConstraint("supersedes"),
        CheckConstraint("num_nonnulls(partner_id, individual) = 1", name="subject"),
        # What is published of a person goes to agencies, and no further.
        CheckConstraint("individual IS NULL OR level = 'INTER_AGENCY'", name="individual"),
        CheckConstraint("num_nulls(affiliate_of, affiliate_relation) <> 1", name="affiliate"),
        CheckConstraint(
            "affiliate_relation IN ('CONTROLLING', 'CONTROLLED', 'COMMON_CONTROL', 'SUCCESSOR', "
            "'ASSIGN', 'PRINCIPAL')",
            name="affiliate_relation",
        ),
        CheckConstraint("affiliate_of <> id", name="affiliate_of"),
        CheckConstraint("supersedes <> id", name="supersedes"),
        CheckConstraint("regime IN ('VENDOR', 'IMPLEMENTING_PARTNER')", name="regime"),
        CheckConstraint("level IN ('PUBLIC', 'INTER_AGENCY', 'RESTRICTED')", name="level"),
        # A suspension before any decision is nobody's but those who must act on it.
        CheckConstraint("measure <> 'INTERIM_SUSPENSION' OR level = 'RESTRICTED'", name="interim"),
        CheckConstraint("effective_to >= effective_from", name="period"),
        CheckConstraint("release_not_before >= effective_from", name="release_not_before"),
        CheckConstraint("procedure IN ('full', 'recorded')", name="procedure"),
        CheckConstraint(
            "new_agreements IN ('allowed', 'stop') AND renewals IN ('allowed', 'stop') "
            "AND payments_due IN ('continue', 'stop') "
            "AND running_agreements IN ('continue', 'wind_down', 'stop')",
            name="effects",
        ),
        # One that blocks stops new agreements; one that does not stops nothing.
        CheckConstraint("blocking = (new_agreements = 'stop')", name="blocking"),
        CheckConstraint(
            "blocking OR (renewals = 'allowed' AND payments_due = 'continue' "
            "AND running_agreements = 'continue')",
            name="unblocking",
        ),
        CheckConstraint(
            "(running_agreements = 'wind_down') = (wind_down_until IS NOT NULL)", name="wind_down"
        ),
        CheckConstraint(
            "(running_agreements = 'continue' AND payments_due = 'continue') "
            "OR continuity_contact IS NOT NULL",
            name="continuity",
        ),
        CheckConstraint(
            "end_reason IN ('lifted', 'released', 'superseded', 'annulled')", name="end_reason"
        ),
        CheckConstraint("(ended_on IS NULL) = (end_reason IS NULL)", name="ended"),
        CheckConstraint(
            "(voided_at IS NOT NULL) = (coalesce(end_reason, '') = 'annulled')", name="voided"
        ),
        CheckConstraint(
            "voided_at IS NOT NULL OR ended_on <= effective_to + 1", name="ended_in_time"
        ),
        CheckConstraint("custodian_agency <> imposing_agency", name="custodian_agency"),
        CheckConstraint("announced IN ('PENDING', 'ACTIVE', 'ENDED')", name="announced"),
        Index("ix_sanction_entries_partner_id", "partner_id"),
        Index("ix_sanction_entries_affiliate_of", "affiliate_of"),
        # What the worker has to tell, and what the manifest says comes next.
        Index(
            "ix_sanction_entries_begins",
            "effective_from",
            postgresql_where=text("announced = 'PENDING'"),
        ),
        Index(
            "ix_sanction_entries_ends",
            text("upper(valid)"),
            postgresql_where=text("announced <> 'ENDED'"),
        ),
        Index(
            "ix_sanction_entries_voided",
            "voided_at",
            postgresql_where=text("voided_at IS NOT NULL"),
        ),
    )


class SanctionEntryFormer(EntryColumns, Base):
    """What was known of a measure before: a former row, from when to when it was the known one.

    A trigger of the database writes it, so that no path can change a measure and forget it.
    """

    __tablename__ = "sanction_entry_history"

    id: Mapped[UUID] = mapped_column(ForeignKey("sanction_entries.id"), primary_key=True)
    recorded_from: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    recorded_to: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    valid: Mapped[Range[date]] = mapped_column(DATERANGE)

    __table_args__ = (
        CheckConstraint("recorded_to > recorded_from", name="recorded"),
        Index("ix_sanction_entry_history_partner_id", "partner_id"),
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
