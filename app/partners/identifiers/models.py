"""Tables of identifiers: open ones, restricted ones, disputes.

A value never changes and nothing is deleted: an identifier ends, and its row stays (triggers).
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

_END_REASONS = (
    "end_reason IN ('replaced', 'expired', 'revoked', 'wrong', 'duplicate', 'other', 'dispute')"
)


class IdentifierSchemeRow(Base):
    """What the database must know of a scheme; rows of the migrations, as `schemes.yaml` says."""

    __tablename__ = "identifier_schemes"

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    authoritative: Mapped[bool]
    restricted: Mapped[bool]


class HeldColumns:
    """What is kept of every identifier, open or restricted.

    ``disputed``: two profiles are at odds about it. ``claimed``: held only by way of a dispute,
    beside the profile that had it first; it does not count for uniqueness.
    """

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    scheme: Mapped[str] = mapped_column(ForeignKey("identifier_schemes.code"))
    issued_on: Mapped[date | None] = mapped_column(Date)
    expires_on: Mapped[date | None] = mapped_column(Date)
    reminded_days: Mapped[int | None] = mapped_column(SmallInteger)
    valid_from: Mapped[date] = mapped_column(Date, server_default=text("CURRENT_DATE"))
    active: Mapped[bool] = mapped_column(server_default="true")
    disputed: Mapped[bool] = mapped_column(server_default="false")
    claimed: Mapped[bool] = mapped_column(server_default="false")
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    end_reason: Mapped[str | None] = mapped_column(Text)
    ended_by: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


def _held_checks() -> tuple[CheckConstraint, ...]:
    return (
        CheckConstraint("active = (ended_at IS NULL)", name="ended_at"),
        CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="ended"),
        CheckConstraint(_END_REASONS, name="end_reason"),
        CheckConstraint("disputed OR NOT claimed OR NOT active", name="claimed"),
        CheckConstraint("expires_on >= issued_on", name="expires_on"),
    )


class PartnerIdentifier(HeldColumns, Base):
    """An identifier of a partner in a public or agency scheme; history stays as inactive rows."""

    __tablename__ = "partner_identifiers"

    value: Mapped[str] = mapped_column(Text)
    country: Mapped[str | None] = mapped_column(Text)
    area: Mapped[str | None] = mapped_column(Text)
    authority: Mapped[str | None] = mapped_column(Text)
    authority_key: Mapped[str | None] = mapped_column(Text)
    authoritative: Mapped[bool] = mapped_column(server_default="true")
    agency_id: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))

    __table_args__ = (
        # Agency vendor numbers carry their agency; public schemes carry none.
        Index(
            "uq_partner_identifiers_held",
            "scheme",
            "value",
            "country",
            "area",
            "authority_key",
            "agency_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("active AND authoritative AND NOT claimed"),
        ),
        Index("ix_partner_identifiers_scheme_value", "scheme", "value"),
        Index("ix_partner_identifiers_partner_id", "partner_id"),
        Index(
            "ix_partner_identifiers_expires_on",
            "expires_on",
            postgresql_where=text("active AND expires_on IS NOT NULL"),
        ),
        CheckConstraint("(scheme = 'AGENCY_VENDOR') = (agency_id IS NOT NULL)", name="agency_id"),
        CheckConstraint(
            "(scheme IN ('AGENCY_VENDOR', 'NAT_REG')) = (country IS NOT NULL)", name="country"
        ),
        CheckConstraint("area IS NULL OR scheme = 'AGENCY_VENDOR'", name="area"),
        CheckConstraint("scheme <> 'NAT_REG' OR authority IS NOT NULL", name="authority"),
        CheckConstraint("(authority IS NULL) = (authority_key IS NULL)", name="authority_key"),
        CheckConstraint("octet_length(value) <= 1024", name="value"),
        CheckConstraint("scheme NOT IN ('REGISTRY', 'TAX_ID', 'VAT')", name="scheme"),
        *_held_checks(),
    )


class RestrictedIdentifier(HeldColumns, Base):
    """A tax number: sealed, and found by a keyed hash of it alone."""

    __tablename__ = "restricted_identifiers"

    country: Mapped[str] = mapped_column(Text)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (
        Index(
            "uq_restricted_identifiers_held",
            "scheme",
            "country",
            "digest",
            unique=True,
            postgresql_where=text("active AND NOT claimed"),
        ),
        Index("ix_restricted_identifiers_digest", "digest"),
        Index("ix_restricted_identifiers_partner_id", "partner_id"),
        CheckConstraint("octet_length(digest) = 32", name="digest"),
        CheckConstraint("scheme IN ('TAX_ID', 'VAT')", name="scheme"),
        *_held_checks(),
    )


class IdentifierDigestKey(Base):
    """The one key of the hashes, sealed: it outlives every change of root and encryption keys."""

    __tablename__ = "identifier_digest_keys"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (CheckConstraint("id = 1", name="id"),)


class IdentifierDispute(Base):
    """Two profiles hold one identifier, and a person will say whose it is. Grounds are sealed.

    ``held_id`` and ``claim_id`` are rows of `partner_identifiers`, or of `restricted_identifiers`
    where ``restricted``. A person of an agency raised it, or the partner's own client did: a
    trigger then marks the other profile's row, and wants two persons for the decision.
    """

    __tablename__ = "identifier_disputes"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(server_default="1")
    status: Mapped[str] = mapped_column(Text, server_default="open")
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    holder_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    scheme: Mapped[str] = mapped_column(ForeignKey("identifier_schemes.code"))
    restricted: Mapped[bool]
    held_id: Mapped[UUID]
    claim_id: Mapped[UUID]
    document_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default="{}")
    sealed_grounds: Mapped[bytes] = mapped_column(LargeBinary)
    raised_by: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    raised_person: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    raised_client: Mapped[str | None] = mapped_column(Text)
    raised_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    decided_for: Mapped[UUID | None] = mapped_column(ForeignKey("partners.id"))
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    decided_person: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    sealed_reason: Mapped[bytes | None] = mapped_column(LargeBinary)

    __table_args__ = (
        Index(
            "uq_identifier_disputes_held_id",
            "held_id",
            unique=True,
            postgresql_where=text("status = 'open'"),
        ),
        Index("ix_identifier_disputes_partner_id", "partner_id"),
        Index("ix_identifier_disputes_holder_id", "holder_id"),
        CheckConstraint("status IN ('open', 'decided')", name="status"),
        CheckConstraint("partner_id <> holder_id", name="holder_id"),
        CheckConstraint(
            "num_nulls(decided_for, decided_by, decided_person, decided_at, sealed_reason) "
            "= CASE status WHEN 'open' THEN 5 ELSE 0 END",
            name="decided",
        ),
        CheckConstraint("decided_for IN (partner_id, holder_id)", name="decided_for"),
        CheckConstraint(
            "num_nulls(raised_by, raised_client) = 1 "
            "AND (raised_by IS NULL) = (raised_person IS NULL)",
            name="raised_by",
        ),
        # Who says whose it is did not raise the question.
        CheckConstraint("decided_person <> raised_person", name="four_eyes"),
    )


class DisputeVoice(Base):
    """What one person says of a dispute that a partner raised; the second who agrees decides.

    Append-only. The reason is sealed.
    """

    __tablename__ = "identifier_dispute_voices"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    dispute_id: Mapped[UUID] = mapped_column(ForeignKey("identifier_disputes.id"))
    for_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    said_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        UniqueConstraint(
            "dispute_id", "person_id", "for_id", name="uq_identifier_dispute_voices_said"
        ),
    )
