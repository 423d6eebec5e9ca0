"""Tables of capacity-strengthening plans: the plan, its sealed actions, and every step."""

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
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

NOW = func.now()


class CapacityPlanKind(Base):
    """How long windows of a kind may be, as rules.yaml says; the triggers of plans ask here."""

    __tablename__ = "capacity_plan_kinds"

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    window_months: Mapped[int]
    total_months: Mapped[int]
    version: Mapped[str] = mapped_column(Text)


class CapacityPlan(Base):
    """What all agencies may know of a plan once it is agreed, unless its assessment is its owner's
    alone (``assessment_level``). Status and window move by steps only (trigger
    ``capacity_plans_step``); that it is in progress is computed.
    """

    __tablename__ = "capacity_plans"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    owner_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    kind: Mapped[str] = mapped_column(ForeignKey("capacity_plan_kinds.code"))
    assessment_id: Mapped[UUID | None]
    assessment_level: Mapped[str | None] = mapped_column(Text)
    supporters: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), server_default="{}")
    status: Mapped[str] = mapped_column(Text, server_default="draft")
    starts_on: Mapped[date | None]
    agreed_on: Mapped[date | None]
    window_ends_on: Mapped[date | None]
    window_limit_on: Mapped[date | None]
    extended_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    extended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    closed_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    after_assessment_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("assessments.id", ondelete="SET NULL")
    )
    outcome: Mapped[str | None] = mapped_column(Text)
    measured_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reminded_days: Mapped[int | None]
    window_ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    version: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        UniqueConstraint("id", "owner_agency"),
        # Own assessments only; the level goes with the assessment's, and stays when that is gone.
        ForeignKeyConstraint(
            ["assessment_id", "owner_agency", "assessment_level"],
            ["assessments.id", "assessments.owner_agency", "assessments.level"],
            name="fk_capacity_plans_assessments",
            onupdate="CASCADE",
            ondelete="SET NULL (assessment_id)",
        ),
        Index("ix_capacity_plans_created_at_id", "created_at", "id"),
        Index("ix_capacity_plans_partner_id_created_at_id", "partner_id", "created_at", "id"),
        Index("ix_capacity_plans_owner_agency_created_at_id", "owner_agency", "created_at", "id"),
        Index("ix_capacity_plans_assessment_id", "assessment_id"),
        Index("ix_capacity_plans_after_assessment_id", "after_assessment_id"),
        Index("ix_capacity_plans_window_ends_on", "window_ends_on"),
        CheckConstraint(
            "status IN ('draft', 'agreed', 'completed', 'not_completed', 'cancelled')",
            name="status",
        ),
        CheckConstraint(
            "assessment_id IS NULL OR assessment_level IS NOT NULL", name="assessment_level"
        ),
        CheckConstraint(
            "num_nulls(agreed_on, window_ends_on, window_limit_on) IN (0, 3)", name="agreed"
        ),
        CheckConstraint(
            "CASE status WHEN 'draft' THEN agreed_on IS NULL WHEN 'cancelled' THEN true "
            "ELSE agreed_on IS NOT NULL END",
            name="agreed_on",
        ),
        CheckConstraint("window_ends_on > agreed_on", name="window"),
        CheckConstraint("window_ends_on <= window_limit_on", name="window_limit"),
        CheckConstraint("(extended_by IS NULL) = (extended_at IS NULL)", name="extended"),
        CheckConstraint(
            "(status IN ('completed', 'not_completed', 'cancelled')) = (closed_at IS NOT NULL)",
            name="closed_at",
        ),
        CheckConstraint("(closed_at IS NULL) = (closed_by IS NULL)", name="closed_by"),
        CheckConstraint(
            "outcome IN ('improved', 'unchanged', 'worsened', 'not_comparable')", name="outcome"
        ),
        CheckConstraint("(outcome IS NULL) = (measured_at IS NULL)", name="measured_at"),
        CheckConstraint("outcome IS NULL OR agreed_on IS NOT NULL", name="measured"),
        CheckConstraint("version >= 1", name="version"),
    )


