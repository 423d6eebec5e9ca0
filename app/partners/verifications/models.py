"""Tables of verifications and of deactivations."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Date,
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
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base
from app.partners.models import Partner

Index(
    "ix_partners_verified_until",
    Partner.verified_until,
    postgresql_where=text("verified_until IS NOT NULL"),
)
"""For the worker, which asks what ends."""


class VerificationQuestionSet(Base):
    """What a version of the questions asks and how long its answers hold; rows of the migrations.

    The texts are in ``data/questions.json``; a test holds the two together.
    """

    __tablename__ = "verification_question_sets"

    version: Mapped[str] = mapped_column(Text, primary_key=True)
    effective_from: Mapped[date] = mapped_column(Date)
    needed: Mapped[dict[str, bool]] = mapped_column(JSONB)
    partner_types: Mapped[list[str]] = mapped_column(ARRAY(Text))
    valid_months: Mapped[int] = mapped_column(SmallInteger)
    declaration_types: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")

    __table_args__ = (CheckConstraint("valid_months > 0", name="valid_months"),)


class PartnerVerification(Base):
    """One agency's answers about a partner; append-only.

    A trigger sets ``sequence`` (the order of recording), ``result``, ``valid_until``,
    ``legal_fields`` (a hash of what was verified) and ``contradicts`` (other agencies'
    verifications that held and say the opposite), and writes the outcome into the profile.
    """

    __tablename__ = "partner_verifications"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    sequence: Mapped[int]
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    question_set: Mapped[str] = mapped_column(
        ForeignKey(
            "verification_question_sets.version", name="fk_partner_verifications_question_set"
        )
    )
    answers: Mapped[dict[str, bool]] = mapped_column(JSONB)
    flags_shown: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default="{}")
    result: Mapped[str] = mapped_column(Text)
    verified_on: Mapped[date] = mapped_column(Date, server_default=text("CURRENT_DATE"))
    valid_until: Mapped[date | None] = mapped_column(Date)
    legal_fields: Mapped[str] = mapped_column(Text)
    contradicts: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid), server_default="{}")
    recorded_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )

    __table_args__ = (
        UniqueConstraint("partner_id", "sequence"),
        UniqueConstraint("id", "agency_id"),
        CheckConstraint("result IN ('verified', 'unverified')", name="result"),
        CheckConstraint("(result = 'verified') = (valid_until IS NOT NULL)", name="valid_until"),
        CheckConstraint("verified_on <= CURRENT_DATE", name="verified_on"),
    )


class PartnerVerificationNote(Base):
    """What was written to the answers, sealed for its agency: RESTRICTED."""

    __tablename__ = "partner_verification_notes"

    verification_id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_agency: Mapped[UUID]
    reasoned: Mapped[bool]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (
        ForeignKeyConstraint(
            ["verification_id", "owner_agency"],
            ["partner_verifications.id", "partner_verifications.agency_id"],
            name="fk_partner_verification_notes_record",
        ),
    )


class VerificationNotice(Base):
    """That the end of a verification was told of so many days before: once."""

    __tablename__ = "verification_notices"

    verification_id: Mapped[UUID] = mapped_column(
        ForeignKey("partner_verifications.id"), primary_key=True
    )
    days: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class PartnerDeactivation(Base):
    """A deactivation or its reverse: one person proposes, another of the same agency decides."""

    __tablename__ = "partner_deactivations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    kind: Mapped[str] = mapped_column(Text)
    reason_code: Mapped[str] = mapped_column(Text)
    sealed_reason: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_decision: Mapped[bytes | None] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(Text, server_default="proposed")
    version: Mapped[int] = mapped_column(server_default="1")
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    proposed_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        CheckConstraint("kind IN ('deactivate', 'reactivate')", name="kind"),
        CheckConstraint("reason_code ~ '^[A-Z_]{1,40}$'", name="reason_code"),
        CheckConstraint("state IN ('proposed', 'approved', 'refused')", name="state"),
        CheckConstraint("decided_by <> proposed_by", name="two_persons"),
        CheckConstraint(
            "num_nulls(decided_by, decided_at, sealed_decision) = "
            "CASE WHEN state = 'proposed' THEN 3 ELSE 0 END",
            name="decided",
        ),
        Index(
            "uq_partner_deactivations_partner_id_agency_id",
            "partner_id",
            "agency_id",
            unique=True,
            postgresql_where=text("state = 'proposed'"),
        ),
        Index("ix_partner_deactivations_partner_id", "partner_id"),
    )
