"""HTTP of findings' documents, for agencies and for the partner that a finding is about."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.assessments.documents import papers
from app.assessments.documents.errors import DocumentNotFound, DocumentUploaded, EvidenceKept
from app.assessments.documents.schemas import (
    AssessmentDocumentFilter,
    AssessmentDocumentPatch,
    FindingDocumentIn,
    FindingDocumentOut,
)
from app.assessments.errors import PurposeNotShared, PurposeRequired
from app.assessments.findings import documents
from app.assessments.findings.errors import FindingNotFound, FindingNotOpen
from app.audit.exceptions.errors import ContentRedacted, UnderLegalHold
from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.errors import RoleLacksRight
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
from app.partners.purpose import PurposeHeader, purposes_of

_PATH = "/findings/{finding_id}/documents"
_OWN_PATH = f"/self{_PATH}"
_READING = (FindingNotFound, ContentRedacted, PurposeRequired, PurposeNotShared)
_WRITING = (FindingNotFound, RoleLacksRight, FindingNotOpen)
_SERVING = (DocumentNotFound, DocumentNotScanned, DocumentQuarantined, ContentUnavailable)
router = Router(tags=["findings"], route_class=RegistryRoute)
uploads = Router(tags=["findings"], route_class=UploadRoute)
own_router = Router(tags=["self"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.ASSESSMENTS_DETAIL)]
Writer = Annotated[Caller, requires(Scope.ASSESSMENTS_WRITE)]
Creator = Annotated[Caller, requires_once(Scope.ASSESSMENTS_WRITE)]
Uploader = Annotated[Stream, requires_stream(Scope.ASSESSMENTS_WRITE)]
Own = Annotated[Caller, requires(Scope.SELF_READ)]
Version = Annotated[int, Depends(expected_version)]


def _page(rows: Any, pager: Pager, response: Response) -> dict[str, Any]:
    items, following = pager.page(list(rows), lambda row: [str(row.id)], response)
    return {"items": [papers.wire(row) for row in items], "next_cursor": following}


@router.post(
    _PATH,
    status_code=201,
    operation_id="announceFindingDocument",
    response_model=FindingDocumentOut,
    responses=problems(*_WRITING),
    summary="Announce a document of a finding",
)
async def announce_document(
    finding_id: UUID,
    new: FindingDocumentIn,
    caller: Creator,
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """Of an own finding that is open: what shows that it was acted on. Its file comes by PUT to its
    `content`. The title is stored encrypted."""
    made = await documents.announce(session, keyring, caller, finding_id, new)
    response.headers["Location"] = f"/v1/findings/{finding_id}/documents"
    response.headers["ETag"] = version_etag(made["version"])
    return made


@uploads.put(
    _PATH + "/{document_id}/content",
    operation_id="uploadFindingDocument",
    response_model=FindingDocumentOut,
    responses=problems(
        *(*_WRITING, DocumentNotFound, DocumentUploaded, ContentNotAccepted, ContentInfected),
        *(ContentUnavailable, PreconditionRequired, PreconditionFailed),
    ),
    openapi_extra=SENT,
    summary="Send the file of a finding's document",
)
async def upload_document(
    request: Request,
    finding_id: UUID,
    document_id: UUID,
    version: Version,
    uploader: Uploader,
    blobs: BlobsDep,
    response: Response,
) -> dict[str, Any]:
    """The file as it is, `application/octet-stream`, at most 25 MB; `If-Match` with the ETag of
    the announced document. It must be what `media_type` said.
    """
    return await take(
        *(request, response, uploader, blobs),
        Upload(
            lambda session, caller: documents.draft_of(
                session, caller, finding_id, document_id, version
            ),
            papers.note_infected,
            lambda session, caller, draft, spool: documents.attach(
                session, blobs.keyring, caller, draft, spool
            ),
        ),
    )


@router.get(
    _PATH,
    operation_id="listFindingDocuments",
    response_model=Page[FindingDocumentOut],
    responses=problems(*_READING, CursorInvalid),
    summary="List a finding's documents",
)
async def list_documents(
    request: Request,
    finding_id: UUID,
    caller: Reader,
    session: Session,
    filters: Annotated[AssessmentDocumentFilter, Query()],
    response: Response,
    access_purpose: PurposeHeader = None,
) -> dict[str, Any]:
    """For whoever may read the finding, on the same terms; the reading is logged."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await documents.list_documents(
        session, caller, finding_id, purposes_of(request), after, filters.limit
    )
    return _page(rows, pager, response)


