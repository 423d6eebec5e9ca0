"""HTTP of partners' documents."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.audit.errors import PurposeRequired
from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.scopes import Scope
from app.auth.streams import Stream, requires_stream
from app.auth.uploads import Upload, take
from app.core.blobs.errors import (
    ContentInfected,
    ContentNotAccepted,
    DocumentNotScanned,
    DocumentQuarantined,
)
from app.core.blobs.service import BlobsDep, ContentUnavailable
from app.core.blobs.serving import SENT, SERVED, ContentResponse
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
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.documents import errors, service
from app.partners.documents.codes import DeletionReason
from app.partners.documents.schemas import DocumentFilter, DocumentIn, DocumentOut
from app.partners.errors import EditsFrozen, OwnedByPartner, PartnerNotFound
from app.partners.purpose import PurposeHeader, purposes_of

_PATH = "/partners/{partner_id}/documents"
router = Router(tags=["documents"], route_class=RegistryRoute)
uploads = Router(tags=["documents"], route_class=UploadRoute)
Reader = Annotated[Caller, requires(Scope.PARTNERS_READ)]
ContentReader = Annotated[Caller, requires(Scope.DOCUMENTS_READ)]
Writer = Annotated[Caller, requires(Scope.PARTNERS_WRITE)]
Creator = Annotated[Caller, requires_once(Scope.PARTNERS_WRITE)]
Uploader = Annotated[Stream, requires_stream(Scope.PARTNERS_WRITE)]


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
        ContentNotAccepted,
        ContentInfected,
        ContentUnavailable,
        PreconditionRequired,
        PreconditionFailed,
    ),
    openapi_extra=SENT,
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
    return await take(
        *(request, response, uploader, blobs),
        Upload(
            lambda session, caller: service.draft_of(
                session, caller, partner_id, document_id, version
            ),
            service.note_infected,
            service.attach,
        ),
    )


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


@router.get(
    _PATH + "/{document_id}/content",
    operation_id="readDocumentContent",
    response_class=Response,
    responses=problems(
        PartnerNotFound,
        errors.DocumentNotFound,
        PurposeRequired,
        DocumentNotScanned,
        DocumentQuarantined,
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
