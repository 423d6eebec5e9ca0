"""Storing and reading files. The feature that a file belongs to says who may; this says how.

Storing takes three steps, for no transaction waits for a sender or a store: `announce` writes the
row, `store` puts the frames, `finish` makes it belong to something, in the feature's transaction.
What stops on the way is swept.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import structlog
from fastapi import Depends, Request
from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.blobs.frames import Cipher, Spool, TooLong, opened
from app.core.blobs.kinds import MediaType, check_content
from app.core.blobs.models import Blob
from app.core.blobs.s3 import S3Store
from app.core.blobs.scanner import Clamd, Scan, ScannerAway
from app.core.blobs.stores import BlobStore, PostgresStore
from app.core.crypto import KeyRing, partner_scope
from app.core.db import Database, touched
from app.core.errors import BodyTooLarge, ServiceError
from app.core.http import MAX_UPLOAD
from app.core.ids import new_secret_id
from app.core.outbound import Outbound
from app.core.settings import Settings

log = structlog.get_logger()
_ABANDONED_MINUTES = 60
_SWEEP = 100


class ContentUnavailable(ServiceError):
    """The store is away, or what it gives is not what was put."""

    status = 503
    code = "content_unavailable"
    title = "The file cannot be read now; try again."


@dataclass(frozen=True, slots=True)
class Blobs:
    """The application's files: a store, the keys, and a scanner if there is one."""

    store: BlobStore
    keyring: KeyRing
    scanner: Clamd | None

    def __post_init__(self) -> None:
        assert self.store.name in ("postgresql", "s3")

    async def receive(self, pieces: AsyncIterator[bytes]) -> Spool:
        """Take a body in; to be closed. Raises BodyTooLarge."""
        spool = Spool(new_secret_id())
        try:
            return await spool.fill(pieces, MAX_UPLOAD)
        except TooLong:
            spool.close()
            raise BodyTooLarge from None
        except BaseException:  # a caller who went away leaves no file
            spool.close()
            raise

    async def check(self, spool: Spool, declared: MediaType) -> Scan:
        """Its kind, then the scanner's verdict. Raises ContentRefused.

        PENDING when the scanner is away: it is kept, and not served until it was scanned.
        """
        await asyncio.to_thread(check_content, spool, declared)
        if self.scanner is None:
            return Scan.UNSCANNED
        try:
            return await self.scanner.scan(_each(spool.plain()))
        except ScannerAway as error:
            log.warning("scanner_away", kind=str(error))
            return Scan.PENDING

    async def announce(
        self,
        session: AsyncSession,
        spool: Spool,
        media_type: MediaType,
        scan: Scan,
        partner_id: UUID | None,
    ) -> None:
        """Write the row of a file that is about to be stored."""
        sealed = await self.keyring.seal(
            session, partner_scope(), _context(spool.blob_id), spool.key
        )
        values = {
            "id": spool.blob_id,
            "partner_id": partner_id,
            "store": self.store.name,
            "scan": scan.value,
            "scanned_at": func.now() if scan is Scan.CLEAN else None,
            "media_type": media_type.value,
            "size": spool.size,
            "sha256": spool.sha256,
            "sealed_key": sealed,
        }
        await session.execute(insert(Blob).values(values).inline())

    async def put(self, spool: Spool) -> None:
        """Put the frames where they belong. Raises StoreAway."""
        await self.store.put(spool.blob_id, spool.sealed(), spool.size, spool.sealed_sha256)

    def may_be_served(self, scan: str) -> bool:
        """With a scanner only what it found clean; without one all but what one found infected."""
        return scan == Scan.CLEAN or (self.scanner is None and scan == Scan.UNSCANNED)

    async def cipher(self, session: AsyncSession, blob: Any) -> Cipher:
        """What opens the frames of a row of ``blobs``. Raises Undecipherable."""
        key = await self.keyring.open(session, _context(blob.id), blob.sealed_key)
        return Cipher(key, blob.id)

    def read(self, blob: Any, cipher: Cipher) -> AsyncIterator[bytes]:
        """The content of a stored file, frame by frame, outside any transaction.

        Raises StoreAway or BlobDamaged; the last frame comes only when the hash is right.
        """
        frames = self.store.open(blob.id, blob.size)
        return opened(cipher, blob.size, blob.sha256, frames)


async def _each(frames: Iterator[bytes]) -> AsyncIterator[bytes]:
    for frame in frames:
        yield frame


def _context(blob_id: UUID) -> str:
    return f"blobs|{blob_id}"


async def finish(session: AsyncSession, blob_id: UUID) -> None:
    """Its frames are stored, and it belongs to something from this transaction on."""
    await session.execute(update(Blob).where(Blob.id == blob_id).values(state="stored"))


async def remove(session: AsyncSession, blob_id: UUID) -> None:
    """It belongs to nothing any more: the sweeper takes it away. For retention."""
    await session.execute(update(Blob).where(Blob.id == blob_id).values(state="deleting"))


async def sweep(database: Database, store: BlobStore) -> int:
    """Take away what was removed and what was never finished; how many files were.

    Only those of this store: others wait for a worker that knows where they lie.
    """
    abandoned = Blob.created_at < func.now() - func.make_interval(0, 0, 0, 0, 0, _ABANDONED_MINUTES)
    lost = or_(Blob.state == "deleting", (Blob.state == "storing") & abandoned)
    async with database.session() as session:
        found = await session.scalars(
            select(Blob.id).where(lost, Blob.store == store.name).limit(_SWEEP)
        )
        ids = list(found)
    gone = 0
    for blob_id in ids:
        # First the bytes: a row that is left is swept again, bytes would lie for ever.
        await store.delete(blob_id)
        async with database.session() as session:
            gone += touched(await session.execute(delete(Blob).where(Blob.id == blob_id, lost)))
    return gone


def open_store(settings: Settings, database: Database, outbound: Outbound) -> BlobStore:
    """The store that the settings name."""
    if settings.blob_store == "postgresql":
        return PostgresStore(database)
    keys = (settings.require("s3_access_key"), settings.require("s3_secret_key"))
    endpoint, bucket = settings.require("s3_endpoint"), settings.require("s3_bucket")
    return S3Store(outbound, endpoint, bucket, settings.s3_region, keys)


def open_blobs(
    settings: Settings, database: Database, outbound: Outbound, keyring: KeyRing
) -> Blobs:
    """The files of a process with these settings."""
    scanner = Clamd(settings.scan_clamd) if settings.scan_clamd else None
    return Blobs(open_store(settings, database, outbound), keyring, scanner)


async def _blobs(request: Request) -> Blobs:
    blobs: Blobs = request.app.state.blobs
    return blobs


BlobsDep = Annotated[Blobs, Depends(_blobs)]
