"""Agencies: life cycle and its papers, profile, offices, focal points, settings."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    column,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class Agency(Base):
    """A UN-system entity that takes part. ``code`` is our short name, stable for ever.

    ``status`` moves by the trigger ``agencies_life_cycle`` alone: applicant, active, suspended
    and back, withdrawn for good. A withdrawn agency has a custodian that answers for its
    statements: another agency, or an office named in words.
    """

    __tablename__ = "agencies"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    xm_dac: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    contact_office: Mapped[str] = mapped_column(Text)
    contact_email: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="applicant")
    scope_ceiling: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    website: Mapped[str | None] = mapped_column(Text)
    partner_unit: Mapped[str | None] = mapped_column(Text)
    partner_unit_email: Mapped[str | None] = mapped_column(Text)
    eligible_partner_types: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    custodian_agency: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    custodian_office: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        UniqueConstraint("code"),
        CheckConstraint("code ~ '^[A-Z][A-Z0-9_]{1,15}$'", name="code"),
        CheckConstraint(
            "status IN ('applicant', 'active', 'suspended', 'withdrawn')", name="status"
        ),
        CheckConstraint("(status = 'withdrawn') = (withdrawn_at IS NOT NULL)", name="withdrawn_at"),
        CheckConstraint(
            "num_nonnulls(custodian_agency, custodian_office) "
            "= CASE status WHEN 'withdrawn' THEN 1 ELSE 0 END",
            name="custodian",
        ),
        CheckConstraint("custodian_agency <> id", name="own_custodian"),
        CheckConstraint("website ~ '^https://'", name="website"),
        CheckConstraint("num_nulls(partner_unit, partner_unit_email) <> 1", name="partner_unit"),
        Index("ix_agencies_custodian_agency", "custodian_agency"),
    )


AGREEMENTS = ("participation", "data_sharing", "data_protection_assessment")
"""Kinds of papers without which an agency does not become active."""
REQUIRED_SUBJECTS = ("implementing_partners", "data_protection", "legal", "oversight")
"""Subjects for which an active agency has a focal point at all times."""


class AgencyAgreement(Base):
    """A signed paper of an agency: which, when, until when, and the hash of the document."""

    __tablename__ = "agency_agreements"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    kind: Mapped[str] = mapped_column(Text)
    reference: Mapped[str] = mapped_column(Text)
    signed_on: Mapped[date]
    valid_until: Mapped[date | None]
    document_sha256: Mapped[str] = mapped_column(Text)
    recorded_by: Mapped[str] = mapped_column(Text)
    recorded_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )

    __table_args__ = (
        UniqueConstraint("agency_id", "kind", "reference"),
        CheckConstraint(
            "kind IN ('participation', 'data_sharing', 'data_protection_assessment')", name="kind"
        ),
        CheckConstraint("valid_until >= signed_on", name="valid_until"),
        CheckConstraint("document_sha256 ~ '^[0-9a-f]{64}$'", name="document_sha256"),
    )


class AgencyStatusChange(Base):
    """One step of an agency's life, with the operator's reason; insert-only."""

    __tablename__ = "agency_status_changes"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    from_status: Mapped[str] = mapped_column(Text)
    to_status: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    recorded_by: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (Index("ix_agency_status_changes_agency_id_id", "agency_id", "id"),)


class AgencySignatory(Base):
    """What an agency says of its signature under a mutual-recognition statement; versions stay.

    ``signed_on`` is null when it has not signed, or has taken its signature back. ``confirmed`` is
    false for what stands on memory and still needs a look at the source.
    """

    __tablename__ = "agency_signatories"

    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    statement: Mapped[str] = mapped_column(Text)
    signed_on: Mapped[date | None]
    source: Mapped[str] = mapped_column(Text)
    confirmed: Mapped[bool]
    set_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    set_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class AgencySetting(Base):
    """A setting of an agency for a time; see `app.agencies.settings` for the keys.

    A row ends where the next begins (``effective_to``), or is overtaken before its first day
    (``superseded_at``); it never disappears.
    """

    __tablename__ = "agency_settings"

    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"), primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(JSONB)
    effective_from: Mapped[date]
    effective_to: Mapped[date | None]
    superseded_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    set_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    set_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        ExcludeConstraint(
            (column("agency_id"), "="),
            (column("key"), "="),
            (text("daterange(effective_from, effective_to, '[]')"), "&&"),
            name="ex_agency_settings_no_overlap",
            using="gist",
            where=text("superseded_at IS NULL"),
        ),
        CheckConstraint("key ~ '^[a-z][a-z0-9_]{1,39}$'", name="key"),
        CheckConstraint("effective_to >= effective_from", name="period"),
    )


class Office(Base):
    """An office of an agency; offices form a tree below one headquarters.

    The trigger ``offices_tree`` wants a parent of a wider kind, so that no loop can be: hq, region,
    multi_country, country.
    """

    __tablename__ = "offices"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id", ondelete="CASCADE"))
    code: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    parent_id: Mapped[UUID | None]
    countries: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    active: Mapped[bool] = mapped_column(server_default="true")
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        UniqueConstraint("agency_id", "code"),
        UniqueConstraint("id", "agency_id"),
        # The parent is an office of the same agency.
        ForeignKeyConstraint(
            ["parent_id", "agency_id"],
            ["offices.id", "offices.agency_id"],
            name="fk_offices_parent",
        ),
        CheckConstraint("kind IN ('hq', 'region', 'multi_country', 'country')", name="kind"),
        CheckConstraint("(kind = 'hq') = (parent_id IS NULL)", name="parent_id"),
        CheckConstraint("parent_id <> id", name="own_parent"),
        CheckConstraint(
            "array_to_string(countries, ',', '?') ~ '^([A-Z]{3}(,[A-Z]{3})*)?$'", name="countries"
        ),
        Index(
            "uq_offices_agency_id_hq",
            "agency_id",
            unique=True,
            postgresql_where=text("kind = 'hq' AND active"),
        ),
        Index("ix_offices_parent_id", "parent_id"),
    )


class FocalPoint(Base):
    """Whom to write to about one subject: an office and its mailbox, not a person.

    The trigger ``focal_points_required`` keeps the last one of a `REQUIRED_SUBJECTS`.
    """

    __tablename__ = "focal_points"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id", ondelete="CASCADE"))
    subject: Mapped[str] = mapped_column(Text)
    office: Mapped[str] = mapped_column(Text)
    office_id: Mapped[UUID | None]
    country: Mapped[str | None] = mapped_column(Text)
    email: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        ForeignKeyConstraint(
            ["office_id", "agency_id"],
            ["offices.id", "offices.agency_id"],
            name="fk_focal_points_office",
        ),
        CheckConstraint(
            "subject IN ('implementing_partners', 'data_protection', 'legal', 'oversight', "
            "'sanctions', 'psea')",
            name="subject",
        ),
        Index("ix_focal_points_agency_id", "agency_id"),
    )
