"""The FollowTheMoney files of one version, written while they are read: chunk by chunk, and no
connection is held in between.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic_core import from_json

from app.core.db import Database, DatabaseAway
from app.sanctions.feed import ftm, ftm_files, queries
from app.sanctions.feed.reading import shown

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a stream, by its stored name; ``own`` is the agency whose own it is."""

    stream: str
    own: UUID | None
    seq_to: int
    at: datetime


async def content_of(database: Database, of: Version, sha256: str) -> bytes | None:
    """A file of the stream; None where it is not kept."""
    async with shown(database, of.own) as connection:
        content: bytes | None = await connection.fetchval(queries.FTM_FILE, of.stream, sha256)
    return content


def chunks_of(index: bytes) -> list[str]:
    """The chunks that an index names, in order."""
    return [item["sha256"] for item in from_json(index)["chunks"] if item["sha256"]]


async def pieces(
    database: Database, of: Version, chunks: list[str], name: str
) -> AsyncIterator[bytes]:
    """The entities or the table. Raises DatabaseAway.

    Files that leave the set are kept for two days, so a slow reader finds the last one, too.
    """
    if name == ftm_files.TABLE:
        yield ftm_files.table_header()
    for sha256 in chunks:
        content = await content_of(database, of, sha256)
        if content is None:
            # It was withdrawn while this file was being read: cut short, its reader asks again.
            raise DatabaseAway(sha256)
        entries = await asyncio.to_thread(_read, content)
        ids = [entry["entry_id"] for entry in entries]
        async with shown(database, of.own) as connection:
            rows = await connection.fetch(queries.FTM_SEEN, of.stream, ids, of.seq_to)
        yield await asyncio.to_thread(_written, entries, rows, of, name)


def _read(content: bytes) -> list[dict[str, Any]]:
    return [from_json(line) for line in gzip.decompress(content).splitlines()]


def _written(entries: list[dict[str, Any]], rows: list[Any], of: Version, name: str) -> bytes:
    seen = {row["entry_id"]: ftm.Seen(row["first_at"], row["changed_at"], of.at) for row in rows}
    unknown = ftm.Seen(last=of.at)
    held = [(entry, seen.get(entry["entry_id"], unknown)) for entry in entries]
    write = ftm_files.table_lines if name == ftm_files.TABLE else ftm_files.entity_lines
    return write(held, of.stream)


async def operations(database: Database, of: Version, low: int) -> AsyncIterator[bytes]:
    """What leads from a number to the version: some hundred entries at a time, by id."""
    last = ""
    while True:
        async with shown(database, of.own) as connection:
            rows = await connection.fetch(
                queries.FTM_CHANGES, of.stream, low, of.seq_to, last, _PAGE
            )
        if not rows:
            return
        yield await asyncio.to_thread(ftm_files.operation_lines, rows, of.stream, of.at)
        last = rows[-1]["entry_id"]
