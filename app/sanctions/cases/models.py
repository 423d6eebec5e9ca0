"""Tables of sanction cases."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
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

NOW = func.now()


class SanctionCase(Base):
    """A case of one agency against one partner. AGENCY_ONLY; its texts are sealed in the steps.

    The checks are the due process: no decision without notice, without a reply, a waiver or the
    end of the reply period, without a review, and never by one person twice.
    """

    __tablename__ = "sanction_cases"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    state: Mapped[str] = mapped_column(Text, server_default="DRAFT")
    version: Mapped[int] = mapped_column(server_default="1")
    practices: Mapped[list[str]] = mapped_column(ARRAY(Text))
    finding_on: Mapped[date]
    investigator_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    notice_sent_on: Mapped[date | None]
    reply_due_on: Mapped[date | None]
    reply_received_on: Mapped[date | None]
    reply_waived: Mapped[bool] = mapped_column(server_default="false")
    reviewer_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    reviewed_on: Mapped[date | None]
    recommendation: Mapped[str | None] = mapped_column(Text)
    decider_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_on: Mapped[date | None]
    opened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)

    __table_args__ = (
        UniqueConstraint("id", "agency_id"),
        Index("ix_sanction_cases_agency_id_id", "agency_id", "id"),
        CheckConstraint(
            "state IN ('DRAFT', 'NOTICE_ISSUED', 'REPLY_RECORDED', 'UNDER_REVIEW', 'IMPOSED')",
            name="state",
        ),
        CheckConstraint("reviewer_id <> investigator_id", name="reviewer_not_investigator"),
        CheckConstraint(
            "decider_id <> investigator_id AND decider_id <> reviewer_id", name="decider_apart"
        ),
        CheckConstraint("state = 'DRAFT' OR notice_sent_on IS NOT NULL", name="notice_first"),
        CheckConstraint(
            "reviewer_id IS NULL OR reply_received_on IS NOT NULL OR reviewed_on > reply_due_on",
            name="reply_period",
        ),
        CheckConstraint(
            "state <> 'IMPOSED' OR (notice_sent_on IS NOT NULL AND reviewer_id IS NOT NULL "
            "AND decider_id IS NOT NULL AND decided_on IS NOT NULL)",
            name="decided_in_order",
        ),
        CheckConstraint("notice_sent_on >= finding_on", name="notice_after_finding"),
        CheckConstraint("reply_received_on >= notice_sent_on", name="reply_after_notice"),
    )


class SanctionCaseStep(Base):
    """What was written at one step of a case, sealed; insert-only.

    But for a redaction: row security shows a redacted step to nobody, and a confirmed one is
    empty. Only the database's own function writes these two columns.
    """

    __tablename__ = "sanction_case_steps"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID]
    agency_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(Text)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    redacted: Mapped[bool] = mapped_column(server_default="false")

    __table_args__ = (
        CheckConstraint("redacted OR length(sealed) > 0", name="emptied"),
        ForeignKeyConstraint(
            ["case_id", "agency_id"], ["sanction_cases.id", "sanction_cases.agency_id"]
        ),
        Index("ix_sanction_case_steps_case_id_id", "case_id", "id"),
        CheckConstraint(
            "kind IN ('finding', 'notice', 'reply', 'review', 'decision', 'lift')", name="kind"
        ),
    )
