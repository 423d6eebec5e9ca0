"""Tables of partner profiles."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base
from app.partners.identifiers.models import PartnerIdentifier as PartnerIdentifier

_STATUS = """CASE WHEN merged_into IS NOT NULL THEN 'merged'
    WHEN deactivated_at IS NOT NULL THEN 'deactivated'
    WHEN verification IS NOT NULL THEN verification
    WHEN complete THEN 'pending_verification' ELSE 'draft' END"""


TERMS = (
    "partner_terms(country, partner_type, status, created_by, "
    "publication_consent AND NOT protected, tags, sectors, specialisations, populations)"
)
"""What a profile is found by, as one array: the indexed expression of app/partners/search."""

EACH = 101
SAMPLED = f"number % {EACH} = 0"
"""One profile in `EACH`, wherever and whenever it came in: what counts of many are estimated from.
A prime, so that no pattern of those who load profiles runs in step with it."""


class Partner(Base):
    """One legal person in one country. Agencies own statements about it; nobody owns it.

    ``status`` is computed by the database from what the other columns say. Every change raises
    ``version`` by one, and a trigger keeps what was before in ``partner_versions``. ``sources``
    says of each field who gave it when, unless that is the creator at creation. ``sectors``,
    ``specialisations``, ``populations`` and ``complete`` repeat what the sections say, for lists.
    """

    __tablename__ = "partners"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    version: Mapped[int] = mapped_column(server_default="1")
    status: Mapped[str] = mapped_column(Text, Computed(_STATUS, persisted=True))
    legal_name: Mapped[str] = mapped_column(Text)
    legal_name_generated: Mapped[bool] = mapped_column(server_default="false")
    legal_name_native: Mapped[str | None] = mapped_column(Text)
    acronym: Mapped[str | None] = mapped_column(Text)
    aliases: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    former_names: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    partner_type: Mapped[str] = mapped_column(Text)
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    country: Mapped[str] = mapped_column(Text)
    country_of_origin: Mapped[str | None] = mapped_column(Text)
    hq_id: Mapped[UUID | None] = mapped_column(ForeignKey("partners.id"))
    same_country_reason: Mapped[str | None] = mapped_column(Text)
    year_established: Mapped[int | None] = mapped_column(SmallInteger)
    website: Mapped[str | None] = mapped_column(Text)
    name_changed_on: Mapped[date | None] = mapped_column(Date)
    protected: Mapped[bool] = mapped_column(server_default="false")
    publication_consent: Mapped[bool] = mapped_column(server_default="false")
    control: Mapped[str] = mapped_column(Text, server_default="agency")
    complete: Mapped[bool] = mapped_column(server_default="false")
    sectors: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    specialisations: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    populations: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    verification: Mapped[str | None] = mapped_column(Text)
    verified_by: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    verified_on: Mapped[date | None] = mapped_column(Date)
    verified_until: Mapped[date | None] = mapped_column(Date)
    deactivated_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    merged_into: Mapped[UUID | None] = mapped_column(ForeignKey("partners.id"))
    last_confirmed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    valid_from: Mapped[date] = mapped_column(Date, server_default=text("CURRENT_DATE"))
    sources: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    created_by: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_by: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        Index("uq_partners_number", "number", unique=True),
        Index("ix_partners_country_id", "country", "id"),
        Index("ix_partners_partner_type_id", "partner_type", "id"),
        Index("ix_partners_status_id", "status", "id"),
        Index("ix_partners_updated_at_id", "updated_at", "id"),
        Index(
            "ix_partners_terms",
            text(TERMS),
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
        ),
        # What the filters of a list ask, but for specialisations: those of one profile may be more
        # than an entry of an index can hold.
        Index(
            "ix_partners_sampled",
            "number",
            postgresql_where=text(SAMPLED),
            postgresql_include=[
                *("id", "country", "country_of_origin", "partner_type", "status", "verification"),
                *("verified_until", "tags", "sectors", "populations", "protected", "created_by"),
                *("publication_consent", "merged_into", "hq_id", "updated_at"),
            ],
        ),
        Index("ix_partners_hq_id", "hq_id", postgresql_where=text("hq_id IS NOT NULL")),
        Index(
            "uq_partners_hq_id_country",
            "hq_id",
            "country",
            unique=True,
            postgresql_where=text("hq_id IS NOT NULL AND merged_into IS NULL"),
        ),
        CheckConstraint(
            "same_country_reason IS NULL OR hq_id IS NOT NULL", name="same_country_reason"
        ),
        CheckConstraint(
            "name_changed_on IS NULL OR cardinality(former_names) > 0", name="name_changed_on"
        ),
        CheckConstraint("verification IN ('verified', 'unverified')", name="verification"),
        CheckConstraint(
            "num_nulls(verification, verified_by, verified_on) IN (0, 3)", name="verified_by"
        ),
        CheckConstraint("control IN ('agency', 'partner', 'disputed')", name="control"),
        CheckConstraint("merged_into <> id", name="merged_into"),
        CheckConstraint("country ~ '^[A-Z]{3}$'", name="country"),
        CheckConstraint("year_established BETWEEN 1800 AND 2199", name="year_established"),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("hq_id <> id", name="hq_id"),
    )


class PartnerVersion(Base):
    """A profile as it was until ``recorded_to``; ``body`` is the row. Written by a trigger.

    Two times: ``recorded_from`` and ``recorded_to`` say when the registry held it,
    ``valid_from`` in the body since when it was so in the world.
    """

    __tablename__ = "partner_versions"

    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    recorded_from: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    recorded_to: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    __table_args__ = (CheckConstraint("recorded_from <= recorded_to", name="recorded"),)


class PartnerAlias(Base):
    """A merged profile and the one that stands for it now: flat, never a chain.

    Kept by merges alone. Statements stay with the profile they were made about; whoever reads
    them asks for all of `partner_lineage`.
    """

    __tablename__ = "partner_aliases"

    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"), primary_key=True)
    survivor_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))

    __table_args__ = (
        Index("ix_partner_aliases_survivor_id", "survivor_id"),
        CheckConstraint("partner_id <> survivor_id", name="survivor_id"),
    )


class RestraintReason(Base):
    """What a restraint of this reason does; rows of the migrations.

    ``counted``: other agencies see that it is there.
    """

    __tablename__ = "restraint_reasons"

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    locks: Mapped[bool]
    stops_verification: Mapped[bool]
    freezes_edits: Mapped[bool]
    inherited: Mapped[bool]
    counted: Mapped[bool]


class Restraint(Base):
    """One reason why a partner is held back. Lock and gates are computed from those in force.

    The feature that knows the source puts and lifts it, in the transaction of the source.
    """

    __tablename__ = "restraints"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    reason: Mapped[str] = mapped_column(ForeignKey("restraint_reasons.code"))
    source_kind: Mapped[str] = mapped_column(Text)
    source_id: Mapped[UUID]
    put_by: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lifted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index(
            "uq_restraints_source_kind_source_id_partner_id_reason",
            "source_kind",
            "source_id",
            "partner_id",
            "reason",
            unique=True,
            postgresql_where=text("lifted_at IS NULL"),
        ),
        Index("ix_restraints_partner_id", "partner_id", postgresql_where=text("lifted_at IS NULL")),
        CheckConstraint("until > since", name="until"),
    )


class CountrySetting(Base):
    """What holds for all partners of a country: ``sensitive`` keeps every profile from the public.

    Set by a resident coordinator's office or a headquarters unit, never without a reason.
    """

    __tablename__ = "country_settings"

    country: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(server_default="1")
    sensitive: Mapped[bool]
    reason: Mapped[str] = mapped_column(Text)
    set_by: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    set_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (CheckConstraint("country ~ '^[A-Z]{3}$'", name="country"),)
