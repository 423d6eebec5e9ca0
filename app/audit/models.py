"""The access and change log and its Merkle tree: insert-only, by grant and by trigger."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class AuditEvent(Base):
    """Who did what to which record, why and on which basis. Never contents.

    ``claimed_user`` is what the agency's system says of the human behind it, believed by nobody.
    ``held`` marks what an oversight role did for an investigation or audit: others than oversight
    roles do not see it. ``salt`` keeps a proof about one event from being a guess about another;
    an event without it was erased: what told of persons is gone, its leaf stays.
    """

    __tablename__ = "audit_events"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    event: Mapped[str] = mapped_column(Text)
    agency_id: Mapped[UUID | None]
    client_id: Mapped[str | None] = mapped_column(Text)
    person_id: Mapped[UUID | None]
    office: Mapped[str | None] = mapped_column(Text)
    role: Mapped[str | None] = mapped_column(Text)
    subject_id: Mapped[UUID | None]
    owner_agency: Mapped[UUID | None]
    partner_id: Mapped[UUID | None]
    purpose: Mapped[str | None] = mapped_column(Text)
    reference: Mapped[str | None] = mapped_column(Text)
    basis: Mapped[str | None] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(Text)
    claimed_user: Mapped[str | None] = mapped_column(Text)
    held: Mapped[bool] = mapped_column(server_default="false")
    salt: Mapped[bytes | None] = mapped_column(
        LargeBinary,
        server_default=text("(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))"),
    )
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")

    __table_args__ = (
        Index("ix_audit_events_subject_id_id", "subject_id", "id"),
        Index("ix_audit_events_owner_agency_id", "owner_agency", "id"),
        Index("ix_audit_events_agency_id_id", "agency_id", "id"),
        Index(
            "ix_audit_events_partner_id_id",
            "partner_id",
            "id",
            postgresql_where=text("partner_id IS NOT NULL"),
        ),
    )


class AuditPending(Base):
    """Events that wait for their number; a trigger adds each, whoever writes it."""

    __tablename__ = "audit_pending"

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class LogLeaf(Base):
    """A numbered event: leaf ``seq - 1`` of the Merkle tree."""

    __tablename__ = "log_leaves"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[UUID]
    leaf_hash: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (
        UniqueConstraint("event_id"),
        UniqueConstraint("leaf_hash"),
        CheckConstraint("octet_length(leaf_hash) = 32", name="leaf_hash"),
    )


class LogNode(Base):
    """A complete subtree of two leaves or more; it never changes again."""

    __tablename__ = "log_nodes"

    level: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (
        CheckConstraint("level > 0", name="level"),
        CheckConstraint("octet_length(hash) = 32", name="hash"),
    )


class LogCheckpoint(Base):
    """A signed statement of the log's size and root; ``previous`` is the size of the one before."""

    __tablename__ = "log_checkpoints"

    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    previous: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[bytes] = mapped_column(LargeBinary)
    note: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=text("clock_timestamp()")
    )

    __table_args__ = (
        UniqueConstraint("previous"),
        CheckConstraint("previous >= 0 AND previous < size", name="previous"),
        CheckConstraint("octet_length(root) = 32", name="root"),
    )
