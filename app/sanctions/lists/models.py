"""Tables of external lists."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

NOW = func.now()


class ListSourceState(Base):
    """What we hold of one external source, for whom it counts, and how fresh it is.

    ``streams`` are those of the feed that its parties are in now: with ``inter_agency`` among them
    it counts for every agency.
    """

    __tablename__ = "list_sources"

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    audience: Mapped[str] = mapped_column(Text, server_default="shared")
    streams: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    title: Mapped[str] = mapped_column(Text, server_default="")
    publisher: Mapped[str] = mapped_column(Text, server_default="")
    licence: Mapped[str] = mapped_column(Text, server_default="")
    required: Mapped[bool]
    max_staleness_s: Mapped[int]
    version: Mapped[int | None] = mapped_column(BigInteger)
    digest: Mapped[str | None] = mapped_column(Text)
    published_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    counts: Mapped[dict[str, int]] = mapped_column(JSONB, server_default="{}")
    last_success: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        CheckConstraint("audience IN ('shared', 'opt_in', 'joint')", name="audience"),
        CheckConstraint("max_staleness_s > 0", name="max_staleness_s"),
        # The wall between what counts for all and what counts for those that chose it.
        CheckConstraint(
            "audience <> 'opt_in' OR streams <@ ARRAY['source.' || code]", name="streams"
        ),
        UniqueConstraint("code", "audience"),
    )


class ListVersion(Base):
    """One imported issue of a list."""

    __tablename__ = "list_versions"

    version: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    source: Mapped[str] = mapped_column(ForeignKey("list_sources.code"))
    digest: Mapped[str] = mapped_column(Text)
    layout: Mapped[str] = mapped_column(Text, server_default="")
    published_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    imported_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    added: Mapped[int]
    changed: Mapped[int]
    removed: Mapped[int]
    parties: Mapped[int]

    __table_args__ = (Index("ix_list_versions_source_version", "source", "version"),)


class ListedPartyRow(Base):
    """One party in one state: valid from one version of its source up to another.

    ``party`` is everything the source says, as it was read; ``entry`` what of it the feed carries;
    ``original`` the published record. ``ends_on`` is the last day of a listing that ends by date.
    """

    __tablename__ = "listed_parties"

    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    from_version: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("list_versions.version"), primary_key=True
    )
    to_version: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("list_versions.version"))
    source: Mapped[str] = mapped_column(ForeignKey("list_sources.code"))
    key: Mapped[str] = mapped_column(Text)
    reference: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text, server_default="unknown")
    digest: Mapped[str] = mapped_column(Text)
    search: Mapped[str] = mapped_column(Text, server_default="")
    ends_on: Mapped[date | None] = mapped_column(Date)
    expired_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    entry: Mapped[dict[str, Any]] = mapped_column(JSONB)
    party: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    original: Mapped[dict[str, Any]] = mapped_column(JSONB)

    __table_args__ = (
        Index(
            "uq_listed_parties_source_key",
            "source",
            "key",
            unique=True,
            postgresql_where=text("to_version IS NULL"),
        ),
        Index(
            "ix_listed_parties_source_entry_id",
            "source",
            "entry_id",
            postgresql_where=text("to_version IS NULL"),
        ),
        Index("ix_listed_parties_source_versions", "source", "entry_id", "from_version"),
        Index(
            "ix_listed_parties_ends_on",
            "ends_on",
            postgresql_where=text("to_version IS NULL AND expired_at IS NULL"),
        ),
        CheckConstraint("to_version > from_version", name="versions"),
    )


class ListCandidate(Base):
    """An issue that was held back: it lost more parties at once than its source may.

    A person looks at it and says so; until then the old list is in force.
    """

    __tablename__ = "list_candidates"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(ForeignKey("list_sources.code"))
    base_version: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("list_versions.version")
    )
    digest: Mapped[str] = mapped_column(Text)
    published_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    header: Mapped[dict[str, Any]] = mapped_column(JSONB)
    added: Mapped[int]
    changed: Mapped[int]
    removed: Mapped[int]
    before: Mapped[int]
    found_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    state: Mapped[str] = mapped_column(Text, server_default="waiting")
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    decided_by: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'approved', 'refused', 'outdated')", name="state"),
        CheckConstraint(
            "num_nulls(decided_at, decided_by, reason) = CASE state WHEN 'approved' THEN 0 "
            "WHEN 'refused' THEN 0 ELSE 3 END",
            name="decided",
        ),
        Index(
            "uq_list_candidates_source_waiting",
            "source",
            unique=True,
            postgresql_where=text("state = 'waiting'"),
        ),
        Index("ix_list_candidates_source_digest", "source", "digest"),
    )


class ListCandidateParty(Base):
    """A party of an issue that was held back, ready to be put in force."""

    __tablename__ = "list_candidate_parties"

    candidate_id: Mapped[UUID] = mapped_column(
        ForeignKey("list_candidates.id", ondelete="CASCADE"), primary_key=True
    )
    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(Text)
    reference: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(Text)
    search: Mapped[str] = mapped_column(Text)
    ends_on: Mapped[date | None] = mapped_column(Date)
    entry: Mapped[dict[str, Any]] = mapped_column(JSONB)
    feed: Mapped[bytes] = mapped_column(LargeBinary)
    party: Mapped[dict[str, Any]] = mapped_column(JSONB)
    original: Mapped[dict[str, Any]] = mapped_column(JSONB)


class ListFetch(Base):
    """How the scheduled check of a source stands: what its publisher last answered, when next."""

    __tablename__ = "list_fetches"

    source: Mapped[str] = mapped_column(ForeignKey("list_sources.code"), primary_key=True)
    tags: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    next_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    checked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    failures: Mapped[int] = mapped_column(server_default="0")
    failure: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (CheckConstraint("(failures > 0) = (failure IS NOT NULL)", name="failure"),)


class ListUse(Base):
    """An agency uses a list that is not for all; or all agencies a list they enable jointly.

    Of an ``opt_in`` list two persons of the agency, of a ``joint`` one persons of two agencies.
    Nobody but the agency learns that it uses an ``opt_in`` list.
    """

    __tablename__ = "list_uses"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(Text)
    audience: Mapped[str] = mapped_column(Text)
    agency_id: Mapped[UUID] = mapped_column(ForeignKey("agencies.id"))
    legal_basis: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="proposed")
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    proposed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    approved_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    approving_agency: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"))
    approved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        ForeignKeyConstraint(
            ["source", "audience"],
            ["list_sources.code", "list_sources.audience"],
            name="fk_list_uses_list_sources",
        ),
        CheckConstraint("audience IN ('opt_in', 'joint')", name="audience"),
        CheckConstraint("state IN ('proposed', 'active', 'ended')", name="state"),
        CheckConstraint("length(legal_basis) BETWEEN 1 AND 1000", name="legal_basis"),
        CheckConstraint("approved_by <> proposed_by", name="two_persons"),
        CheckConstraint(
            "(approving_agency = agency_id) = (audience = 'opt_in')", name="approving_agency"
        ),
        CheckConstraint(
            "num_nulls(approved_by, approving_agency, approved_at) = 0 "
            "OR (state <> 'active' AND num_nonnulls(approved_by, approving_agency, approved_at) "
            "= 0)",
            name="approved",
        ),
        CheckConstraint(
            "num_nulls(ended_by, ended_at) = CASE state WHEN 'ended' THEN 0 ELSE 2 END",
            name="ended",
        ),
        CheckConstraint("version >= 1", name="version"),
        Index(
            "uq_list_uses_source_agency_id",
            "source",
            "agency_id",
            unique=True,
            postgresql_where=text("state <> 'ended' AND audience = 'opt_in'"),
        ),
        Index(
            "uq_list_uses_source_joint",
            "source",
            unique=True,
            postgresql_where=text("state <> 'ended' AND audience = 'joint'"),
        ),
        Index("ix_list_uses_agency_id_id", "agency_id", "id"),
    )
