"""Tables of exceptions: redactions, legal holds, withholdings, and the operator's break-glass."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, LargeBinary, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

NOW = func.now()
WORDS = (
    *("case_individual", "entry_act", "entry_condition", "entry_lift", "match_question"),
    "entry_recognition",
)
"""Words that are added to later, and may then be hidden once more."""
_AGAIN = ", ".join(repr(kind) for kind in WORDS)


class Redaction(Base):
    """Content that one person hid; a second one has it destroyed, or brought back.

    A trigger hides with the row and destroys with its confirmation. The row stays, as tombstone.
    ``record_id`` is the record that the subject is part of, or the subject itself. Only a measure
    on a person has no partner.
    """

    __tablename__ = "redactions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    subject_kind: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[UUID]
    record_id: Mapped[UUID]
    partner_id: Mapped[UUID | None]
    sealed_reason: Mapped[bytes] = mapped_column(LargeBinary)
    requested_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    requested_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    decide_by: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=text("(now() + interval '72 hours')")
    )
    state: Mapped[str] = mapped_column(Text, server_default="hidden")
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    sealed_decision: Mapped[bytes | None] = mapped_column(LargeBinary)
    reminded_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        CheckConstraint(
            "subject_kind IN ('assessment', 'case_step', 'plan_action', 'plan_step', 'share', "
            f"'access_request', 'transfer_restriction', 'match_decision', {_AGAIN})",
            name="subject_kind",
        ),
        CheckConstraint("state IN ('hidden', 'confirmed', 'undone')", name="state"),
        CheckConstraint("decided_by <> requested_by", name="two_persons"),
        CheckConstraint(
            "(state = 'hidden') = (decided_by IS NULL) AND "
            "num_nulls(decided_by, decided_at, sealed_decision) IN (0, 3)",
            name="decided",
        ),
        # One that was undone is history; the same content may be hidden again. The texts of an
        # access request are of two agencies, and each hides its own.
        Index(
            "uq_redactions_subject_id",
            *("subject_id", "agency_id"),
            unique=True,
            postgresql_where=text(
                f"state = 'hidden' OR (state = 'confirmed' AND subject_kind NOT IN ({_AGAIN}))"
            ),
        ),
        Index("ix_redactions_agency_id_id", "agency_id", "id"),
        Index("ix_redactions_decide_by", "decide_by", postgresql_where=text("state = 'hidden'")),
    )


class HiddenWords(Base):
    """Words that are hidden, until a second person has decided; nobody reads them here.

    ``place`` is the column they were taken from. Those that were not sealed are ``words``.
    """

    __tablename__ = "hidden_words"

    redaction_id: Mapped[UUID] = mapped_column(ForeignKey("redactions.id"), primary_key=True)
    place: Mapped[str] = mapped_column(Text, primary_key=True)
    subject_id: Mapped[UUID]
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    words: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        CheckConstraint("num_nonnulls(sealed, words) = 1", name="words"),
        Index("ix_hidden_words_subject_id", "subject_id"),
    )


class LegalHold(Base):
    """A record that nothing may destroy until a second person of its agency releases it."""

    __tablename__ = "legal_holds"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    subject_kind: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[UUID]
    sealed_reason: Mapped[bytes] = mapped_column(LargeBinary)
    review_on: Mapped[date]
    set_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    set_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    renewed_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    renewed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    released_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    released_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    sealed_release: Mapped[bytes | None] = mapped_column(LargeBinary)
    version: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        CheckConstraint(
            "subject_kind IN ('assessment', 'sanction_case', 'case_step', 'partner')",
            name="subject_kind",
        ),
        CheckConstraint("released_by <> set_by", name="two_persons"),
        CheckConstraint(
            "num_nulls(released_by, released_at, sealed_release) IN (0, 3)", name="released"
        ),
        CheckConstraint("num_nulls(renewed_by, renewed_at) <> 1", name="renewed"),
        Index(
            "ix_legal_holds_subject_id",
            "subject_id",
            postgresql_where=text("released_at IS NULL"),
        ),
        Index("ix_legal_holds_agency_id_id", "agency_id", "id"),
        Index(
            "ix_legal_holds_review_on", "review_on", postgresql_where=text("released_at IS NULL")
        ),
    )


class Withholding(Base):
    """What an oversight office keeps back for a time: from an owner's oversight, or a partner.

    ``read_log`` keeps back who read, from the owner; the other kinds keep a statement, a flag or
    a step of a case from the partner it speaks of. ``since`` is its start or last renewal.
    """

    __tablename__ = "withholdings"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    subject_kind: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[UUID | None]
    partner_id: Mapped[UUID | None]
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    sealed_reason: Mapped[bytes] = mapped_column(LargeBinary)
    set_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    set_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    renewed_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    ended_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        CheckConstraint(
            "subject_kind IN ('read_log', 'statement', 'flag', 'case_step', 'match_facts')",
            name="subject_kind",
        ),
        CheckConstraint(
            "num_nonnulls(subject_id, partner_id) = 1 "
            "AND (partner_id IS NULL OR subject_kind = 'read_log')",
            name="subject",
        ),
        # Six months are at most 184 days; the sum of a time and days does not depend on a zone
        # when the server's is UTC.
        CheckConstraint("until > since AND until <= since + interval '184 days'", name="until"),
        CheckConstraint("renewed_by <> set_by", name="two_persons"),
        CheckConstraint("since = set_at OR renewed_by IS NOT NULL", name="renewed"),
        CheckConstraint("(ended_by IS NULL) = (ended_at IS NULL)", name="ended"),
        Index(
            "ix_withholdings_subject_id",
            "subject_id",
            postgresql_where=text("ended_at IS NULL AND subject_id IS NOT NULL"),
        ),
        Index(
            "ix_withholdings_partner_id",
            "partner_id",
            postgresql_where=text("ended_at IS NULL AND partner_id IS NOT NULL"),
        ),
        Index("ix_withholdings_agency_id_id", "agency_id", "id"),
    )


class Operator(Base):
    """A person who runs the service and may take part in break-glass; known by a public key."""

    __tablename__ = "operators"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    public: Mapped[str] = mapped_column(Text)
    added_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    removed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        CheckConstraint("name ~ '^[a-z][a-z0-9._-]{1,39}$'", name="name"),
        # One key is one person: whoever held two names could approve what they asked for.
        Index("uq_operators_public", "public", unique=True),
    )


class BreakGlass(Base):
    """The operator's way to one record's content: two signatures, one hour, the owner is told.

    ``asked`` and ``approved`` are the statements that were signed.
    """

    __tablename__ = "break_glass"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    record_kind: Mapped[str] = mapped_column(Text)
    record_id: Mapped[UUID]
    sealed_reason: Mapped[bytes] = mapped_column(LargeBinary)
    asked_by: Mapped[str] = mapped_column(ForeignKey("operators.name"))
    asked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    asked: Mapped[dict[str, Any]] = mapped_column(JSONB)
    asked_signature: Mapped[bytes] = mapped_column(LargeBinary)
    approved_by: Mapped[str | None] = mapped_column(ForeignKey("operators.name"))
    approved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    approved: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    approved_signature: Mapped[bytes | None] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        CheckConstraint("record_kind IN ('assessment', 'sanction_case')", name="record_kind"),
        CheckConstraint("approved_by <> asked_by", name="two_persons"),
        CheckConstraint(
            "num_nulls(approved_by, approved_at, approved, approved_signature, expires_at) "
            "IN (0, 5)",
            name="approved",
        ),
        CheckConstraint("expires_at <= approved_at + interval '1 hour'", name="one_hour"),
        Index("ix_break_glass_record_id", "record_id"),
    )
