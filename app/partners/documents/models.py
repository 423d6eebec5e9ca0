"""Table of partners' documents."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, DateTime, ForeignKey, Index, LargeBinary, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class PartnerDocument(Base):
    """A document of a profile. Its file is a blob; without one it is a draft.

    ``uploaded_by`` None: the partner itself. The title of a RESTRICTED one is sealed.
    """

    __tablename__ = "partner_documents"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    version: Mapped[int] = mapped_column(server_default="1")
    kind: Mapped[str] = mapped_column(Text)
    level: Mapped[str] = mapped_column(Text)
    title: Mapped[str | None] = mapped_column(Text)
    sealed_title: Mapped[bytes | None] = mapped_column(LargeBinary)
    language: Mapped[str | None] = mapped_column(Text)
    issued_on: Mapped[date | None] = mapped_column(Date)
    expires_on: Mapped[date | None] = mapped_column(Date)
    media_type: Mapped[str] = mapped_column(Text)
    blob_id: Mapped[UUID | None] = mapped_column(ForeignKey("blobs.id"))
    supersedes: Mapped[UUID | None] = mapped_column(ForeignKey("partner_documents.id"))
    superseded_by: Mapped[UUID | None] = mapped_column(ForeignKey("partner_documents.id"))
    uploaded_by: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    uploaded_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    deleted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    deleted_reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index("ix_partner_documents_partner_id_id", "partner_id", "id"),
        Index("uq_partner_documents_blob_id", "blob_id", unique=True),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("level IN ('INTER_AGENCY', 'RESTRICTED')", name="level"),
        CheckConstraint(
            "(title IS NULL) = (level = 'RESTRICTED') AND num_nulls(title, sealed_title) = 1",
            name="title",
        ),
        CheckConstraint("expires_on >= issued_on", name="expires_on"),
        CheckConstraint("(blob_id IS NULL) = (uploaded_at IS NULL)", name="uploaded_at"),
        CheckConstraint("(deleted_at IS NULL) = (deleted_reason IS NULL)", name="deleted_reason"),
        CheckConstraint("supersedes <> id AND superseded_by <> id", name="superseded_by"),
    )
