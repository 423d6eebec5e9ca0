"""Table of transfer restrictions on public authorities."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Computed,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, DATERANGE, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

VALID = (
    "daterange(starts_on, CASE WHEN lifted_on IS NULL THEN ends_on + 1 "
    "ELSE greatest(lifted_on, starts_on) END)"
)
SINGLE_PERSON_DAYS = 92
"""As in rules.yaml; a test compares. What one person sets alone lasts no longer."""


class TransferRestriction(Base):
    """An agency's statement that it holds back ways of paying a public authority in a country.

    ``valid`` is the time it holds; what has ended by its day needs nobody's act. ``sealed`` is the
    statement in words. A proposed one waits for a second person.
    """

    __tablename__ = "transfer_restrictions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("partners.id"))
    owner_agency: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    country: Mapped[str] = mapped_column(Text)
    suspended: Mapped[list[str]] = mapped_column(ARRAY(Text))
    allowed: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    reason: Mapped[str] = mapped_column(Text)
    contact_office: Mapped[str | None] = mapped_column(Text)
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    review_by: Mapped[date]
    state: Mapped[str] = mapped_column(Text)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    redacted: Mapped[bool] = mapped_column(server_default="false")
    sealed_hidden: Mapped[bytes | None] = mapped_column(LargeBinary)
    set_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    set_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    reviewed_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    reviewed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    lifted_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    lifted_on: Mapped[date | None]
    reminded_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    end_told: Mapped[bool] = mapped_column(server_default="false")
    version: Mapped[int] = mapped_column(server_default="1")
    valid: Mapped[Any] = mapped_column(DATERANGE, Computed(VALID, persisted=True))

    __table_args__ = (
        # Of two that set one at once, one is told that there is one.
        ExcludeConstraint(
            ("partner_id", "="),
            ("owner_agency", "="),
            ("country", "="),
            ("valid", "&&"),
            where=text("state IN ('proposed', 'set')"),
            using="gist",
            name="ex_transfer_restrictions_no_overlap",
        ),
        Index("ix_transfer_restrictions_partner_id", "partner_id"),
        Index("ix_transfer_restrictions_set_at_id", "set_at", "id"),
        Index(
            "ix_transfer_restrictions_review_by",
            "review_by",
            postgresql_where=text("state = 'set' AND NOT end_told"),
        ),
        CheckConstraint("country ~ '^[A-Z]{3}$'", name="country"),
        CheckConstraint("cardinality(suspended) BETWEEN 1 AND 20", name="suspended"),
        CheckConstraint("NOT suspended && allowed AND cardinality(allowed) <= 20", name="allowed"),
        CheckConstraint(
            "array_to_string(suspended || allowed, ',', '?') ~ '^([a-z_]{1,40})(,[a-z_]{1,40})*$'",
            name="modalities",
        ),
        CheckConstraint("reason ~ '^[A-Z_]{1,40}$'", name="reason"),
        CheckConstraint(
            "length(contact_office) BETWEEN 1 AND 300 AND contact_office !~ '[[:cntrl:]]'",
            name="contact_office",
        ),
        CheckConstraint("ends_on >= starts_on", name="period"),
        CheckConstraint("state IN ('proposed', 'set', 'refused', 'withdrawn')", name="state"),
        CheckConstraint("decided_by <> set_by", name="two_persons"),
        CheckConstraint(
            "num_nulls(decided_by, decided_at) IN (0, 2) AND (state <> 'refused' "
            "OR decided_by IS NOT NULL) AND (state NOT IN ('proposed', 'withdrawn') "
            "OR decided_by IS NULL)",
            name="decided",
        ),
        CheckConstraint(
            "state <> 'set' OR decided_by IS NOT NULL "
            f"OR coalesce(ends_on - starts_on <= {SINGLE_PERSON_DAYS}, false)",
            name="second_person",
        ),
        CheckConstraint("num_nulls(reviewed_by, reviewed_at) <> 1", name="reviewed"),
        CheckConstraint(
            "num_nulls(lifted_by, lifted_on) <> 1 AND (lifted_on IS NULL OR state = 'set')",
            name="lifted",
        ),
        CheckConstraint("NOT redacted OR length(sealed) = 0", name="redacted"),
        CheckConstraint("redacted OR sealed_hidden IS NULL", name="sealed_hidden"),
        CheckConstraint("version >= 1", name="version"),
    )
