"""Tables of what goes with a case: procedures, parties, interim suspensions, appeals, releases."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base
from app.sanctions.cases.models import STEPS

NOW = func.now()


def _respondent(table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["respondent_id", "case_id", "agency_id"],
        [
            "sanction_respondents.id",
            "sanction_respondents.case_id",
            "sanction_respondents.agency_id",
        ],
        name=f"fk_{table}_respondent",
    )


class SanctionProcedure(Base):
    """How an agency runs its cases: a version, approved by a second person, with its legal basis.

    The row without an agency is the common floor: what holds where an agency has none of its own,
    and what no approved version may fall below.
    """

    __tablename__ = "sanction_procedures"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    number: Mapped[int]
    state: Mapped[str] = mapped_column(Text, server_default="proposed")
    effective_from: Mapped[date]
    legal_basis: Mapped[str] = mapped_column(Text)
    appeal_body: Mapped[str] = mapped_column(Text)
    reply_period_days: Mapped[int]
    appeal_days: Mapped[int]
    appeal_suspensive: Mapped[bool]
    interim_months: Mapped[int]
    interim_renewals: Mapped[int]
    review_months: Mapped[int]
    panel_form: Mapped[str] = mapped_column(Text)
    panel_members: Mapped[int]
    departure: Mapped[str] = mapped_column(Text)
    proposed_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    proposed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        UniqueConstraint("agency_id", "number", postgresql_nulls_not_distinct=True),
        CheckConstraint("state IN ('proposed', 'approved', 'refused')", name="state"),
        CheckConstraint("agency_id IS NULL OR proposed_by IS NOT NULL", name="proposed_by"),
        CheckConstraint("decided_by <> proposed_by", name="two_persons"),
        CheckConstraint(
            "agency_id IS NULL OR (num_nulls(decided_by, decided_at) = "
            "CASE state WHEN 'proposed' THEN 2 ELSE 0 END)",
            name="decided",
        ),
        CheckConstraint("agency_id IS NOT NULL OR state = 'approved'", name="floor"),
        CheckConstraint("panel_form IN ('reviewer', 'panel')", name="panel_form"),
        CheckConstraint("departure IN ('refused', 'with_reasons')", name="departure"),
        CheckConstraint(
            "least(reply_period_days, appeal_days, interim_months, review_months, panel_members, "
            "number) >= 1 AND interim_renewals >= 0",
            name="periods",
        ),
    )


class SanctionCaseParty(Base):
    """Another agency in a case: it joined, or lends its panel. ``parts``: kinds of steps it reads.

    The lead invites and may end it; the other accepts or declines.
    """

    __tablename__ = "sanction_case_parties"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID]
    agency_id: Mapped[UUID]
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    party_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    role: Mapped[str] = mapped_column(Text)
    parts: Mapped[list[str]] = mapped_column(ARRAY(Text))
    state: Mapped[str] = mapped_column(Text, server_default="invited")
    invited_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    invited_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    answered_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    answered_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        ForeignKeyConstraint(
            ["case_id", "agency_id"],
            ["sanction_cases.id", "sanction_cases.agency_id"],
            name="fk_sanction_case_parties_case",
        ),
        Index(
            "uq_sanction_case_parties_open",
            "case_id",
            "party_agency",
            "role",
            unique=True,
            postgresql_where=text("state IN ('invited', 'accepted')"),
        ),
        Index("ix_sanction_case_parties_party_agency", "party_agency", "id"),
        CheckConstraint("party_agency <> agency_id", name="another"),
        CheckConstraint("role IN ('joint', 'panel')", name="role"),
        CheckConstraint("state IN ('invited', 'accepted', 'declined', 'ended')", name="state"),
        CheckConstraint(
            f"parts <@ ARRAY[{', '.join(repr(kind) for kind in STEPS)}]::text[]", name="parts"
        ),
        CheckConstraint(
            "num_nulls(answered_by, answered_at) IN (0, 2) "
            "AND (state NOT IN ('accepted', 'declined') OR answered_by IS NOT NULL)",
            name="answered",
        ),
        CheckConstraint(
            "num_nulls(ended_by, ended_at) = CASE state WHEN 'ended' THEN 0 ELSE 2 END",
            name="ended",
        ),
    )


class SanctionInterim(Base):
    """An interim suspension while a case lasts, or its renewal, decided by another person."""

    __tablename__ = "sanction_interims"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID]
    agency_id: Mapped[UUID]
    respondent_id: Mapped[UUID]
    number: Mapped[int]
    decided_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    decided_on: Mapped[date]
    effective_from: Mapped[date]
    until_on: Mapped[date]
    entry_id: Mapped[UUID | None]
    ended_on: Mapped[date | None]

    __table_args__ = (
        _respondent("sanction_interims"),
        UniqueConstraint("respondent_id", "number"),
        CheckConstraint("number >= 0", name="number"),
        CheckConstraint("effective_from >= decided_on", name="from_decision"),
        CheckConstraint("until_on >= effective_from", name="period"),
        CheckConstraint("ended_on >= decided_on", name="ended"),
    )


class SanctionAppeal(Base):
    """An appeal against a decision, or a request to reconsider it; decided by another person."""

    __tablename__ = "sanction_appeals"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID]
    agency_id: Mapped[UUID]
    respondent_id: Mapped[UUID]
    partner_id: Mapped[UUID | None] = mapped_column(ForeignKey("partners.id"))
    kind: Mapped[str] = mapped_column(Text)
    by_partner: Mapped[bool]
    suspensive: Mapped[bool]
    filed_on: Mapped[date]
    outcome: Mapped[str | None] = mapped_column(Text)
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_on: Mapped[date | None]
    version: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        _respondent("sanction_appeals"),
        Index(
            "uq_sanction_appeals_open",
            "respondent_id",
            unique=True,
            postgresql_where=text("outcome IS NULL"),
        ),
        Index("ix_sanction_appeals_case_id", "case_id"),
        CheckConstraint("kind IN ('appeal', 'reconsideration')", name="kind"),
        CheckConstraint("outcome IN ('upheld', 'reduced', 'overturned')", name="outcome"),
        CheckConstraint("num_nulls(outcome, decided_by, decided_on) IN (0, 3)", name="decided"),
        CheckConstraint("decided_on >= filed_on", name="decided_after"),
        CheckConstraint("NOT by_partner OR partner_id IS NOT NULL", name="by_partner"),
    )


class SanctionRelease(Base):
    """The way out of a conditional measure: evidence, its check by a second person, the decision
    of a third.
    """

    __tablename__ = "sanction_releases"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID]
    agency_id: Mapped[UUID]
    respondent_id: Mapped[UUID]
    recorded_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    recorded_on: Mapped[date]
    verified: Mapped[bool | None]
    verified_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    verified_on: Mapped[date | None]
    outcome: Mapped[str | None] = mapped_column(Text)
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_on: Mapped[date | None]
    version: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        _respondent("sanction_releases"),
        Index(
            "uq_sanction_releases_open",
            "respondent_id",
            unique=True,
            postgresql_where=text("outcome IS NULL"),
        ),
        Index("ix_sanction_releases_case_id", "case_id"),
        CheckConstraint("verified_by <> recorded_by", name="verified_by"),
        CheckConstraint(
            "decided_by <> recorded_by AND decided_by <> verified_by", name="three_persons"
        ),
        CheckConstraint("num_nulls(verified, verified_by, verified_on) IN (0, 3)", name="verified"),
        CheckConstraint("num_nulls(outcome, decided_by, decided_on) IN (0, 3)", name="decided"),
        CheckConstraint(
            "outcome IS NULL OR (outcome = 'refused' AND verified_by IS NOT NULL) "
            "OR (outcome = 'released' AND verified)",
            name="outcome",
        ),
    )
