"""Tables of webhooks: where an agency is called, its secrets, the queue, and what became of it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

_STATUS = (
    "CASE WHEN NOT enabled THEN 'disabled' WHEN verified_at IS NULL THEN 'unverified' "
    "ELSE 'active' END"
)


class Webhook(Base):
    """An address of an agency that is called with its events.

    ``next_at`` is when the worker has something to do here, null when the queue is empty; the
    worker keeps it, and locks this row to take work out of the queue. ``failures`` count in a row;
    ``paused_until`` is the open circuit.
    """

    __tablename__ = "webhooks"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    url: Mapped[str] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    types: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    max_in_flight: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    enabled: Mapped[bool] = mapped_column(server_default="true")
    disabled_reason: Mapped[str | None] = mapped_column(Text)
    verified_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    status: Mapped[str] = mapped_column(Text, Computed(_STATUS, persisted=True))
    failures: Mapped[int] = mapped_column(server_default="0")
    failing_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    failing_told: Mapped[bool] = mapped_column(server_default="false")
    paused_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    next_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        UniqueConstraint("id", "agency_id"),
        Index("ix_webhooks_agency_id", "agency_id", "id"),
        Index("ix_webhooks_next_at", "next_at", postgresql_where=text("next_at IS NOT NULL")),
        CheckConstraint("length(url) BETWEEN 1 AND 2048", name="url"),
        CheckConstraint("max_in_flight BETWEEN 1 AND 10", name="max_in_flight"),
        CheckConstraint("cardinality(types) <= 200", name="types"),
        CheckConstraint(
            "disabled_reason IN ('agency', 'gone', 'failing') AND NOT enabled "
            "OR disabled_reason IS NULL AND enabled",
            name="disabled_reason",
        ),
    )


class WebhookSecret(Base):
    """A generation of signing secrets: 32 bytes for `v1`, then the 32 of the Ed25519 key of `v1a`.

    ``ends_at`` null is the present one; others sign beside it until then.
    """

    __tablename__ = "webhook_secrets"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    webhook_id: Mapped[UUID]
    agency_id: Mapped[UUID]
    public_key: Mapped[str] = mapped_column(Text)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    ends_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        ForeignKeyConstraint(
            ["webhook_id", "agency_id"], ["webhooks.id", "webhooks.agency_id"], ondelete="CASCADE"
        ),
        Index(
            "uq_webhook_secrets_current",
            "webhook_id",
            unique=True,
            postgresql_where=text("ends_at IS NULL"),
        ),
        Index("ix_webhook_secrets_webhook_id", "webhook_id", "agency_id"),
    )


class WebhookDelivery(Base):
    """One message for one webhook: an event, a ping or a challenge.

    `queued` ones go in the order of their numbers; one that failed several times is set aside as
    `retrying` and no longer holds up the others. While it is being sent ``lease`` names who does
    so, and ``next_at`` is when that is no longer believed.
    """

    __tablename__ = "webhook_deliveries"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    webhook_id: Mapped[UUID]
    agency_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(Text)
    seq: Mapped[int | None] = mapped_column(BigInteger)
    type: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="queued")
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    next_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    lease: Mapped[UUID | None]
    last_status: Mapped[int | None] = mapped_column(SmallInteger)
    last_failure: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        ForeignKeyConstraint(
            ["webhook_id", "agency_id"], ["webhooks.id", "webhooks.agency_id"], ondelete="CASCADE"
        ),
        UniqueConstraint("id", "agency_id"),
        # One event reaches one webhook by one row, however often it is passed on or replayed.
        UniqueConstraint("webhook_id", "seq"),
        CheckConstraint("kind IN ('event', 'ping', 'challenge')", name="kind"),
        CheckConstraint("(kind = 'event') = (seq IS NOT NULL)", name="seq"),
        CheckConstraint("state IN ('queued', 'retrying', 'delivered', 'dead')", name="state"),
        CheckConstraint(
            "(state IN ('delivered', 'dead')) = (finished_at IS NOT NULL)", name="finished_at"
        ),
        Index(
            "ix_webhook_deliveries_queued",
            *("webhook_id", "seq"),
            postgresql_where=text("state = 'queued'"),
        ),
        Index(
            "ix_webhook_deliveries_next_at",
            *("webhook_id", "state", "next_at"),
            postgresql_where=text("state IN ('queued', 'retrying')"),
        ),
        Index(
            "ix_webhook_deliveries_lease",
            "webhook_id",
            postgresql_where=text("lease IS NOT NULL"),
        ),
        Index(
            "ix_webhook_deliveries_asked",
            *("webhook_id", "created_at"),
            postgresql_where=text("seq IS NULL"),
        ),
        Index(
            "ix_webhook_deliveries_dead",
            *("webhook_id", "id"),
            postgresql_where=text("state = 'dead'"),
        ),
        Index("ix_webhook_deliveries_webhook_id_id", "webhook_id", "id"),
        Index("ix_webhook_deliveries_created_at", "created_at"),
    )


class WebhookAttempt(Base):
    """One call: when, how long, what came back. Neither what was sent nor the answer is kept."""

    __tablename__ = "webhook_attempts"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    delivery_id: Mapped[UUID]
    agency_id: Mapped[UUID]
    number: Mapped[int] = mapped_column(SmallInteger)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ms: Mapped[int]
    status: Mapped[int | None] = mapped_column(SmallInteger)
    failure: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        ForeignKeyConstraint(
            ["delivery_id", "agency_id"],
            ["webhook_deliveries.id", "webhook_deliveries.agency_id"],
            ondelete="CASCADE",
        ),
        Index("ix_webhook_attempts_delivery_id", "delivery_id", "agency_id"),
    )
