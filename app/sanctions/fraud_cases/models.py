"""Tables of fraud cases: what an oversight office established, and what was recovered.

No column takes a narrative: codes, days, amounts and short references only. What happened stays
with the oversight office. Amounts are not sealed, so that the database keeps them in order
whoever writes at the same time; row security shows them to their readers.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Computed,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Numeric,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.acl import AclColumns
from app.core.db import Base

_USD = Numeric(20, 2)
_REFERENCE = "~ '^[A-Za-z0-9][A-Za-z0-9_./:-]{0,39}$'"
_TYPES = (
    "'fraud', 'corruption', 'theft_or_diversion', 'sea', 'terrorism_financing', 'other_misconduct'"
)
STAGES = ("presumptive", "under_investigation", "substantiated", "unsubstantiated", "closed")
REFERRALS = ("none", "under_legal_review", "referred", "accepted", "declined", "concluded")
RECOVERIES = (
    *("none", "demand_letter", "repayment_plan", "set_off", "civil_action"),
    *("criminal_restitution", "closed"),
)


def _one_of(column: str, codes: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(code) for code in codes)})"


class FraudCase(Base):
    """One case of an oversight office. ``outcome`` stays when it is closed.

    ``recovered_usd`` and ``written_off_usd`` are sums that a trigger alone writes. A case of
    sexual exploitation and abuse is a marker: that there is one, and its stage.
    """

    __tablename__ = "fraud_cases"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    owner_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    reference: Mapped[str] = mapped_column(Text)
    case_type: Mapped[str] = mapped_column(Text)
    stage: Mapped[str] = mapped_column(Text, server_default="presumptive")
    outcome: Mapped[str | None] = mapped_column(Text)
    outcome_on: Mapped[date | None]
    closed_on: Mapped[date | None]
    loss_usd: Mapped[Decimal] = mapped_column(_USD, server_default="0")
    recovered_usd: Mapped[Decimal] = mapped_column(_USD, server_default="0")
    written_off_usd: Mapped[Decimal] = mapped_column(_USD, server_default="0")
    outstanding_usd: Mapped[Decimal] = mapped_column(
        _USD, Computed("loss_usd - recovered_usd - written_off_usd", persisted=True)
    )
    national_referral: Mapped[str] = mapped_column(Text, server_default="none")
    referred_on: Mapped[date | None]
    authority_kind: Mapped[str | None] = mapped_column(Text)
    authority_country: Mapped[str | None] = mapped_column(Text)
    asset_recovery: Mapped[str] = mapped_column(Text, server_default="none")
    # Not foreign keys: a measure is erased by its own period, and its id stays as it was.
    sanction_case_id: Mapped[UUID | None]
    entry_id: Mapped[UUID | None]
    published_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    published_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    changed_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    opened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    version: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        UniqueConstraint("id", "owner_agency"),
        UniqueConstraint("owner_agency", "reference", "partner_id"),
        Index("ix_fraud_cases_partner_id", "partner_id"),
        Index("ix_fraud_cases_owner_agency_opened_at_id", "owner_agency", "opened_at", "id"),
        Index(
            "ix_fraud_cases_published_at_id",
            "published_at",
            "id",
            postgresql_where=text("published_at IS NOT NULL"),
        ),
        CheckConstraint(f"reference {_REFERENCE}", name="reference"),
        CheckConstraint(f"case_type IN ({_TYPES})", name="case_type"),
        CheckConstraint(_one_of("stage", STAGES), name="stage"),
        CheckConstraint("outcome IN ('substantiated', 'unsubstantiated')", name="outcome"),
        CheckConstraint(
            "(outcome IS NULL) = (stage IN ('presumptive', 'under_investigation')) "
            "AND (outcome IS NULL) = (outcome_on IS NULL) "
            "AND (stage = 'closed' OR outcome IS NULL OR outcome = stage)",
            name="outcome_of_stage",
        ),
        CheckConstraint("(closed_on IS NULL) = (stage <> 'closed')", name="closed"),
        CheckConstraint(
            "loss_usd >= 0 AND recovered_usd >= 0 AND written_off_usd >= 0 AND loss_usd <> 'NaN'",
            name="amounts",
        ),
        CheckConstraint("recovered_usd + written_off_usd <= loss_usd", name="outstanding"),
        # Closed with money outstanding, a case would hide what is still missing.
        CheckConstraint(
            "stage <> 'closed' OR outcome <> 'substantiated' "
            "OR recovered_usd + written_off_usd = loss_usd",
            name="settled",
        ),
        CheckConstraint(_one_of("national_referral", REFERRALS), name="national_referral"),
        CheckConstraint(
            "num_nulls(referred_on, authority_kind, authority_country) = "
            "CASE WHEN national_referral IN ('none', 'under_legal_review') THEN 3 ELSE 0 END",
            name="referred",
        ),
        CheckConstraint("authority_kind ~ '^[A-Z_]{1,40}$'", name="authority_kind"),
        CheckConstraint("authority_country ~ '^[A-Z]{3}$'", name="authority_country"),
        CheckConstraint(_one_of("asset_recovery", RECOVERIES), name="asset_recovery"),
        CheckConstraint(
            "case_type <> 'sea' OR (loss_usd = 0 AND national_referral = 'none' "
            "AND asset_recovery = 'none' AND published_at IS NULL "
            "AND num_nulls(sanction_case_id, entry_id) = 2)",
            name="sea_marker",
        ),
        CheckConstraint("num_nulls(published_by, published_at) <> 1", name="published"),
        CheckConstraint(
            "published_at IS NULL OR coalesce(outcome, '') = 'substantiated'",
            name="published_substantiated",
        ),
        CheckConstraint("version >= 1", name="version"),
    )


class FraudCaseHistory(Base):
    """What a case was known to be at each version; a trigger writes it, whoever changes a case."""

    __tablename__ = "fraud_case_history"

    fraud_case_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    owner_agency: Mapped[UUID]
    stage: Mapped[str] = mapped_column(Text)
    loss_usd: Mapped[Decimal] = mapped_column(_USD)
    recovered_usd: Mapped[Decimal] = mapped_column(_USD)
    written_off_usd: Mapped[Decimal] = mapped_column(_USD)
    national_referral: Mapped[str] = mapped_column(Text)
    referred_on: Mapped[date | None]
    authority_kind: Mapped[str | None] = mapped_column(Text)
    authority_country: Mapped[str | None] = mapped_column(Text)
    asset_recovery: Mapped[str] = mapped_column(Text)
    sanction_case_id: Mapped[UUID | None]
    entry_id: Mapped[UUID | None]
    published: Mapped[bool]
    changed_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )

    __table_args__ = (
        ForeignKeyConstraint(
            ["fraud_case_id", "owner_agency"],
            ["fraud_cases.id", "fraud_cases.owner_agency"],
            name="fk_fraud_case_history_fraud_cases",
        ),
    )


class FraudCaseAct(Base):
    """What needs two persons: that a case is substantiated, and that money is written off."""

    __tablename__ = "fraud_case_acts"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    fraud_case_id: Mapped[UUID]
    owner_agency: Mapped[UUID]
    kind: Mapped[str] = mapped_column(Text)
    amount_usd: Mapped[Decimal | None] = mapped_column(_USD)
    reference: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="proposed")
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    proposed_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        ForeignKeyConstraint(
            ["fraud_case_id", "owner_agency"],
            ["fraud_cases.id", "fraud_cases.owner_agency"],
            name="fk_fraud_case_acts_fraud_cases",
        ),
        Index("ix_fraud_case_acts_fraud_case_id", "fraud_case_id", "proposed_at"),
        Index(
            "uq_fraud_case_acts_open",
            "fraud_case_id",
            "kind",
            unique=True,
            postgresql_where=text("state = 'proposed'"),
        ),
        CheckConstraint("kind IN ('substantiate', 'write_off')", name="kind"),
        CheckConstraint(
            "(kind = 'write_off') = (amount_usd IS NOT NULL) AND amount_usd > 0", name="amount_usd"
        ),
        CheckConstraint(f"reference {_REFERENCE}", name="reference"),
        CheckConstraint("state IN ('proposed', 'approved', 'rejected')", name="state"),
        CheckConstraint(
            "num_nulls(decided_by, decided_at) = CASE state WHEN 'proposed' THEN 2 ELSE 0 END",
            name="decided",
        ),
        CheckConstraint("decided_by <> proposed_by", name="two_persons"),
    )


class FraudCaseAmount(Base):
    """Money that came back, or was given up; append-only. A wrong entry is reversed by another."""

    __tablename__ = "fraud_case_amounts"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    fraud_case_id: Mapped[UUID]
    owner_agency: Mapped[UUID]
    kind: Mapped[str] = mapped_column(Text)
    amount_usd: Mapped[Decimal] = mapped_column(_USD)
    booked_on: Mapped[date]
    reference: Mapped[str] = mapped_column(Text)
    act_id: Mapped[UUID | None] = mapped_column(ForeignKey("fraud_case_acts.id"), unique=True)
    reverses: Mapped[UUID | None] = mapped_column(ForeignKey("fraud_case_amounts.id"), unique=True)
    recorded_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    recorded_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now()
    )

    __table_args__ = (
        ForeignKeyConstraint(
            ["fraud_case_id", "owner_agency"],
            ["fraud_cases.id", "fraud_cases.owner_agency"],
            name="fk_fraud_case_amounts_fraud_cases",
        ),
        Index("ix_fraud_case_amounts_fraud_case_id", "fraud_case_id", "recorded_at"),
        CheckConstraint("kind IN ('recovered', 'written_off')", name="kind"),
        CheckConstraint("(kind = 'written_off') = (act_id IS NOT NULL)", name="act_id"),
        CheckConstraint("amount_usd <> 0 AND amount_usd <> 'NaN'", name="amount_usd"),
        CheckConstraint("(reverses IS NULL) = (amount_usd > 0)", name="reverses"),
        CheckConstraint(f"reference {_REFERENCE}", name="reference"),
    )


class FraudCaseAcl(AclColumns, Base):
    """Agencies that the oversight office lets read a case, for a purpose and a time."""

    __tablename__ = "fraud_cases_acl"
    __record_table__ = "fraud_cases"
