"""Table of assessments' documents."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class AssessmentDocument(Base):
    """A document of an assessment. Its file is a blob; without one it is only announced.

    ``sealed`` holds the title and, once there is one, which file it is: a file that is moved to
    another document does not fit. ``standard``: what of the tool it is evidence for.
    ``finding_id``: it shows what came of that finding, and comes after the report.
    """

    __tablename__ = "assessment_documents"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    assessment_id: Mapped[UUID]
    owner_agency: Mapped[UUID]
    finding_id: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(server_default="1")
    kind: Mapped[str] = mapped_column(Text)
    standard: Mapped[int | None] = mapped_column(SmallInteger)
    language: Mapped[str | None] = mapped_column(Text)
    media_type: Mapped[str] = mapped_column(Text)
    partner_visible: Mapped[bool] = mapped_column(server_default="false")
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_version: Mapped[int] = mapped_column(server_default="1")
    blob_id: Mapped[UUID | None] = mapped_column(ForeignKey("blobs.id"))
    uploaded_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        # Nobody writes about a record that is not the writer's: see the policies.
        ForeignKeyConstraint(
            ["assessment_id", "owner_agency"], ["assessments.id", "assessments.owner_agency"]
        ),
        ForeignKeyConstraint(
            ["finding_id", "assessment_id", "owner_agency"],
            [
                "assessment_findings.id",
                "assessment_findings.assessment_id",
                "assessment_findings.owner_agency",
            ],
            name="fk_assessment_documents_findings",
        ),
        Index(
            "ix_assessment_documents_finding_id",
            "finding_id",
            postgresql_where=text("finding_id IS NOT NULL"),
        ),
        Index("ix_assessment_documents_assessment_id_id", "assessment_id", "id"),
        Index("uq_assessment_documents_blob_id", "blob_id", unique=True),
        CheckConstraint("kind ~ '^[a-z_]{1,40}$'", name="kind"),
        CheckConstraint("standard BETWEEN 1 AND 99", name="standard"),
        CheckConstraint("(blob_id IS NULL) = (uploaded_at IS NULL)", name="uploaded_at"),
        CheckConstraint("length(sealed) > 0 AND sealed_version >= 1", name="sealed"),
        CheckConstraint("version >= sealed_version", name="version"),
    )
