"""Tables of declarations."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, DateTime, ForeignKey, Index, Text, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class PartnerDeclaration(Base):
    """Answers of a partner to the statements of a form, signed once and never changed.

    ``accepted``: every answer is yes. Who signed lies sealed in ``partner_sealed_texts``.
    """

    __tablename__ = "partner_declarations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    form_version: Mapped[str] = mapped_column(Text)
    answers: Mapped[dict[str, bool]] = mapped_column(JSONB)
    accepted: Mapped[bool]
    signed_on: Mapped[date] = mapped_column(Date)
    recorded_by: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    recorded_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )

    __table_args__ = (
        Index("ix_partner_declarations_partner_id", "partner_id", "id"),
        CheckConstraint(
            "jsonb_typeof(answers) = 'object' AND answers <> '{}'::jsonb "
            "AND NOT jsonb_path_exists(answers, '$.* ? (@.type() != \"boolean\")')",
            name="answers",
        ),
        CheckConstraint(
            "accepted = NOT jsonb_path_exists(answers, '$.* ? (@ == false)')", name="accepted"
        ),
    )