class CapacityPlanAction(Base):
    """An action of a plan. ``sealed``: its text, what shows that it is done, who provides it.

    Redacted words are in ``sealed_hidden``, which the API's role has no right to read, and nowhere
    once they are destroyed.
    """

    __tablename__ = "capacity_plan_actions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_id: Mapped[UUID]
    owner_agency: Mapped[UUID]
    number: Mapped[int]
    area: Mapped[str] = mapped_column(Text)
    responsible: Mapped[str] = mapped_column(Text)
    due_on: Mapped[date]
    cost: Mapped[Decimal | None] = mapped_column(Numeric(20, 2))
    currency: Mapped[str | None] = mapped_column(Text)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_version: Mapped[int] = mapped_column(server_default="1")
    status: Mapped[str] = mapped_column(Text, server_default="open")
    started_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    done_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    done_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    verified_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    verified_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    version: Mapped[int] = mapped_column(server_default="1")
    redacted: Mapped[bool] = mapped_column(server_default="false")
    sealed_hidden: Mapped[bytes | None] = mapped_column(LargeBinary)

    __table_args__ = (
        UniqueConstraint("id", "plan_id", "owner_agency"),
        UniqueConstraint("plan_id", "number"),
        ForeignKeyConstraint(
            ["plan_id", "owner_agency"],
            ["capacity_plans.id", "capacity_plans.owner_agency"],
            name="fk_capacity_plan_actions_plans",
        ),
        CheckConstraint("number BETWEEN 1 AND 100", name="number"),
        CheckConstraint("area ~ '^[A-Z0-9_]{1,40}$'", name="area"),
        CheckConstraint("responsible IN ('partner', 'agency', 'provider')", name="responsible"),
        CheckConstraint("cost >= 0", name="cost"),
        CheckConstraint("(cost IS NULL) = (currency IS NULL)", name="currency"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_code"),
        CheckConstraint(
            "status IN ('open', 'in_progress', 'done', 'verified', 'dropped')", name="status"
        ),
        CheckConstraint(
            "status NOT IN ('done', 'verified') OR done_at IS NOT NULL", name="done_at"
        ),
        CheckConstraint(
            "num_nulls(verified_at, verified_by) = CASE status WHEN 'verified' THEN 0 ELSE 2 END",
            name="verified",
        ),
        # Whoever reported it as done does not verify it; what the partner reported, any person may.
        CheckConstraint("verified_by <> done_by", name="two_persons"),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("NOT redacted OR length(sealed) = 0", name="redacted"),
        CheckConstraint("redacted OR sealed_hidden IS NULL", name="sealed_hidden"),
    )


class CapacityPlanStep(Base):
    """One step of a plan or of an action: who did what when, and the sealed words. Insert-only but
    for redaction, which is as with actions.

    ``author_agency`` NULL: the partner.
    """

    __tablename__ = "capacity_plan_steps"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_id: Mapped[UUID]
    owner_agency: Mapped[UUID]
    action_id: Mapped[UUID | None]
    step: Mapped[str] = mapped_column(Text)
    author_agency: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    office: Mapped[str | None] = mapped_column(Text)
    made_by_client: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )
    sealed_note: Mapped[bytes | None] = mapped_column(LargeBinary)
    redacted: Mapped[bool] = mapped_column(server_default="false")
    sealed_hidden: Mapped[bytes | None] = mapped_column(LargeBinary)

    __table_args__ = (
        ForeignKeyConstraint(
            ["plan_id", "owner_agency"],
            ["capacity_plans.id", "capacity_plans.owner_agency"],
            name="fk_capacity_plan_steps_plans",
        ),
        ForeignKeyConstraint(
            ["action_id", "plan_id", "owner_agency"],
            [
                "capacity_plan_actions.id",
                "capacity_plan_actions.plan_id",
                "capacity_plan_actions.owner_agency",
            ],
            name="fk_capacity_plan_steps_actions",
        ),
        Index("ix_capacity_plan_steps_plan_id_at_id", "plan_id", "at", "id"),
        Index("ix_capacity_plan_steps_action_id", "action_id"),
        CheckConstraint(
            "step IN ('created', 'agreed', 'extended', 'completed', 'not_completed', 'cancelled', "
            "'measured', 'progress', 'done', 'returned', 'verified', 'dropped')",
            name="step",
        ),
        CheckConstraint(
            "sealed_note IS NOT NULL OR step NOT IN ('extended', 'not_completed', 'cancelled', "
            "'progress', 'done', 'returned', 'dropped')",
            name="sealed_note",
        ),
        CheckConstraint(
            "(action_id IS NOT NULL) = "
            "(step IN ('progress', 'done', 'returned', 'verified', 'dropped'))",
            name="action_id",
        ),
        # A partner reports on actions, and takes no other step.
        CheckConstraint(
            "author_agency IS NOT NULL OR (person_id IS NULL AND step IN ('progress', 'done'))",
            name="author_agency",
        ),
        CheckConstraint("NOT redacted OR length(sealed_note) = 0", name="redacted"),
        CheckConstraint("redacted OR sealed_hidden IS NULL", name="sealed_hidden"),
    )
