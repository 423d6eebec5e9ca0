"""Tables of stored files."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class Blob(Base):
    """A stored file: where it lies, what it is, and the sealed key of its frames.

    ``sha256`` and ``size`` are of the plain content. ``partner_id``: who beside agencies may see
    that it is there. One that is not ``stored`` belongs to nothing and is swept.
    """

    __tablename__ = "blobs"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID | None]
    store: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="storing")
    scan: Mapped[str] = mapped_column(Text)
    scanned_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    media_type: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_key: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        Index("ix_blobs_created_at", "created_at", postgresql_where=text("state <> 'stored'")),
        Index(
            "ix_blobs_id_pending", "id", postgresql_where=text("scan IN ('pending', 'unscanned')")
        ),
        Index("ix_blobs_scanned_at", "scanned_at", postgresql_where=text("scan = 'clean'")),
        CheckConstraint("store IN ('postgresql', 's3')", name="store"),
        CheckConstraint("state IN ('storing', 'stored', 'deleting')", name="state"),
        CheckConstraint("scan IN ('unscanned', 'pending', 'clean', 'infected')", name="scan"),
        CheckConstraint("length(sha256) = 32", name="sha256"),
        CheckConstraint("size BETWEEN 1 AND 26214400", name="size"),
    )


class BlobChunk(Base):
    """One sealed frame of a file that lies in the database."""

    __tablename__ = "blob_chunks"

    blob_id: Mapped[UUID] = mapped_column(
        ForeignKey("blobs.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[bytes] = mapped_column(LargeBinary)
