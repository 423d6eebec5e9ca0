"""Tables of matching: keys of names, profiles to be checked, pairs that may be one partner."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Integer, Text, func
from sqlalchemy.dialects.postgresql import ARRAY, REAL
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class PartnerName(Base):
    """Keys of all names of a profile (app/core/names/keys.py): one row a profile.

    The names themselves are in the profile. ANALYZE keeps how common each key is; searches leave
    out the common ones. New entries go into the index at once: a list of pending ones would be
    read whole by every search.
    """

    __tablename__ = "partner_names"

    partner_id: Mapped[UUID] = mapped_column(
        ForeignKey("partners.id", ondelete="CASCADE"), primary_key=True
    )
    keys: Mapped[list[int]] = mapped_column(ARRAY(Integer))

    __table_args__ = (
        Index(
            "ix_partner_names_keys",
            "keys",
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
        ),
    )


class DuplicateCheck(Base):
    """A profile whose keys or duplicates the worker is to look at; gone when it has."""

    __tablename__ = "duplicate_checks"

    partner_id: Mapped[UUID] = mapped_column(
        ForeignKey("partners.id", ondelete="CASCADE"), primary_key=True
    )
    queued_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )


class PossibleDuplicate(Base):
    """Two profiles that may be one partner, until somebody decides. ``partner_a < partner_b``.

    ``version_a`` and ``version_b`` are the profiles' versions that were compared: a pair decided
    to be two partners comes back only when one of them has changed its names since.
    """

    __tablename__ = "possible_duplicates"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(server_default="1")
    partner_a: Mapped[UUID] = mapped_column(ForeignKey("partners.id", ondelete="CASCADE"))
    partner_b: Mapped[UUID] = mapped_column(ForeignKey("partners.id", ondelete="CASCADE"))
    version_a: Mapped[int]
    version_b: Mapped[int]
    score: Mapped[float] = mapped_column(REAL)
    matched_on: Mapped[list[str]] = mapped_column(ARRAY(Text))
    rules: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="open")
    found_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index("uq_possible_duplicates_pair", "partner_a", "partner_b", unique=True),
        Index("ix_possible_duplicates_partner_b", "partner_b"),
        Index("ix_possible_duplicates_state_id", "state", "id"),
        CheckConstraint("partner_a < partner_b", name="pair"),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("score BETWEEN 0 AND 1", name="score"),
        CheckConstraint("state IN ('open', 'dismissed', 'merged')", name="state"),
        CheckConstraint(
            "num_nulls(decided_by, decided_at, reason) "
            "= CASE WHEN state = 'dismissed' THEN 0 ELSE 3 END",
            name="decided",
        ),
    )
