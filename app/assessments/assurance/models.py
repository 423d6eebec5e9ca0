"""Tables of assurance plans: one row a revision of a plan, and the activities of each."""

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
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

_OPEN = "status IN ('draft', 'submitted')"


class AssurancePlan(Base):
    """A revision of an agency's plan for a country and a year.

    One at most is approved, one at most is being written; a trigger lets no step be left out.
    """

    __tablename__ = "assurance_plans"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    owner_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    country: Mapped[str] = mapped_column(Text)
    year: Mapped[int] = mapped_column(SmallInteger)
    status: Mapped[str] = mapped_column(Text, server_default="draft")
    version: Mapped[int] = mapped_column(server_default="1")
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    submitted_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    submitted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    approved_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    approved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        UniqueConstraint("owner_agency", "country", "year", "revision"),
        UniqueConstraint("id", "revision", "owner_agency"),
        # What the rows repeat of their revision, and go along with.
        UniqueConstraint("id", "revision", "owner_agency", "country", "year", "status"),
        Index("uq_assurance_plans_open", "id", unique=True, postgresql_where=text(_OPEN)),
        Index(
            "uq_assurance_plans_approved",
            "id",
            unique=True,
            postgresql_where=text("status = 'approved'"),
        ),
        Index("ix_assurance_plans_owner_agency_id", "owner_agency", "id"),
        Index(
            "ix_assurance_plans_year_country_id",
            *("year", "country", "id"),
            postgresql_where=text("status = 'approved'"),
        ),
        CheckConstraint(
            "status IN ('draft', 'submitted', 'approved', 'superseded')", name="status"
        ),
        CheckConstraint("country ~ '^[A-Z]{3}$'", name="country"),
        CheckConstraint("year BETWEEN 2014 AND 2100", name="year"),
        CheckConstraint("revision BETWEEN 1 AND 999", name="revision"),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint(
            "(status = 'draft') = (submitted_by IS NULL) "
            "AND (submitted_by IS NULL) = (submitted_at IS NULL)",
            name="submitted",
        ),
        CheckConstraint(
            "(status IN ('approved', 'superseded')) = (approved_by IS NOT NULL) "
            "AND (approved_by IS NULL) = (approved_at IS NULL)",
            name="approved",
        ),
        CheckConstraint("approved_by <> submitted_by", name="second_person"),
    )


class AssurancePlanReturn(Base):
    """That a revision was sent back, and why: sealed, for its agency alone. Insert-only.

    A trigger lets no revision be sent back without one. It goes with its draft.
    """

    __tablename__ = "assurance_plan_returns"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_id: Mapped[UUID]
    revision: Mapped[int] = mapped_column(SmallInteger)
    owner_agency: Mapped[UUID]
    returned_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    returned_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )
    sealed_reason: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (
        ForeignKeyConstraint(
            ["plan_id", "revision", "owner_agency"],
            ["assurance_plans.id", "assurance_plans.revision", "assurance_plans.owner_agency"],
            name="fk_assurance_plan_returns_assurance_plans",
            ondelete="CASCADE",
        ),
        Index("ix_assurance_plan_returns_plan", "plan_id", "returned_at", "id"),
    )


class AssuranceRow(Base):
    """An activity of a revision. ``line`` is the same through all revisions of its plan.

    What is planned never changes once the revision was submitted; how it goes does: ``status``,
    ``reason``, the new quarter of what was put off, and the assessment that it came to.
    """

    __tablename__ = "assurance_rows"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_id: Mapped[UUID]
    revision: Mapped[int] = mapped_column(SmallInteger)
    owner_agency: Mapped[UUID]
    country: Mapped[str] = mapped_column(Text)
    year: Mapped[int] = mapped_column(SmallInteger)
    state: Mapped[str] = mapped_column(Text, server_default="draft")
    line: Mapped[UUID]
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    type: Mapped[str] = mapped_column(Text)
    quarter: Mapped[int] = mapped_column(SmallInteger)
    basis: Mapped[str] = mapped_column(Text)
    joint_with: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), server_default="{}")
    lead_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    status: Mapped[str] = mapped_column(Text, server_default="planned")
    reason: Mapped[str | None] = mapped_column(Text)
    to_year: Mapped[int | None] = mapped_column(SmallInteger)
    to_quarter: Mapped[int | None] = mapped_column(SmallInteger)
    done_by: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        # The state is in the key: rows of a draft can never be less confidential than the draft,
        # and none can be added to a revision that is no draft any more.
        ForeignKeyConstraint(
            ["plan_id", "revision", "owner_agency", "country", "year", "state"],
            [
                *("assurance_plans.id", "assurance_plans.revision"),
                *("assurance_plans.owner_agency", "assurance_plans.country"),
                *("assurance_plans.year", "assurance_plans.status"),
            ],
            name="fk_assurance_rows_assurance_plans",
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        Index("uq_assurance_rows_line", "plan_id", "revision", "line", unique=True),
        Index(
            "uq_assurance_rows_done_by",
            *("plan_id", "revision", "done_by"),
            unique=True,
            postgresql_where=text("done_by IS NOT NULL"),
        ),
        Index("ix_assurance_rows_plan", "plan_id", "revision", "quarter", "id"),
        Index("ix_assurance_rows_partner", "partner_id", "year"),
        Index(
            "ix_assurance_rows_year",
            *("year", "quarter", "id"),
            postgresql_where=text("state = 'approved'"),
        ),
        Index(
            "ix_assurance_rows_type",
            *("type", "year", "quarter", "id"),
            postgresql_where=text("state = 'approved'"),
        ),
        Index(
            "ix_assurance_rows_country",
            *("country", "year", "quarter", "id"),
            postgresql_where=text("state = 'approved'"),
        ),
        CheckConstraint(
            "type IN ('programmatic_visit', 'spot_check', 'audit', 'special_audit', 'hact_micro')",
            name="type",
        ),
        CheckConstraint("quarter BETWEEN 1 AND 4", name="quarter"),
        CheckConstraint("basis IN ('required', 'additional', 'follow_up')", name="basis"),
        CheckConstraint("status IN ('planned', 'postponed', 'done', 'cancelled')", name="status"),
        CheckConstraint("reason ~ '^[a-z_]{1,40}$'", name="reason"),
        CheckConstraint(
            "CASE WHEN status IN ('postponed', 'cancelled') THEN reason IS NOT NULL "
            "ELSE reason IS NULL END",
            name="reason_stated",
        ),
        CheckConstraint(
            "(status = 'postponed') = (to_year IS NOT NULL) "
            "AND (to_year IS NULL) = (to_quarter IS NULL)",
            name="postponed",
        ),
        CheckConstraint(
            "to_quarter BETWEEN 1 AND 4 AND to_year <= year + 5 "
            "AND (to_year > year OR (to_year = year AND to_quarter > quarter))",
            name="later",
        ),
        CheckConstraint("(status = 'done') = (done_by IS NOT NULL)", name="done"),
        CheckConstraint(
            "cardinality(joint_with) <= 20 AND owner_agency <> ALL (joint_with) "
            "AND array_position(joint_with, NULL) IS NULL",
            name="joint_with",
        ),
        CheckConstraint(
            "lead_agency = owner_agency OR lead_agency = ANY (joint_with)", name="lead_agency"
        ),
        CheckConstraint("version >= 1", name="version"),
    )
