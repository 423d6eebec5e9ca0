"""Tables of observations and flags: the summary, its sealed text, and every step."""

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
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

NOW = func.now()
_CODE = "~ '^[A-Z_]{1,40}$'"


class PartnerFlag(Base):
    """What every agency may know of an observation or flag: that it is there, not what it says.

    Kind and state move by actions alone (trigger ``partner_flags_step``). ``office`` is the
    author's: it, not the person, may go on with the flag. ``until`` is the end of a red flag.
    """

    __tablename__ = "partner_flags"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    owner_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    office: Mapped[str] = mapped_column(Text)
    author: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    kind: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    category: Mapped[str] = mapped_column(Text)
    risk_category: Mapped[str | None] = mapped_column(Text)
    contact_office: Mapped[str] = mapped_column(Text)
    contact_email: Mapped[str] = mapped_column(Text)
    review_by: Mapped[date]
    partner_visible: Mapped[bool] = mapped_column(server_default="false")
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    escalated_once: Mapped[bool] = mapped_column(server_default="false")
    escalated_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    renewed_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    renewed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    closed_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    replaced_by: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        UniqueConstraint("id", "owner_agency"),
        Index("ix_partner_flags_partner_id_made_at_id", "partner_id", "made_at", "id"),
        Index(
            "ix_partner_flags_until",
            "until",
            postgresql_where=text("kind = 'RED' AND state = 'confirmed'"),
        ),
        CheckConstraint(
            "(kind = 'OBSERVATION' AND state IN ('open', 'invalid')) "
            "OR (kind = 'YELLOW' AND state IN ('open', 'escalated', 'deferred', 'invalid')) "
            "OR (kind = 'RED' AND state IN ('confirmed', 'invalid', 'lapsed'))",
            name="state",
        ),
        CheckConstraint(f"category {_CODE}", name="category"),
        CheckConstraint(f"risk_category {_CODE}", name="risk_category"),
        CheckConstraint("escalated_once = (escalated_by IS NOT NULL)", name="escalated_by"),
        CheckConstraint("escalated_once OR state NOT IN ('escalated', 'deferred')", name="once"),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_by"),
        CheckConstraint(
            "decided_by IS NOT NULL OR (kind <> 'RED' AND state <> 'deferred')", name="decided"
        ),
        # Whoever escalated does not decide; nor does who wrote what was escalated.
        CheckConstraint(
            "NOT escalated_once OR (decided_by <> escalated_by AND decided_by <> author)",
            name="two_persons",
        ),
        CheckConstraint("(kind = 'RED') = (until IS NOT NULL)", name="red_until"),
        # Six months are at most 184 days, from the decision or the one renewal.
        CheckConstraint(
            "until <= coalesce(renewed_at, decided_at) + interval '184 days'", name="until"
        ),
        CheckConstraint("(renewed_by IS NULL) = (renewed_at IS NULL)", name="renewed_by"),
        CheckConstraint("renewed_by <> decided_by", name="renewed_by_another"),
        CheckConstraint("(state = 'invalid') = (closed_by IS NOT NULL)", name="closed_by"),
        CheckConstraint("(state IN ('invalid', 'lapsed')) = (closed_at IS NOT NULL)", name="ended"),
        CheckConstraint("replaced_by IS NULL OR state = 'lapsed'", name="replaced_by"),
        CheckConstraint("version >= 1", name="version"),
    )


class PartnerFlagText(Base):
    """The sealed text of a flag and what it rests on."""

    __tablename__ = "partner_flag_texts"

    flag_id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_agency: Mapped[UUID]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (
        ForeignKeyConstraint(
            ["flag_id", "owner_agency"], ["partner_flags.id", "partner_flags.owner_agency"]
        ),
    )


class PartnerFlagStep(Base):
    """One step of a flag: who did what when, and the sealed comment. Insert-only."""

    __tablename__ = "partner_flag_steps"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    flag_id: Mapped[UUID]
    owner_agency: Mapped[UUID]
    action: Mapped[str] = mapped_column(Text)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    office: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )
    sealed_comment: Mapped[bytes | None] = mapped_column(LargeBinary)

    __table_args__ = (
        ForeignKeyConstraint(
            ["flag_id", "owner_agency"], ["partner_flags.id", "partner_flags.owner_agency"]
        ),
        Index("ix_partner_flag_steps_flag_id_at", "flag_id", "at"),
        CheckConstraint(
            "action IN ('made', 'escalated', 'confirmed', 'deferred', 'invalidated', 'renewed', "
            "'reviewed', 'lapsed', 'replaced')",
            name="action",
        ),
        CheckConstraint("(person_id IS NULL) = (office IS NULL)", name="person_id"),
        CheckConstraint(
            "sealed_comment IS NOT NULL OR action NOT IN ('invalidated', 'confirmed', 'deferred')",
            name="sealed_comment",
        ),
    )
