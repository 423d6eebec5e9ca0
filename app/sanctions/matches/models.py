"""Tables of potential matches: the pair, what agencies decided of it, what its partner was asked.

Who may write what is the database's to say: decisions move the state of their pair, and with it
what holds the partner back, by triggers (see the migration `matches`).
"""

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
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

_AT = DateTime(timezone=True)


class ScreeningMatch(Base):
    """A pair of a subject and a listed party that may be the same.

    One row for all agencies where the list counts for all; one an agency, its ``holder``, where it
    switched the list on for itself. ``person_id`` names an entry of the partner's people, without
    a key: that entry is erased on its own day. The hashes are those of `Found`; ``round`` counts
    how often one of them changed. The digests are what of both sides the database itself can
    compare at the moment of a clearance (of people: nothing). ``gone_at``: the pair is no longer
    found. ``state`` and ``settled_at`` are a trigger's.
    """

    __tablename__ = "screening_matches"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    person_id: Mapped[UUID | None]
    entry_id: Mapped[UUID]
    holder: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    source: Mapped[str] = mapped_column(Text)
    reference: Mapped[str] = mapped_column(Text)
    subject_hash: Mapped[bytes] = mapped_column(LargeBinary)
    entry_hash: Mapped[bytes] = mapped_column(LargeBinary)
    subject_digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    entry_digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    round: Mapped[int] = mapped_column(server_default="1")
    score: Mapped[float]
    script: Mapped[str] = mapped_column(Text)
    public_office: Mapped[bool]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(Text, server_default="open")
    opened_at: Mapped[datetime] = mapped_column(_AT, server_default=func.now())
    due_at: Mapped[datetime] = mapped_column(_AT)
    emergency: Mapped[bool] = mapped_column(server_default="false")
    escalated_at: Mapped[datetime | None] = mapped_column(_AT)
    gone_at: Mapped[datetime | None] = mapped_column(_AT)
    settled_at: Mapped[datetime | None] = mapped_column(_AT)
    version: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        UniqueConstraint(
            *("partner_id", "person_id", "entry_id", "holder"), postgresql_nulls_not_distinct=True
        ),
        Index("ix_screening_matches_entry_id", "entry_id"),
        Index("ix_screening_matches_due_at_id", "due_at", "id"),
        Index(
            "ix_screening_matches_live", "partner_id", postgresql_where=text("state <> 'obsolete'")
        ),
        Index(
            "ix_screening_matches_overdue",
            "due_at",
            postgresql_where=text("state = 'open' AND escalated_at IS NULL"),
        ),
        CheckConstraint("state IN ('open', 'decided', 'obsolete')", name="state"),
        CheckConstraint("(state = 'obsolete') = (gone_at IS NOT NULL)", name="gone"),
        CheckConstraint("(state = 'open') = (settled_at IS NULL)", name="settled"),
        CheckConstraint("round >= 1 AND version >= 1", name="version"),
        CheckConstraint("score BETWEEN 0 AND 1", name="score"),
    )


class MatchDecision(Base):
    """One agency's own word on a pair, as it was in one round.

    ``proposed`` ones wait for a second person; ``standing`` ones count; ``refused``, ``revised``
    and ``lapsed`` ones are history, as is whatever belongs to a former round. ``accepted_from``
    names the decision of another agency that this one took over.
    """

    __tablename__ = "match_decisions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    match_id: Mapped[UUID]
    owner_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    match_version: Mapped[int]
    round: Mapped[int]
    subject_hash: Mapped[bytes] = mapped_column(LargeBinary)
    entry_hash: Mapped[bytes] = mapped_column(LargeBinary)
    decision: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    accepted_from: Mapped[UUID | None] = mapped_column(ForeignKey("match_decisions.id"))
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    proposed_at: Mapped[datetime] = mapped_column(_AT, server_default=func.now())
    confirmed_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    confirmed_at: Mapped[datetime | None] = mapped_column(_AT)
    ended_at: Mapped[datetime | None] = mapped_column(_AT)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_confirmation: Mapped[bytes | None] = mapped_column(LargeBinary)
    redacted: Mapped[bool] = mapped_column(server_default="false")

    __table_args__ = (
        ForeignKeyConstraint(
            ["match_id"], ["screening_matches.id"], name="fk_match_decisions_matches"
        ),
        Index("ix_match_decisions_match_id", "match_id", "owner_agency"),
        Index("ix_match_decisions_owner_agency", "owner_agency", "id"),
        Index("ix_match_decisions_accepted_from", "accepted_from"),
        *(
            Index(
                f"uq_match_decisions_{state}",
                *("match_id", "owner_agency", "round"),
                unique=True,
                postgresql_where=text(f"state = '{state}'"),
            )
            for state in ("proposed", "standing")
        ),
        CheckConstraint("decision IN ('NOT_A_MATCH', 'TRUE_MATCH')", name="decision"),
        CheckConstraint(
            "state IN ('proposed', 'standing', 'refused', 'revised', 'lapsed')", name="state"
        ),
        CheckConstraint("confirmed_by <> proposed_by", name="two_persons"),
        CheckConstraint(
            "num_nulls(confirmed_by, confirmed_at, sealed_confirmation) IN (0, 3)",
            name="confirmed",
        ),
        CheckConstraint(
            "decision <> 'TRUE_MATCH' OR state IN ('proposed', 'lapsed') "
            "OR confirmed_by IS NOT NULL",
            name="true_match_confirmed",
        ),
        CheckConstraint("state <> 'proposed' OR confirmed_by IS NULL", name="proposed"),
        CheckConstraint("(state IN ('proposed', 'standing')) = (ended_at IS NULL)", name="ended"),
        CheckConstraint("accepted_from IS NULL OR decision = 'NOT_A_MATCH'", name="accepted"),
    )


class MatchQuestion(Base):
    """Facts that an agency asked a partner for, to tell it or its person from a listed one.

    The partner sees which kinds, and nothing of the pair. ``sealed`` is the asker's own reason.
    """

    __tablename__ = "match_questions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    match_id: Mapped[UUID]
    owner_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    round: Mapped[int]
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    person_id: Mapped[UUID | None]
    kinds: Mapped[list[str]] = mapped_column(ARRAY(Text))
    state: Mapped[str] = mapped_column(Text, server_default="open")
    asked_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    asked_at: Mapped[datetime] = mapped_column(_AT, server_default=func.now())
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    answered_at: Mapped[datetime | None] = mapped_column(_AT)
    answered_client: Mapped[str | None] = mapped_column(Text)
    sealed_answer: Mapped[bytes | None] = mapped_column(LargeBinary)

    __table_args__ = (
        ForeignKeyConstraint(
            ["match_id"], ["screening_matches.id"], name="fk_match_questions_matches"
        ),
        Index("ix_match_questions_match_id", "match_id", "owner_agency"),
        Index("ix_match_questions_owner_agency", "owner_agency", "id"),
        Index("ix_match_questions_partner_id", "partner_id", "id"),
        Index(
            "uq_match_questions_open",
            *("match_id", "owner_agency"),
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
        CheckConstraint("cardinality(kinds) > 0", name="kinds"),
        CheckConstraint("state IN ('open', 'answered', 'closed')", name="state"),
        CheckConstraint(
            "num_nulls(answered_at, answered_client, sealed_answer) "
            "= CASE state WHEN 'answered' THEN 0 ELSE 3 END",
            name="answered",
        ),
    )
