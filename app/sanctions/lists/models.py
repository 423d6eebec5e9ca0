"""Tables of external lists."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base

NOW = func.now()


class ListSourceState(Base):
    """What we hold of one external source, and how fresh it is."""

    __tablename__ = "list_sources"

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    required: Mapped[bool]
    max_staleness_s: Mapped[int]
    version: Mapped[int | None] = mapped_column(BigInteger)
    digest: Mapped[str | None] = mapped_column(Text)
    published_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    counts: Mapped[dict[str, int]] = mapped_column(JSONB, server_default="{}")
    last_success: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class ListVersion(Base):
    """One imported issue of a list."""

    __tablename__ = "list_versions"

    version: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    source: Mapped[str] = mapped_column(ForeignKey("list_sources.code"))
    digest: Mapped[str] = mapped_column(Text)
    published_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    imported_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=NOW)
    added: Mapped[int]
    changed: Mapped[int]
    removed: Mapped[int]
    parties: Mapped[int]

    __table_args__ = (Index("ix_list_versions_source_version", "source", "version"),)


class ListedPartyRow(Base):
    """One party in one state: valid from one version of its source up to another."""

    __tablename__ = "listed_parties"

    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    from_version: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("list_versions.version"), primary_key=True
    )
    to_version: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("list_versions.version"))
    source: Mapped[str] = mapped_column(ForeignKey("list_sources.code"))
    key: Mapped[str] = mapped_column(Text)
    reference: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(Text)
    entry: Mapped[dict[str, Any]] = mapped_column(JSONB)
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
        CheckConstraint("to_version > from_version", name="versions"),
    )
