"""Tables of findings and their follow-up.

Amounts are not sealed: the database itself keeps the settled part within the finding's amount,
whoever writes at the same time, and can do so only with numbers it can read. They are RESTRICTED
all the same: row security shows them to whoever may read the assessment's detail, and every text
beside them is sealed.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Numeric,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

_USD = Numeric(20, 2)


class AssessmentFinding(Base):
    """One finding of a final report, and how far its follow-up is.

    ``part`` and ``position`` say where in the detail it stands. ``resolved_usd`` is the sum of its
    resolutions, which a trigger alone writes. A HIGH one that was acted on waits in ``to_verify``
    for a second person. ``overdue_at``: when the worker said so. ``withdrawn``: the assessment is.
    """

    __tablename__ = "assessment_findings"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    assessment_id: Mapped[UUID]
    owner_agency: Mapped[UUID]
    level: Mapped[str] = mapped_column(Text)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    part: Mapped[str] = mapped_column(Text)
    position: Mapped[int]
    code: Mapped[str] = mapped_column(Text)
    priority: Mapped[str] = mapped_column(Text)
    found_on: Mapped[date]
    amount_usd: Mapped[Decimal] = mapped_column(_USD)
    resolved_usd: Mapped[Decimal] = mapped_column(_USD, server_default="0")
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    due_on: Mapped[date | None]
    overdue_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    state: Mapped[str] = mapped_column(Text, server_default="open")
    closed_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    verified_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    verified_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    withdrawn: Mapped[bool] = mapped_column(server_default="false")
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        ForeignKeyConstraint(
            ["assessment_id", "owner_agency", "level"],
            ["assessments.id", "assessments.owner_agency", "assessments.level"],
            name="fk_assessment_findings_assessments",
            onupdate="CASCADE",
        ),
        UniqueConstraint("assessment_id", "part", "position"),
        UniqueConstraint("id", "assessment_id", "owner_agency"),
        Index("ix_assessment_findings_partner_id", "partner_id"),
        Index(
            "ix_assessment_findings_owner_agency_created_at_id",
            *("owner_agency", "created_at", "id"),
        ),
        Index(
            "ix_assessment_findings_due_on",
            "due_on",
            postgresql_where=text("state = 'open' AND overdue_at IS NULL AND NOT withdrawn"),
        ),
        CheckConstraint("part ~ '^[a-z_]{1,40}$'", name="part"),
        CheckConstraint("position >= 0", name="position"),
        CheckConstraint("code ~ '^[A-Z][A-Z0-9_]{0,59}$'", name="code"),
        CheckConstraint("priority IN ('HIGH', 'MEDIUM', 'LOW')", name="priority"),
        CheckConstraint("resolved_usd >= 0 AND resolved_usd <= amount_usd", name="settled"),
        CheckConstraint("state IN ('open', 'to_verify', 'closed')", name="state"),
        CheckConstraint(
            "num_nulls(closed_by, closed_at) = CASE state WHEN 'open' THEN 2 ELSE 0 END",
            name="closed",
        ),
        CheckConstraint("state = 'open' OR resolved_usd = amount_usd", name="closed_settled"),
        CheckConstraint(
            "num_nulls(verified_by, verified_at) = "
            "CASE WHEN state = 'closed' AND priority = 'HIGH' THEN 0 ELSE 2 END",
            name="verified",
        ),
        CheckConstraint("verified_by <> closed_by", name="two_persons"),
        CheckConstraint("state <> 'to_verify' OR priority = 'HIGH'", name="to_verify"),
        CheckConstraint("version >= 1", name="version"),
    )


class FindingResolution(Base):
    """Money of a finding that was settled; append-only. A wrong entry is reversed by another."""

    __tablename__ = "finding_resolutions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    finding_id: Mapped[UUID]
    assessment_id: Mapped[UUID]
    owner_agency: Mapped[UUID]
    kind: Mapped[str] = mapped_column(Text)
    amount_usd: Mapped[Decimal] = mapped_column(_USD)
    settled_on: Mapped[date]
    reverses: Mapped[UUID | None] = mapped_column(ForeignKey("finding_resolutions.id"), unique=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    recorded_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    recorded_client: Mapped[str] = mapped_column(Text)
    recorded_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )

    __table_args__ = (
        ForeignKeyConstraint(
            ["finding_id", "assessment_id", "owner_agency"],
            [
                "assessment_findings.id",
                "assessment_findings.assessment_id",
                "assessment_findings.owner_agency",
            ],
            name="fk_finding_resolutions_findings",
        ),
        Index("ix_finding_resolutions_finding_id", "finding_id", "recorded_at"),
        CheckConstraint(
            "kind IN ('amount_refunded', 'additional_documentation_provided', "
            "'justification_accepted', 'write_off')",
            name="kind",
        ),
        CheckConstraint("amount_usd <> 0", name="amount_usd"),
        CheckConstraint("(reverses IS NULL) = (amount_usd > 0)", name="reverses"),
    )


class FindingAction(Base):
    """What was agreed, answered, done, verified or taken up again; append-only, texts sealed."""

    __tablename__ = "finding_actions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    finding_id: Mapped[UUID]
    assessment_id: Mapped[UUID]
    owner_agency: Mapped[UUID]
    kind: Mapped[str] = mapped_column(Text)
    by_partner: Mapped[bool]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    made_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    made_client: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        ForeignKeyConstraint(
            ["finding_id", "assessment_id", "owner_agency"],
            [
                "assessment_findings.id",
                "assessment_findings.assessment_id",
                "assessment_findings.owner_agency",
            ],
            name="fk_finding_actions_findings",
        ),
        Index("ix_finding_actions_finding_id", "finding_id", "made_at"),
        CheckConstraint(
            "kind IN ('agreed', 'response', 'closed', 'confirmed', 'not_confirmed', 'reopened')",
            name="kind",
        ),
        CheckConstraint("by_partner = (kind = 'response')", name="by_partner"),
        CheckConstraint("NOT by_partner OR made_by IS NULL", name="made_by"),
    )
