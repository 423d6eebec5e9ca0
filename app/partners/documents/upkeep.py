"""Files that wait for the scanner: the worker asks again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.core.blobs.frames import BlobDamaged
from app.core.blobs.scanner import Clamd, Scan, ScannerAway
from app.core.blobs.service import Blobs
from app.core.blobs.stores import StoreAway
from app.core.crypto import Undecipherable
from app.core.db import Database
from app.events import service as events
from app.events.catalogue import EventType

log = structlog.get_logger()
_BATCH = 20
_AGAIN_DAYS = 7
"""The scanner learns what is malware after the file has come: a clean one is scanned again."""
_AGAIN_AT_ONCE = 50
# The index of what waits, also for a scanner that came after the file.
_WAITING = """ WHERE b.scan IN ('pending', 'unscanned') AND b.state = 'stored' AND b.store = :store
      AND (CAST(:after AS uuid) IS NULL OR b.id > :after) ORDER BY b.id LIMIT :limit"""
_AGAIN = f""" WHERE b.scan = 'clean' AND b.scanned_at < now() - interval '{_AGAIN_DAYS} days'
      AND b.state = 'stored' AND b.store = :store ORDER BY b.scanned_at LIMIT :limit"""
_DONE = text(
    """UPDATE blobs SET scan = :scan, scanned_at = now() WHERE id = :id AND scan = :was
    RETURNING id"""
)
Tell = Callable[[AsyncSession, Any], Awaitable[None]]
BLOB = "b.id, b.size, b.sha256, b.sealed_key, b.scan"


@dataclass(frozen=True, slots=True)
class Files:
    """Files of a feature. ``found`` is SQL, a SELECT of `BLOB` and more without its WHERE;
    ``tell`` says of a row that it is infected.
    """

    found: str
    tell: Tell


async def scan_waiting(database: Database, blobs: Blobs, files: Files | None = None) -> int:
    """Scan what came while the scanner was away, then what it found clean long ago; how many files
    got a verdict.

    Ends when the scanner is away still. A file that cannot be read is passed over.
    """
    if blobs.scanner is None:
        return 0
    files = files or PARTNER_FILES
    done, after = 0, None
    while True:
        values = {"store": blobs.store.name, "after": after, "limit": _BATCH}
        rows = await _rows(database, files.found + _WAITING, values)
        count, there = await _scan(database, blobs, blobs.scanner, files, rows)
        done += count
        if not there:
            return done
        if len(rows) < _BATCH:
            break
        after = rows[-1].id
    values = {"store": blobs.store.name, "limit": _AGAIN_AT_ONCE}
    rows = await _rows(database, files.found + _AGAIN, values)
    return done + (await _scan(database, blobs, blobs.scanner, files, rows))[0]


async def _rows(database: Database, sql: str, values: dict[str, Any]) -> Sequence[Any]:
    async with database.session() as session:
        return (await session.execute(text(sql), values)).all()


async def _scan(
    database: Database, blobs: Blobs, scanner: Clamd, files: Files, rows: Sequence[Any]
) -> tuple[int, bool]:
    """How many of them got a verdict, and whether the scanner is there."""
    done = 0
    for row in rows:
        try:
            async with database.session() as session:
                cipher = await blobs.cipher(session, row)
            verdict = await scanner.scan(blobs.read(row, cipher))
        except ScannerAway as error:
            log.warning("scanner_away", kind=str(error))
            return done, False
        except (StoreAway, BlobDamaged, Undecipherable) as error:
            log.warning("file_unreadable", blob=str(row.id), kind=type(error).__name__)
            continue
        done += await _note(database, row, verdict, files.tell)
    return done, True


async def _note(database: Database, row: Any, verdict: Scan, tell: Tell) -> int:
    """The verdict, with an event where it is a bad one; whether it is the first."""
    async with database.session() as session:
        found = await session.execute(_DONE, {"id": row.id, "scan": verdict.value, "was": row.scan})
        if found.one_or_none() is None:
            return 0
        if verdict is Scan.INFECTED:
            await tell(session, row)
    return 1


async def _infected(session: AsyncSession, row: Any) -> None:
    subject = audit.Subject(row.document_id, row.uploaded_by, row.partner_id)
    await audit.record(
        session, None, Event.DOCUMENT_INFECTED, subject, sha256=row.sha256.hex(), at="rescan"
    )
    await events.publish(
        session,
        EventType.PARTNER_DOCUMENTS_CHANGED,
        row.partner_id,
        row.uploaded_by,
        document_id=str(row.document_id),
        document_kind=row.kind,
        infected=True,
    )


PARTNER_FILES = Files(
    f"""SELECT {BLOB}, d.id AS document_id, d.partner_id, d.uploaded_by, d.kind
    FROM blobs b JOIN partner_documents d ON d.blob_id = b.id""",  # noqa: S608 - constants
    _infected,
)
