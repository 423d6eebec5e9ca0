"""Tables of clearances and receipts."""

from __future__ import annotations

from datetime import datetime
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
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class Clearance(Base):
    """One answer, as it was given: insert-only. Request and answer lie sealed; codes stay open."""

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
    sealed_request: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_answer: Mapped[bytes] = mapped_column(LargeBinary)
    receipt_payload: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (
        UniqueConstraint("id", "agency_id"),
        CheckConstraint(
            "outcome IN ('CLEAR', 'CLEAR_WITH_CONDITIONS', 'REFER', 'BLOCKED')", name="outcome"
        ),
        Index("ix_clearances_agency_id_evaluated_at_id", "agency_id", "evaluated_at", "id"),
        Index("ix_clearances_partner_id", "partner_id"),
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
