"""HTTP of partners' documents."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from app.audit.errors import PurposeRequired
from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.scopes import Scope
from app.auth.streams import Stream, requires_stream
from app.core.blobs.frames import BlobDamaged
from app.core.blobs.kinds import MediaType
from app.core.blobs.scanner import Scan
from app.core.blobs.service import BlobsDep, ContentUnavailable
from app.core.blobs.stores import StoreAway
from app.core.db import Session
from app.core.errors import problems
from app.core.http import (
    PreconditionFailed,
    PreconditionRequired,
    RegistryRoute,
    UploadRoute,
    expected_version,
    version_etag,
)
from app.core.paging import CursorInvalid, Pager
from app.core.schemas import Page
from app.partners.documents import errors, service
from app.partners.documents.codes import DeletionReason
from app.partners.documents.schemas import DocumentFilter, DocumentIn, DocumentOut
from app.partners.errors import EditsFrozen, OwnedByPartner, PartnerNotFound
from app.partners.purpose import PurposeHeader, purposes_of

_PATH = "/partners/{partner_id}/documents"
router = APIRouter(tags=["documents"], route_class=RegistryRoute)
uploads = APIRouter(tags=["documents"], route_class=UploadRoute)
Reader = Annotated[Caller, requires(Scope.PARTNERS_READ)]
ContentReader = Annotated[Caller, requires(Scope.DOCUMENTS_READ)]
Writer = Annotated[Caller, requires(Scope.PARTNERS_WRITE)]
Creator = Annotated[Caller, requires_once(Scope.PARTNERS_WRITE)]
Uploader = Annotated[Stream, requires_stream(Scope.PARTNERS_WRITE)]
BINARY = {"schema": {"type": "string", "format": "binary"}}
SERVED: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file", "content": {kind.value: BINARY for kind in MediaType}}
}


@router.post(
    _PATH,
    status_code=201,
    operation_id="announceDocument",
    response_model=DocumentOut,
    responses=problems(
        PartnerNotFound,
        errors.PeriodInvalid,
        errors.SupersededUnknown,
        EditsFrozen,
        OwnedByPartner,
    ),
    summary="Announce a document",
)
async def announce_document(
    partner_id: UUID,
    new: DocumentIn,
    caller: Creator,
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """A draft that only its uploader sees; its file comes by PUT to its `content`."""
    made = await service.announce(session, keyring, caller, partner_id, new)
    response.headers["Location"] = f"/v1/partners/{partner_id}/documents/{made['id']}"
    response.headers["ETag"] = version_etag(made["version"])
    return made


@uploads.put(
    _PATH + "/{document_id}/content",
    operation_id="uploadDocument",
    response_model=DocumentOut,
    responses=problems(
        PartnerNotFound,
        errors.DocumentNotFound,
        errors.DocumentUploaded,
        EditsFrozen,
        OwnedByPartner,
        errors.ContentNotAccepted,
        errors.ContentInfected,
        ContentUnavailable,
        PreconditionRequired,
        PreconditionFailed,
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": BINARY | {"example": "%PDF-1.7"}},
        }
    },
    summary="Send a document's file",
)
async def upload_document(
    request: Request,
    partner_id: UUID,
    document_id: UUID,
    version: Annotated[int, Depends(expected_version)],
    uploader: Uploader,
    blobs: BlobsDep,
    response: Response,
) -> dict[str, Any]:
    """The file as it is, `application/octet-stream`, at most 25 MB; `If-Match` with the draft's
    ETag. It must be what `media_type` said: macros, scripts, markup and programs are refused.
    """
    return await receive(request, partner_id, document_id, version, uploader, blobs, response)


async def receive(
    request: Request,
    partner_id: UUID,
    document_id: UUID,
    version: int,
    uploader: Stream,
    blobs: BlobsDep,
    response: Response,
) -> dict[str, Any]:
    """Take the file of a draft: check, scan, store, attach. Raises what `uploadDocument` says."""
    async with uploader.chunk() as (session, caller):
        draft = await service.draft_of(session, caller, partner_id, document_id, version)
    spool = await blobs.receive(request.stream())
    try:
        scan = await service.checked(blobs, spool, draft.media_type)
        async with uploader.chunk() as (session, caller):
            if scan is Scan.INFECTED:
                await service.note_infected(session, caller, draft, spool.sha256)
            else:
                await blobs.announce(session, spool, draft.media_type, scan, draft.partner_id)
        if scan is Scan.INFECTED:
            raise errors.ContentInfected
        await service.store(blobs, spool)
        async with uploader.chunk() as (session, caller):
            made = await service.attach(session, caller, draft, spool)
    finally:
        spool.close()
    response.headers["ETag"] = version_etag(made["version"])
    return made


@router.get(
    _PATH,
    operation_id="listDocuments",
    response_model=Page[DocumentOut],
    responses=problems(PartnerNotFound, CursorInvalid),
    summary="List a partner's documents",
)
async def list_documents(
    request: Request,
    partner_id: UUID,
    caller: Reader,
    session: Session,
    filters: Annotated[DocumentFilter, Query()],
    response: Response,
) -> dict[str, Any]:
    """Newest first, those of merged profiles included. RESTRICTED ones: for `documents:read`."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = None
    if pager.after:
        after = (datetime.fromisoformat(pager.after[0]), UUID(pager.after[1]))
    rows = list(await service.list_documents(session, caller, partner_id, filters, after))
    items, following = pager.page(
        rows, lambda row: [row.created_at.isoformat(), str(row.id)], response
    )
    return {"items": [service.wire(row) for row in items], "next_cursor": following}


