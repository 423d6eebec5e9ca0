"""Tables of the feed: what waits for a number, the changes, the current set, the signed heads."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class FeedPending(Base):
    """A change written in its business transaction; the sequencer numbers it after commit."""

    __tablename__ = "feed_pending"

    # Ordered by the database's own clock: two changes of one entry are apart by its row lock.
    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.uuidv7())
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    entry_id: Mapped[str] = mapped_column(Text)
    op: Mapped[str] = mapped_column(Text)
    entry: Mapped[bytes | None] = mapped_column(LargeBinary)
    reason: Mapped[str | None] = mapped_column(Text)
    streams: Mapped[list[str]] = mapped_column(ARRAY(Text))

    __table_args__ = (
        CheckConstraint("op IN ('put', 'remove')", name="op"),
        CheckConstraint("(op = 'put') = (entry IS NOT NULL)", name="entry"),
    )


class FeedChange(Base):
    """A numbered change of one stream."""

    __tablename__ = "feed_changes"

    stream: Mapped[str] = mapped_column(Text, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    entry_id: Mapped[str] = mapped_column(Text)
    op: Mapped[str] = mapped_column(Text)
    entry: Mapped[bytes | None] = mapped_column(LargeBinary)
    reason: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class FeedEntry(Base):
    """An entry that a stream holds now, as the exact bytes clients get."""

    __tablename__ = "feed_entries"

    stream: Mapped[str] = mapped_column(Text, primary_key=True)
    entry_id: Mapped[str] = mapped_column(Text, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    prefix: Mapped[int] = mapped_column(SmallInteger)
    entry: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (Index("ix_feed_entries_stream_prefix", "stream", "prefix"),)


class FeedChunk(Base):
    """The present chunk of each bucket; together they are the index."""

    __tablename__ = "feed_chunks"

    stream: Mapped[str] = mapped_column(Text, primary_key=True)
    bucket: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str | None] = mapped_column(Text)
    bytes: Mapped[int]
    raw_sha256: Mapped[str] = mapped_column(Text)
    raw_bytes: Mapped[int]
    count: Mapped[int]


class FeedBlob(Base):
    """An immutable file, named by the SHA-256 of its bytes: a chunk or an index."""

    __tablename__ = "feed_blobs"

    sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    stream: Mapped[str] = mapped_column(Text, primary_key=True)
    media_type: Mapped[str] = mapped_column(Text)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    # When it was last part of the set: a client in the middle of a full pull still finds it.
    current_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class FeedHead(Base):
    """The newest signed manifest of a stream."""

    __tablename__ = "feed_heads"

    stream: Mapped[str] = mapped_column(Text, primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)
    seq_to: Mapped[int] = mapped_column(BigInteger)
    count: Mapped[int]
    bucket_bits: Mapped[int]
    set_sha256: Mapped[str] = mapped_column(Text)
    index_sha256: Mapped[str] = mapped_column(Text)
    manifest: Mapped[str] = mapped_column(Text)
    signed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class KeysDocument(Base):
    """A version of the root-signed keys document, as clients get it."""

    __tablename__ = "keys_documents"

    version: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
