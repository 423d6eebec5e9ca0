"""Tables of merges: who proposed that two profiles are one partner, who decided, and why."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class PartnerMerge(Base):
    """A merge of one profile into another, from its proposal on. INTER_AGENCY.

    The change of ``state`` is the merge: a trigger applies it to the profiles and their aliases,
    in the same transaction, or refuses it. ``undo`` says where the latest wish to undo it stands.
    """

    __tablename__ = "partner_merges"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(server_default="1")
    loser_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    survivor_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    state: Mapped[str] = mapped_column(Text, server_default="proposed")
    matched_on: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    document_ids: Mapped[list[UUID]] = mapped_column(
        ARRAY(PG_UUID(as_uuid=True)), server_default="{}"
    )
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    proposed_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    undo: Mapped[str | None] = mapped_column(Text)
    undo_proposed_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    undo_decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))

    __table_args__ = (
        # A profile waits for one decision at a time, and is merged into one other at most.
        Index(
            "uq_partner_merges_loser_id",
            "loser_id",
            unique=True,
            postgresql_where=text("state IN ('proposed', 'merged')"),
        ),
        Index("ix_partner_merges_survivor_id", "survivor_id"),
        Index("ix_partner_merges_loser_id_id", "loser_id", "id"),
        CheckConstraint("loser_id <> survivor_id", name="survivor_id"),
        CheckConstraint(
            "state IN ('proposed', 'merged', 'rejected', 'withdrawn', 'undone')", name="state"
        ),
        CheckConstraint("undo IN ('proposed', 'rejected', 'approved')", name="undo"),
        CheckConstraint(
            "num_nulls(decided_by, decided_at) IN (0, 2) "
            "AND (state = 'proposed') = (decided_by IS NULL)",
            name="decided",
        ),
        CheckConstraint("state = 'withdrawn' OR decided_by <> proposed_by", name="second_person"),
        CheckConstraint("undo_decided_by <> undo_proposed_by", name="undo_second_person"),
        CheckConstraint(
            "(undo IS NULL) = (undo_proposed_by IS NULL) "
            "AND coalesce(undo IN ('rejected', 'approved'), false) = (undo_decided_by IS NOT NULL) "
            "AND (state = 'undone') = coalesce(undo = 'approved', false) "
            "AND (undo IS NULL OR state IN ('merged', 'undone'))",
            name="undo_decided",
        ),
        CheckConstraint(
            "cardinality(matched_on) <= 20 AND cardinality(document_ids) <= 20", name="evidence"
        ),
    )


class PartnerMergeStep(Base):
    """What a person did about a merge, and why; insert-only."""

    __tablename__ = "partner_merge_steps"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    merge_id: Mapped[UUID] = mapped_column(ForeignKey("partner_merges.id"))
    kind: Mapped[str] = mapped_column(Text)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    office: Mapped[str | None] = mapped_column(Text)
    role: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())

    __table_args__ = (
        Index("ix_partner_merge_steps_merge_id_id", "merge_id", "id"),
        CheckConstraint(
            "kind IN ('proposed', 'approved', 'rejected', 'withdrawn', 'undo_proposed', "
            "'undo_approved', 'undo_rejected')",
            name="kind",
        ),
        CheckConstraint("length(reason) BETWEEN 1 AND 4000", name="reason"),
    )