@router.get(
    _PATH + "/{document_id}/content",
    operation_id="readFindingDocument",
    response_class=Response,
    responses=problems(*_READING, *_SERVING) | SERVED,
    summary="Download a finding's document",
)
async def read_content(
    request: Request,
    finding_id: UUID,
    document_id: UUID,
    caller: Reader,
    session: Session,
    blobs: BlobsDep,
    access_purpose: PurposeHeader = None,
) -> Response:
    """The file, as an attachment, for whoever may read the finding, on the same terms. Every
    download is logged before its first byte, as a disclosure of the assessment.
    """
    content = await documents.open_content(
        session, blobs, caller, finding_id, document_id, purposes_of(request)
    )
    return ContentResponse(content)


@router.patch(
    _PATH + "/{document_id}",
    operation_id="changeFindingDocument",
    response_model=FindingDocumentOut,
    responses=problems(
        *(FindingNotFound, RoleLacksRight, DocumentNotFound),
        *(PreconditionRequired, PreconditionFailed),
    ),
    summary="Let the partner see a finding's document, or not",
)
async def change_document(
    finding_id: UUID,
    document_id: UUID,
    patch: AssessmentDocumentPatch,
    version: Version,
    caller: Writer,
    session: Session,
    response: Response,
) -> dict[str, Any]:
    """Of an own finding, also when it is closed. Needs `If-Match`."""
    changed = await documents.change(
        *(session, caller, finding_id, document_id, version),
        partner_visible=patch.partner_visible,
    )
    response.headers["ETag"] = version_etag(changed["version"])
    return changed


@router.delete(
    _PATH + "/{document_id}",
    status_code=204,
    operation_id="deleteFindingDocument",
    responses=problems(*_WRITING, DocumentNotFound, EvidenceKept, UnderLegalHold),
    summary="Delete a document of an open finding",
)
async def delete_document(
    finding_id: UUID, document_id: UUID, caller: Writer, session: Session
) -> None:
    """With its file, for good. What the finding was closed with stays, also when it is reopened."""
    await documents.remove(session, caller, finding_id, document_id)


@own_router.get(
    _OWN_PATH,
    operation_id="listOwnFindingDocuments",
    response_model=Page[FindingDocumentOut],
    responses=problems(FindingNotFound, CursorInvalid),
    summary="List documents of a finding about the own organisation",
)
async def list_own_documents(
    request: Request,
    finding_id: UUID,
    caller: Own,
    session: Session,
    filters: Annotated[AssessmentDocumentFilter, Query()],
    response: Response,
) -> dict[str, Any]:
    """Those that the agency lets the partner see."""
    pager = Pager(request, caller.client_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await documents.list_own(session, caller, finding_id, after, filters.limit)
    return _page(rows, pager, response)


@own_router.get(
    _OWN_PATH + "/{document_id}/content",
    operation_id="readOwnFindingDocument",
    response_class=Response,
    responses=problems(FindingNotFound, *_SERVING) | SERVED,
    summary="Download a document of a finding about the own organisation",
)
async def read_own_document(
    finding_id: UUID, document_id: UUID, caller: Own, session: Session, blobs: BlobsDep
) -> Response:
    """One that the agency lets the partner see. Every download is logged."""
    return ContentResponse(
        await documents.open_own(session, blobs, caller, finding_id, document_id)
    )
