"""Sizes and checksums of the newest FollowTheMoney files, for the index. Works as reg_worker.

The files are written while they are read, so their checksums are known only to who has read them
once: the worker does, some time after a change. Until then the index goes without, which its
readers allow.
"""

from __future__ import annotations

import hashlib
import time
from typing import Any

import structlog
from pydantic_core import to_json

from app.core.db import Database, DatabaseAway
from app.sanctions.feed import ftm, ftm_files
from app.sanctions.feed.ftm_writing import Version, chunks_of, content_of, pieces

log = structlog.get_logger()
_REST = 20.0
"""A stream is left alone for so many times as long as the last time took."""
_DUE = """SELECT DISTINCT ON (h.stream) h.stream, h.index_sha256, v.seq_to, v.at
    FROM feed_heads h JOIN feed_versions v ON v.stream = h.stream AND v.seq_to = h.seq_to
    WHERE v.files IS NULL OR v.files -> 'form' <> to_jsonb($1::int) ORDER BY h.stream"""
_NOTE = "UPDATE feed_versions SET files = $3::text::jsonb WHERE stream = $1 AND seq_to = $2"
_OF_AN_ENTRY = (KeyError, ValueError, TypeError)
"""What one entry that cannot be written in the twin's form may fail by. These figures are a help to
readers; the list itself must go on."""


class Checksums:
    """What the leader knows of how long each stream takes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rests: dict[str, float] = {}

    async def note_due(self) -> int:
        """Read the newest version of each stream whose files nobody has read; how many."""
        async with self._database.fast_read() as connection:
            due = await connection.fetch(_DUE, ftm.FORM)
        done = 0
        for row in due:
            begun = time.monotonic()
            if begun < self._rests.get(row["stream"], 0.0):
                continue
            try:
                done += await self._note(row)
            except _OF_AN_ENTRY as error:
                log.error("twin_not_read", stream=row["stream"], kind=type(error).__name__)
            took = time.monotonic() - begun
            self._rests[row["stream"]] = time.monotonic() + _REST * took
        return done

    async def _note(self, row: Any) -> bool:
        of = Version(row["stream"], None, row["seq_to"], row["at"])
        index = await content_of(self._database, of, row["index_sha256"])
        if index is None:
            return False
        files: dict[str, Any] = {"form": ftm.FORM}
        for name in ftm_files.MEDIA_TYPES:
            # The form's programs know no other checksum; nothing is proven by it.
            digest, size = hashlib.sha1(usedforsecurity=False), 0
            try:
                async for piece in pieces(self._database, of, chunks_of(index), name):
                    digest.update(piece)
                    size += len(piece)
            except DatabaseAway:
                return False  # it was withdrawn meanwhile: there is a newer version
            files[name] = {"checksum": digest.hexdigest(), "size": size}
        async with self._database.connection() as connection:
            await connection.execute(_NOTE, of.stream, of.seq_to, to_json(files).decode())
        return True
