"""Taking in the file of a document: no transaction waits for its sender, the scanner or the store.

The feature says what the file is for, by three steps of its own, each in its own transaction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.caller import Caller
from app.auth.streams import Stream
from app.core.blobs.errors import ContentInfected, ContentNotAccepted
from app.core.blobs.frames import Spool
from app.core.blobs.kinds import ContentRefused, MediaType
from app.core.blobs.scanner import Scan
from app.core.blobs.service import Blobs, ContentUnavailable
from app.core.blobs.stores import StoreAway
from app.core.http import version_etag


class Waiting(Protocol):
    """A document that waits for its file."""

    @property
    def partner_id(self) -> UUID: ...
    @property
    def media_type(self) -> MediaType: ...


Draft = TypeVar("Draft", bound=Waiting)


@dataclass(frozen=True, slots=True)
class Upload(Generic[Draft]):
    """The feature's steps. ``find``: the document, if the file may come now. ``infected``: put into
    the log that malware was sent. ``attach``: the stored file is the document's; may it still?
    """

    find: Callable[[AsyncSession, Caller], Awaitable[Draft]]
    infected: Callable[[AsyncSession, Caller, Draft, bytes], Awaitable[None]]
    attach: Callable[[AsyncSession, Caller, Draft, Spool], Awaitable[dict[str, Any]]]


async def take(
    request: Request, response: Response, uploader: Stream, blobs: Blobs, upload: Upload[Draft]
) -> dict[str, Any]:
    """Check, scan, store and attach the file in the request's body; the document with its file.

    Raises ContentNotAccepted, ContentInfected, ContentUnavailable, BodyTooLarge, and what the
    steps of ``upload`` raise.
    """
    async with uploader.chunk() as (session, caller):
        draft = await upload.find(session, caller)
    spool = await blobs.receive(request.stream())
    try:
        try:
            scan = await blobs.check(spool, draft.media_type)
        except ContentRefused as refusal:
            raise ContentNotAccepted(str(refusal)) from None
        async with uploader.chunk() as (session, caller):
            if scan is Scan.INFECTED:
                await upload.infected(session, caller, draft, spool.sha256)
            else:
                await blobs.announce(session, spool, draft.media_type, scan, draft.partner_id)
        if scan is Scan.INFECTED:
            raise ContentInfected
        try:
            await blobs.put(spool)
        except StoreAway as error:
            raise ContentUnavailable from error
        async with uploader.chunk() as (session, caller):
            made = await upload.attach(session, caller, draft, spool)
    finally:
        spool.close()
    response.headers["ETag"] = version_etag(made["version"])
    return made