@router.get(
    _PATH + "/{document_id}",
    operation_id="getDocument",
    response_model=DocumentOut,
    responses=problems(PartnerNotFound, errors.DocumentNotFound),
    summary="Read what a document is",
)
async def get_document(
    partner_id: UUID, document_id: UUID, caller: Reader, session: Session, response: Response
) -> dict[str, Any]:
    """Kind, dates, level, hash and state; not its contents."""
    found = await service.get(session, caller, partner_id, document_id)
    response.headers["ETag"] = version_etag(found["version"])
    return found


class ContentResponse(Response):
    """A file as an attachment. Nothing is sent before its first part is known to be right."""

    def __init__(self, content: service.Content) -> None:
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

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
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


@router.get(
    _PATH + "/{document_id}/content",
    operation_id="readDocumentContent",
    response_class=Response,
    responses=problems(
        PartnerNotFound,
        errors.DocumentNotFound,
        PurposeRequired,
        errors.DocumentNotScanned,
        errors.DocumentQuarantined,
        ContentUnavailable,
    )
    | SERVED,
    summary="Download a document",
)
async def read_document_content(
    request: Request,
    partner_id: UUID,
    document_id: UUID,
    caller: ContentReader,
    session: Session,
    blobs: BlobsDep,
    access_purpose: PurposeHeader = None,
) -> Response:
    """The file, always as an attachment. Every download is logged before its first byte.

    A RESTRICTED one of somebody else needs `Access-Purpose`.
    """
    content = await service.open_content(
        session, blobs, caller, partner_id, document_id, purposes_of(request)
    )
    return ContentResponse(content)


@router.delete(
    _PATH + "/{document_id}",
    status_code=204,
    operation_id="deleteDocument",
    responses=problems(PartnerNotFound, errors.DocumentNotFound),
    summary="Delete a document",
)
async def delete_document(
    partner_id: UUID,
    document_id: UUID,
    reason: DeletionReason,
    caller: Writer,
    session: Session,
) -> None:
    """Take an own document out of sight, for a reason; its file is kept as retention says."""
    await service.delete(session, caller, partner_id, document_id, reason)
