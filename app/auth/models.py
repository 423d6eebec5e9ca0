"""Tables of who may call: persons, clients, their secrets, replayed assertions, signing keys."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, LargeBinary, Text, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

NOW = func.now()


class Person(Base):
    """A natural person of an agency who decides: name, office and role."""

    __tablename__ = "persons"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    name: Mapped[str] = mapped_column(Text)
    office: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)

    __table_args__ = (Index("ix_persons_agency_id", "agency_id"),)


class Client(Base):
    """A machine client of one agency, perhaps bound to one named person."""

    __tablename__ = "clients"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    name: Mapped[str] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    auth_method: Mapped[str] = mapped_column(Text)
    jwks: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    status: Mapped[str] = mapped_column(Text, server_default="active")
    demo: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)

    __table_args__ = (
        CheckConstraint("status IN ('active', 'revoked')", name="status"),
        CheckConstraint(
            "auth_method IN ('private_key_jwt', 'client_secret_basic')", name="auth_method"
        ),
        Index("ix_clients_agency_id", "agency_id"),
    )


class ClientSecret(Base):
    """One of at most two live secrets of a client; only the SHA-256 of 256 random bits is kept."""

    __tablename__ = "client_secrets"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"))
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    __table_args__ = (Index("ix_client_secrets_client_id", "client_id"),)


class AssertionReplay(Base):
    """A client assertion that was used; kept until it expires, so that it works once."""

    __tablename__ = "assertion_replays"

    client_id: Mapped[str] = mapped_column(Text, primary_key=True)
    jti: Mapped[str] = mapped_column(Text, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    __table_args__ = (Index("ix_assertion_replays_expires_at", "expires_at"),)


class SigningKeyRow(Base):
    """An online ES256 key, wrapped by the root key. Public halves stay for ever."""

    __tablename__ = "signing_keys"

    kid: Mapped[str] = mapped_column(Text, primary_key=True)
    use: Mapped[str] = mapped_column(Text)
    public: Mapped[dict[str, str]] = mapped_column(JSONB)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(Text, server_default="current")
    not_before: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    not_after: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        CheckConstraint("use IN ('token', 'list', 'receipt')", name="use"),
        CheckConstraint("state IN ('next', 'current', 'retired')", name="state"),
        Index(
            "uq_signing_keys_use_current", "use", unique=True, postgresql_where="state = 'current'"
        ),
    )
