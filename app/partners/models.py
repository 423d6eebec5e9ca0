"""Tables of partner profiles."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class Partner(Base):
    """One legal person in one country. Agencies own statements about it; nobody owns it."""

    __tablename__ = "partners"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    version: Mapped[int] = mapped_column(server_default="1")
    status: Mapped[str] = mapped_column(Text, server_default="draft")
    legal_name: Mapped[str] = mapped_column(Text)
    legal_name_native: Mapped[str | None] = mapped_column(Text)
    acronym: Mapped[str | None] = mapped_column(Text)
    aliases: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    former_names: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    partner_type: Mapped[str] = mapped_column(Text)
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    country: Mapped[str] = mapped_column(Text)
    country_of_origin: Mapped[str | None] = mapped_column(Text)
    hq_id: Mapped[UUID | None] = mapped_column(ForeignKey("partners.id"))
    year_established: Mapped[int | None] = mapped_column(SmallInteger)
    website: Mapped[str | None] = mapped_column(Text)
    created_by: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        Index("uq_partners_number", "number", unique=True),
        Index("ix_partners_country_id", "country", "id"),
        Index("ix_partners_partner_type_id", "partner_type", "id"),
        Index("ix_partners_hq_id", "hq_id", postgresql_where=text("hq_id IS NOT NULL")),
        CheckConstraint(
            "status IN ('draft', 'pending_verification', 'verified', 'unverified', "
            "'deactivated', 'merged')",
            name="status",
        ),
        CheckConstraint("country ~ '^[A-Z]{3}$'", name="country"),
        CheckConstraint("year_established BETWEEN 1800 AND 2199", name="year_established"),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("hq_id <> id", name="hq_id"),
    )


class PartnerName(Base):
    """Every name of a partner in folded form, for matching and screening."""

    __tablename__ = "partner_names"

    partner_id: Mapped[UUID] = mapped_column(
        ForeignKey("partners.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    folded: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        Index(
            "ix_partner_names_folded",
            "folded",
            postgresql_using="gin",
            postgresql_ops={"folded": "gin_trgm_ops"},
        ),
        CheckConstraint(
            "kind IN ('legal_name', 'legal_name_native', 'acronym', 'alias', 'former_name')",
            name="kind",
        ),
    )


class PartnerIdentifier(Base):
    """An identifier of a partner in a public or agency scheme; history stays as inactive rows."""

    __tablename__ = "partner_identifiers"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    scheme: Mapped[str] = mapped_column(Text)
    value: Mapped[str] = mapped_column(Text)
    country: Mapped[str | None] = mapped_column(Text)
    agency_id: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    active: Mapped[bool] = mapped_column(server_default="true")
    created_by: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        # Agency vendor numbers carry their agency; public schemes carry none.
        Index(
            "uq_partner_identifiers_scheme_value_country_agency_id",
            "scheme",
            "value",
            "country",
            "agency_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("active"),
        ),
        Index("ix_partner_identifiers_partner_id", "partner_id"),
        CheckConstraint("(scheme = 'AGENCY_VENDOR') = (agency_id IS NOT NULL)", name="agency_id"),
    )
