"""Serving a stored file: always an attachment, and nothing of it before it is known to be right."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import UUID

from fastapi import Response
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.types import Receive, Scope, Send

from app.core.blobs.errors import DocumentNotScanned, DocumentQuarantined
from app.core.blobs.frames import BlobDamaged
from app.core.blobs.kinds import EXTENSIONS, MediaType
from app.core.blobs.service import Blobs, ContentUnavailable
from app.core.blobs.stores import StoreAway

BINARY = {"schema": {"type": "string", "format": "binary"}}
SERVED: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file", "content": {kind.value: BINARY for kind in MediaType}}
}
SENT = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": BINARY | {"example": "%PDF-1.7"}},
    }
}
"""The body of an upload, for `openapi_extra`."""


@dataclass(frozen=True, slots=True)
class Content:
    """A file about to be served; its reading is in the log of the open transaction."""

    media_type: str
    file_name: str
    size: int
    sha256: bytes
    pieces: AsyncIterator[bytes]


class _Blob(NamedTuple):
    """What reading a file needs of its row."""

    id: UUID
    size: int
    sha256: bytes
    sealed_key: bytes


def require_servable(blobs: Blobs, scan: str) -> None:
    """Raises DocumentQuarantined or DocumentNotScanned."""
    if not blobs.may_be_served(scan):
        raise DocumentQuarantined if scan == "infected" else DocumentNotScanned


async def open_file(session: AsyncSession, blobs: Blobs, row: Any, title: str) -> Content:
    """The file of a document's row, which has ``blob_id`` and what its blob says of it.

    Raises Undecipherable. Whether it may be served is asked before: `require_servable`.
    """
    blob = _Blob(row.blob_id, row.size, row.sha256, row.sealed_key)
    cipher = await blobs.cipher(session, blob)
    media_type = MediaType(row.media_type)
    name = f"{title}.{EXTENSIONS[media_type]}"
    return Content(media_type.value, name, row.size, row.sha256, blobs.read(blob, cipher))


class ContentResponse(Response):
    """A file as an attachment. Nothing is sent before its first part is known to be right."""

    def __init__(self, content: Content) -> None:
        super().__init__(media_type=content.media_type)
        name = quote(content.file_name.replace("/", "_").replace("\\", "_"), safe="")
        self._pieces = content.pieces
        self.headers["Content-Type"] = content.media_type
        self.headers["Content-Length"] = str(content.size)
        self.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
        self.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
        self.headers["Cache-Control"] = "private, no-store"
        digest = base64.b64encode(content.sha256).decode()
        self.headers["Repr-Digest"] = f"sha-256=:{digest}:"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises ContentUnavailable before anything is sent; later a fault ends the connection."""
        pieces = self._pieces
        try:
            piece = await anext(aiter(pieces))
        except (StoreAway, BlobDamaged) as error:
            raise ContentUnavailable from error
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        async for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
