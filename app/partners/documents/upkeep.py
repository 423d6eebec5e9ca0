"""Files that wait for the scanner: the worker asks again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit import service as audit
from app.audit.events import Event
from app.core.blobs.frames import BlobDamaged
from app.core.blobs.scanner import Scan, ScannerAway
from app.core.blobs.service import Blobs
from app.core.blobs.stores import StoreAway
from app.core.db import Database
from app.events import service as events
from app.events.catalogue import EventType

log = structlog.get_logger()
_BATCH = 20
_WAITING = text(
    """SELECT b.id, b.size, b.sha256, b.sealed_key, d.id AS document_id, d.partner_id,
        d.uploaded_by, d.kind
    FROM blobs b JOIN partner_documents d ON d.blob_id = b.id
    WHERE b.scan = 'pending' AND b.state = 'stored' AND b.store = :store
      AND (CAST(:after AS uuid) IS NULL OR b.id > :after) ORDER BY b.id LIMIT :limit"""
)
_DONE = text(
    """UPDATE blobs SET scan = :scan, scanned_at = now() WHERE id = :id AND scan = 'pending'
    RETURNING id"""
)


Tell = Callable[[AsyncSession, Any], Awaitable[None]]


async def scan_waiting(
    database: Database, blobs: Blobs, waiting: TextClause = _WAITING, tell: Tell | None = None
) -> int:
    """Scan what came while the scanner was away; how many files got a verdict.

    Ends when the scanner is away still. A file that cannot be read is passed over. ``waiting``
    finds the files of a feature, ``tell`` says of a row that it is infected.
    """
    if blobs.scanner is None:
        return 0
    done, after = 0, None
    while True:
        async with database.session() as session:
            values = {"store": blobs.store.name, "after": after, "limit": _BATCH}
            rows = (await session.execute(waiting, values)).all()
        for row in rows:
            after = row.id
            try:
                async with database.session() as session:
                    cipher = await blobs.cipher(session, row)
                verdict = await blobs.scanner.scan(blobs.read(row, cipher))
            except ScannerAway as error:
                log.warning("scanner_away", kind=str(error))
                return done
            except (StoreAway, BlobDamaged) as error:
                log.warning("file_unreadable", blob=str(row.id), kind=str(error))
                continue
            done += await _note(database, row, verdict, tell or _infected)
        if len(rows) < _BATCH:
            return done


async def _note(database: Database, row: Any, verdict: Scan, tell: Tell) -> int:
    """The verdict, with an event where it is a bad one; whether it is the first."""
    async with database.session() as session:
        found = await session.execute(_DONE, {"id": row.id, "scan": verdict.value})
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
