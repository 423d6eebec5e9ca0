"""Tables of the feed: what waits for a number, the changes, the current set, the signed heads.

``stream`` is the name that clients use; of an agency's own stream it is `agency:<agency id>`, and
row security shows its rows to that agency alone.
"""

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
    UniqueConstraint,
    func,
    text,
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
    # Of a put: since when the stream has held the entry without a break.
    first_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    # What is purged is looked for by its entry, and listed.
    __table_args__ = (
        Index("ix_feed_changes_stream_entry_id", "stream", "entry_id"),
        Index(
            "ix_feed_changes_purged",
            "stream",
            "at",
            postgresql_where=text("op = 'remove' AND reason IN ('annulled', 'error')"),
        ),
    )


class FeedEntry(Base):
    """An entry that a stream holds now, as the exact bytes clients get."""

    __tablename__ = "feed_entries"

    stream: Mapped[str] = mapped_column(Text, primary_key=True)
    entry_id: Mapped[str] = mapped_column(Text, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    prefix: Mapped[int] = mapped_column(SmallInteger)
    entry: Mapped[bytes] = mapped_column(LargeBinary)
    # As `first_at` and `at` of the change that put it, which may be pruned before.
    first_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    changed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

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


class FeedDelta(Base):
    """A skip delta: of the changes after one number up to another the last of each entry."""

    __tablename__ = "feed_deltas"

    stream: Mapped[str] = mapped_column(Text, primary_key=True)
    seq_from: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    seq_to: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    sha256: Mapped[str] = mapped_column(Text)
    bytes: Mapped[int]
    raw_sha256: Mapped[str] = mapped_column(Text)
    raw_bytes: Mapped[int]
    count: Mapped[int]

    __table_args__ = (CheckConstraint("seq_from < seq_to", name="range"),)


class FeedAttachment(Base):
    """A further file that the index of a stream names, such as statistics of its words."""

    __tablename__ = "feed_attachments"

    stream: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    sha256: Mapped[str] = mapped_column(Text)
    bytes: Mapped[int]
    raw_sha256: Mapped[str] = mapped_column(Text)
    raw_bytes: Mapped[int]

    __table_args__ = (CheckConstraint("name ~ '^[a-z][a-z0-9_.-]{0,63}$'", name="name"),)


class FeedPublished(Base):
    """A file that lies in a folder or bucket for everybody, by its name there."""

    __tablename__ = "feed_published"

    target: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    sha256: Mapped[str] = mapped_column(Text)


class FeedBlob(Base):
    """An immutable file, named by the SHA-256 of its bytes: a chunk, an index, a delta.

    Of one that was withdrawn only the name is left, so that who asks for it is told. ``low`` and
    ``high`` are the first and the last prefix of a chunk's bucket.
    """

    __tablename__ = "feed_blobs"

    sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    stream: Mapped[str] = mapped_column(Text, primary_key=True)
    media_type: Mapped[str] = mapped_column(Text)
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    low: Mapped[int | None] = mapped_column(SmallInteger)
    high: Mapped[int | None] = mapped_column(SmallInteger)
    # When it was last part of the set: a client in the middle of a full pull still finds it.
    current_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        CheckConstraint("(content IS NULL) = (withdrawn_at IS NOT NULL)", name="withdrawn"),
    )


class FeedHead(Base):
    """The newest signed manifest of a stream. ``purges`` counts how often entries were purged."""

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
    purges: Mapped[int] = mapped_column(BigInteger, server_default="0")


class FeedVersion(Base):
    """A version of a stream for those who follow it in the form of FollowTheMoney.

    ``version`` rises as a text; ``at`` is the time in it, later than that of the version before.
    ``files`` has size and checksum of its files by name, once they are known.
    """

    __tablename__ = "feed_versions"

    stream: Mapped[str] = mapped_column(Text, primary_key=True)
    seq_to: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    version: Mapped[str] = mapped_column(Text(collation="C"))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    index_sha256: Mapped[str] = mapped_column(Text)
    files: Mapped[dict[str, Any] | None] = mapped_column(JSONB)

    __table_args__ = (
        CheckConstraint("version ~ '^[0-9]{14}-[0-9a-z]{3}$'", name="version"),
        UniqueConstraint("stream", "version"),
    )


class KeysDocument(Base):
    """A version of the root-signed keys document, as clients get it."""

    __tablename__ = "keys_documents"

    version: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
