"""Tables of the sections of a profile."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class PartnerSection(Base):
    """What a partner says in one section; each change is the next version, and a trigger keeps
    what was before. ``sources`` says of each field who gave it when; ``valid_from`` since when the
    last change is so in the world.
    """

    __tablename__ = "partner_sections"

    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"), primary_key=True)
    section: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(server_default="1")
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    complete: Mapped[bool]
    sources: Mapped[dict[str, Any]] = mapped_column(JSONB)
    updated_by: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    valid_from: Mapped[date] = mapped_column(Date, server_default=text("CURRENT_DATE"))

    __table_args__ = (
        CheckConstraint(
            "section IN ('registration', 'contact', 'mandate', 'funding', 'collaboration', "
            "'implementation', 'other')",
            name="section",
        ),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("jsonb_typeof(body) = 'object'", name="body"),
    )


class PartnerSectionVersion(Base):
    """A section as it was until ``recorded_to``. Written by a trigger alone."""

    __tablename__ = "partner_section_versions"

    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"), primary_key=True)
    section: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    sources: Mapped[dict[str, Any]] = mapped_column(JSONB)
    updated_by: Mapped[UUID | None]
    recorded_from: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    recorded_to: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    valid_from: Mapped[date] = mapped_column(Date)

    __table_args__ = (CheckConstraint("recorded_from <= recorded_to", name="recorded"),)


class PartnerSealedText(Base):
    """A RESTRICTED text that a partner gave: why it is not registered, who signed a declaration.

    ``subject_id`` is the declaration. Never changed: of a kind, the newest row of a subject
    counts; an empty text takes the one before back.
    """

    __tablename__ = "partner_sealed_texts"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    kind: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[UUID | None]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    written_by: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    written_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )

    __table_args__ = (
        CheckConstraint("kind IN ('registration_reason', 'declaration_signature')", name="kind"),
        CheckConstraint(
            "(kind = 'declaration_signature') = (subject_id IS NOT NULL)", name="subject_id"
        ),
        Index("ix_partner_sealed_texts_partner_id_kind", "partner_id", "kind"),
    )
