"""Tables of who may call: persons, clients, trusted issuers, their secrets and keys."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

NOW = func.now()


def _of_the_same_agency(table: str, column: str, target: str) -> ForeignKeyConstraint:
    """What a row refers to belongs to the agency of the row."""
    return ForeignKeyConstraint(
        [column, "agency_id"],
        [f"{target}.id", f"{target}.agency_id"],
        name=f"fk_{table}_{column}_agency",
        use_alter=target == "trusted_issuers",
    )


SCOPES_OF_KIND = (
    "CASE WHEN partner_id IS NULL "
    "THEN array_to_string(scopes, ' ', '') !~ '(^| )self:' "
    "ELSE array_to_string(scopes, ' ', '') ~ '^(self:[a-z_]+( |$))*$' END"
)
"""An agency's client holds no scope of partners, a partner's client no other."""


class Person(Base):
    """A natural person of an agency who decides: name, office, role.

    ``roles`` are codes of the permission matrix, ``role`` is the title that others read. A person
    is known once to its agency (``staff_id``) and once to an issuer (``subject``), so that the
    comparison of persons in a four-eyes rule means what it says.
    """

    __tablename__ = "persons"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    name: Mapped[str] = mapped_column(Text)
    office: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    office_id: Mapped[UUID | None]
    staff_id: Mapped[str | None] = mapped_column(Text)
    issuer_id: Mapped[UUID | None]
    subject: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="active")
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)

    __table_args__ = (
        UniqueConstraint("agency_id", "staff_id"),
        UniqueConstraint("issuer_id", "subject"),
        UniqueConstraint("id", "agency_id"),
        _of_the_same_agency("persons", "office_id", "offices"),
        _of_the_same_agency("persons", "issuer_id", "trusted_issuers"),
        CheckConstraint("status IN ('active', 'inactive')", name="status"),
        CheckConstraint("num_nulls(issuer_id, subject) <> 1", name="subject"),
        Index("ix_persons_agency_id", "agency_id"),
    )


class Client(Base):
    """What a token stands for: a machine client, or a natural person by way of a client.

    Of one agency, or of one partner. ``issuer_id`` and ``subject`` name a client that proves
    itself by tokens of an agency's own identity provider; ``acts_through`` the client through
    which a person acts (RFC 8693). ``countries`` empty means all.
    """

    __tablename__ = "clients"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    agency_id: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    partner_id: Mapped[UUID | None]
    person_id: Mapped[UUID | None]
    name: Mapped[str] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    countries: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    max_level: Mapped[str] = mapped_column(Text, server_default="AGENCY_ONLY")
    office_id: Mapped[UUID | None]
    auth_method: Mapped[str] = mapped_column(Text)
    jwks: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    certificate_bound: Mapped[bool] = mapped_column(server_default="false")
    issuer_id: Mapped[UUID | None]
    subject: Mapped[str | None] = mapped_column(Text)
    acts_through: Mapped[str | None] = mapped_column(ForeignKey("clients.id"))
    status: Mapped[str] = mapped_column(Text, server_default="active")
    demo: Mapped[bool] = mapped_column(server_default="false")
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)

    __table_args__ = (
        CheckConstraint("status IN ('active', 'revoked')", name="status"),
        CheckConstraint(
            "auth_method IN ('private_key_jwt', 'client_secret_basic', 'trusted_issuer')",
            name="auth_method",
        ),
        CheckConstraint("num_nonnulls(agency_id, partner_id) = 1", name="subject_kind"),
        CheckConstraint("partner_id IS NULL OR person_id IS NULL", name="partner_person"),
        # Without an agency the keys below would not be looked up at all.
        CheckConstraint(
            "partner_id IS NULL OR num_nonnulls(office_id, issuer_id) = 0", name="partner_office"
        ),
        CheckConstraint(SCOPES_OF_KIND, name="scopes"),
        _of_the_same_agency("clients", "person_id", "persons"),
        _of_the_same_agency("clients", "office_id", "offices"),
        _of_the_same_agency("clients", "issuer_id", "trusted_issuers"),
        CheckConstraint(
            "(auth_method = 'trusted_issuer') = (issuer_id IS NOT NULL)", name="issuer"
        ),
        CheckConstraint("num_nulls(issuer_id, subject) <> 1", name="subject"),
        # Issuer and machine are the client's own agency's: nobody else's tokens speak for it.
        UniqueConstraint("id", "agency_id"),
        ForeignKeyConstraint(
            ["acts_through", "agency_id"],
            ["clients.id", "clients.agency_id"],
            name="fk_clients_acts_through_agency",
        ),
        CheckConstraint("agency_id IS NOT NULL OR issuer_id IS NULL", name="issuer_agency"),
        CheckConstraint(
            "acts_through IS NULL OR person_id IS NOT NULL", name="acts_through_person"
        ),
        CheckConstraint(
            "max_level IN ('INTER_AGENCY', 'RESTRICTED', 'AGENCY_ONLY')", name="max_level"
        ),
        Index("ix_clients_agency_id", "agency_id"),
        Index("ix_clients_person_id", "person_id"),
        Index("ix_clients_acts_through", "acts_through"),
        Index(
            "uq_clients_issuer_id_subject_acts_through",
            "issuer_id",
            "subject",
            "acts_through",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("issuer_id IS NOT NULL"),
        ),
    )


class TrustedIssuer(Base):
    """An agency's own identity provider whose tokens are accepted, under terms two persons set.

    The terms are fixed at approval: which key algorithms, which type and claims, which scopes at
    most. ``issuer`` is compared byte by byte. ``approved_by`` is who decided, a refusal included.
    """

    __tablename__ = "trusted_issuers"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    issuer: Mapped[str] = mapped_column(Text)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    jwks_uri: Mapped[str] = mapped_column(Text)
    algorithms: Mapped[list[str]] = mapped_column(ARRAY(Text))
    audience: Mapped[str] = mapped_column(Text)
    token_type: Mapped[str] = mapped_column(Text)
    ignored_headers: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    client_claim: Mapped[str] = mapped_column(Text)
    token_id_claim: Mapped[str | None] = mapped_column(Text)
    max_life_s: Mapped[int]
    scope_ceiling: Mapped[list[str]] = mapped_column(ARRAY(Text))
    status: Mapped[str] = mapped_column(Text, server_default="proposed")
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id", use_alter=True))
    approved_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id", use_alter=True))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reason: Mapped[str | None] = mapped_column(Text)
    valid_from: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    valid_to: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    key_set: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    key_set_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)

    __table_args__ = (
        CheckConstraint("status IN ('proposed', 'active', 'refused', 'revoked')", name="status"),
        CheckConstraint("approved_by <> proposed_by", name="two_persons"),
        CheckConstraint("status <> 'active' OR approved_by IS NOT NULL", name="approved"),
        CheckConstraint("status <> 'active' OR key_set IS NOT NULL", name="key_set"),
        UniqueConstraint("id", "agency_id"),
        CheckConstraint(
            "algorithms <> '{}' AND algorithms <@ '{ES256,ES384,RS256}'", name="algorithms"
        ),
        CheckConstraint("token_type IN ('at+jwt', 'JWT')", name="token_type"),
        CheckConstraint("ignored_headers <@ '{x5t,x5t#S256}'", name="ignored_headers"),
        CheckConstraint("token_id_claim IN ('jti', 'uti')", name="token_id_claim"),
        CheckConstraint("max_life_s BETWEEN 60 AND 5400", name="max_life_s"),
        CheckConstraint("valid_to > valid_from", name="valid_to"),
        UniqueConstraint("id", "agency_id"),
        # One live row per issuer: a refused or revoked one may be proposed again.
        Index(
            "uq_trusted_issuers_issuer",
            "issuer",
            unique=True,
            postgresql_where=text("status IN ('proposed', 'active')"),
        ),
        Index("ix_trusted_issuers_agency_id", "agency_id"),
    )


class FeedToken(Base):
    """A long-lived opaque token for the FollowTheMoney files; only its SHA-256 is kept."""

    __tablename__ = "feed_tokens"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        UniqueConstraint("digest"),
        CheckConstraint("expires_at <= created_at + interval '366 days'", name="expires_at"),
        Index("ix_feed_tokens_client_id", "client_id"),
    )


class ClientSecret(Base):
    """One of at most two live secrets of a client; only the SHA-256 of 256 random bits is kept."""

    __tablename__ = "client_secrets"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"))
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        CheckConstraint("expires_at <= created_at + interval '181 days'", name="expires_at"),
        Index("ix_client_secrets_client_id", "client_id"),
    )


class AssertionReplay(Base):
    """A client assertion that was used; kept until it expires, so that it works once."""

    __tablename__ = "assertion_replays"

    client_id: Mapped[str] = mapped_column(Text, primary_key=True)
    jti: Mapped[str] = mapped_column(Text, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    __table_args__ = (Index("ix_assertion_replays_expires_at", "expires_at"),)


class SigningKeyRow(Base):
    """An online key, wrapped by the root key. Public halves stay for ever.

    ES256; those of use ``checkpoint`` are Ed25519. ``next`` is published before it signs;
    ``retired`` signed until ``not_after``; ``withdrawn`` was replaced in an emergency, and what
    it signed for this service itself is not believed any more. ``not_before`` is when it was made.
    """

    __tablename__ = "signing_keys"

    kid: Mapped[str] = mapped_column(Text, primary_key=True)
    use: Mapped[str] = mapped_column(Text)
    public: Mapped[dict[str, str]] = mapped_column(JSONB)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(Text, server_default="current")
    not_before: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    not_after: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        CheckConstraint("use IN ('token', 'list', 'receipt', 'checkpoint')", name="use"),
        CheckConstraint("state IN ('next', 'current', 'retired', 'withdrawn')", name="state"),
        CheckConstraint(
            "state NOT IN ('retired', 'withdrawn') OR not_after IS NOT NULL", name="not_after"
        ),
        Index(
            "uq_signing_keys_use_current", "use", unique=True, postgresql_where="state = 'current'"
        ),
        Index("uq_signing_keys_use_next", "use", unique=True, postgresql_where="state = 'next'"),
    )
