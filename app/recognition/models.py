"""Tables of clearances and receipts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
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


class Clearance(Base):
    """One answer, as it was given: insert-only. Request, answer and inputs lie sealed, each under a
    data key of its own; codes stay open. When the contents are destroyed the row and its receipt
    stay.
    """

    __tablename__ = "clearances"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    client_id: Mapped[str] = mapped_column(Text)
    partner_id: Mapped[UUID | None] = mapped_column(ForeignKey("partners.id"))
    purpose: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(Text)
    reasons: Mapped[list[str]] = mapped_column(ARRAY(Text))
    list_version: Mapped[int] = mapped_column(BigInteger)
    evaluated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    sealed_request: Mapped[bytes | None] = mapped_column(LargeBinary)
    sealed_answer: Mapped[bytes | None] = mapped_column(LargeBinary)
    sealed_inputs: Mapped[bytes | None] = mapped_column(LargeBinary)
    contents_erased_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    receipt_payload: Mapped[bytes] = mapped_column(LargeBinary)
    audit_event_id: Mapped[UUID | None]
    # No foreign key: every answer would lock the same row.
    editions: Mapped[bytes | None] = mapped_column(LargeBinary)

    __table_args__ = (
        UniqueConstraint("id", "agency_id"),
        CheckConstraint(
            "outcome IN ('CLEAR', 'CLEAR_WITH_CONDITIONS', 'REFER', 'BLOCKED')", name="outcome"
        ),
        Index("ix_clearances_agency_id_evaluated_at_id", "agency_id", "evaluated_at", "id"),
        Index("ix_clearances_partner_id", "partner_id"),
        CheckConstraint(
            "num_nulls(sealed_request, sealed_answer) = "
            "CASE WHEN contents_erased_at IS NULL THEN 0 ELSE 2 END",
            name="erased",
        ),
        Index(
            "ix_clearances_contents_kept",
            "evaluated_at",
            postgresql_where=text("contents_erased_at IS NULL"),
        ),
    )


class ClearanceEditions(Base):
    """Editions of the registry's own data that clearances were answered by, each set once."""

    __tablename__ = "clearance_editions"

    sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    editions: Mapped[dict[str, Any]] = mapped_column(JSONB)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class ClearanceErasure(Base):
    """That the contents of a clearance are to be destroyed before their time: one person of the
    agency's oversight asks for it, another decides.
    """

    __tablename__ = "clearance_erasures"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clearance_id: Mapped[UUID]
    agency_id: Mapped[UUID]
    basis: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="proposed")
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    proposed_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        ForeignKeyConstraint(
            ["clearance_id", "agency_id"], ["clearances.id", "clearances.agency_id"]
        ),
        CheckConstraint(
            "basis IN ('person_request', 'court_order', 'unlawful_processing')", name="basis"
        ),
        CheckConstraint("state IN ('proposed', 'confirmed', 'refused')", name="state"),
        CheckConstraint("decided_by <> proposed_by", name="two_persons"),
        CheckConstraint(
            "num_nulls(decided_by, decided_at) = CASE WHEN state = 'proposed' THEN 2 ELSE 0 END",
            name="decided",
        ),
        Index(
            "uq_clearance_erasures_clearance_id",
            "clearance_id",
            unique=True,
            postgresql_where=text("state <> 'refused'"),
        ),
        Index("ix_clearance_erasures_proposed_by", "proposed_by"),
        Index("ix_clearance_erasures_decided_by", "decided_by"),
    )


class ClearanceReceipt(Base):
    """The signature over a clearance's payload: made once, after commit, and never remade."""

    __tablename__ = "clearance_receipts"

    clearance_id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    receipt: Mapped[str] = mapped_column(Text)
    signed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        ForeignKeyConstraint(
            ["clearance_id", "agency_id"], ["clearances.id", "clearances.agency_id"]
        ),
    )


class ClearanceDependency(Base):
    """What a clearance rests on: found by it when that changes. ``until``: the answer's own end."""

    __tablename__ = "clearance_dependencies"

    clearance_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    ref: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int | None]
    agency_id: Mapped[UUID]
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        ForeignKeyConstraint(
            ["clearance_id", "agency_id"], ["clearances.id", "clearances.agency_id"]
        ),
        Index("ix_clearance_dependencies_kind_ref_until", "kind", "ref", "until"),
        Index(
            "ix_clearance_dependencies_nameless",
            "until",
            postgresql_where=text("kind IN ('name', 'identifier')"),
        ),
    )


class ClearanceChange(Base):
    """How an open clearance stands now, whenever that changed; the answer itself never does."""

    __tablename__ = "clearance_changes"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    clearance_id: Mapped[UUID]
    agency_id: Mapped[UUID]
    version: Mapped[int]
    status: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(Text)
    causes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    notes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        ForeignKeyConstraint(
            ["clearance_id", "agency_id"], ["clearances.id", "clearances.agency_id"]
        ),
        UniqueConstraint("clearance_id", "version"),
        CheckConstraint("status IN ('open', 'worsened', 'improved')", name="status"),
        CheckConstraint(
            "outcome IN ('CLEAR', 'CLEAR_WITH_CONDITIONS', 'REFER', 'BLOCKED')", name="outcome"
        ),
        CheckConstraint("version >= 2", name="version"),
    )


class ClearanceWatch(Base):
    """How far the worker's look at the clock is, and which lists it has told to be stale."""

    __tablename__ = "clearance_watch"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    state: Mapped[str] = mapped_column(Text)


class ClearanceRecheck(Base):
    """A clearance to be looked at again; the worker's own list of work. ``bulk``: what changed
    concerns all that are open, and waits for what concerns a few.
    """

    __tablename__ = "clearance_rechecks"

    clearance_id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    unshared: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    due_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=text("clock_timestamp()")
    )
    failures: Mapped[int] = mapped_column(server_default="0")
    bulk: Mapped[bool] = mapped_column(server_default="false")

    __table_args__ = (Index("ix_clearance_rechecks_bulk_due_at", "bulk", "due_at"),)
