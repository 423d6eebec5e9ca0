"""HTTP of assessments' documents."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.assessments.documents import errors, papers, service
from app.assessments.documents.schemas import (
    AssessmentDocumentFilter,
    AssessmentDocumentIn,
    AssessmentDocumentOut,
    AssessmentDocumentPatch,
)
from app.assessments.errors import (
    AssessmentFinal,
    AssessmentNotFound,
    AssessmentSubmitted,
    PurposeNotShared,
    PurposeRequired,
)
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

_PATH = "/assessments/{assessment_id}/documents"
_READING = (AssessmentNotFound, ContentRedacted, PurposeRequired, PurposeNotShared)
_WRITING = (
    *(AssessmentNotFound, RoleLacksRight, ContentRedacted),
    *(AssessmentSubmitted, AssessmentFinal),
)
router = Router(tags=["assessment documents"], route_class=RegistryRoute)
uploads = Router(tags=["assessment documents"], route_class=UploadRoute)
Reader = Annotated[Caller, requires(Scope.ASSESSMENTS_DETAIL)]
Writer = Annotated[Caller, requires(Scope.ASSESSMENTS_WRITE)]
Creator = Annotated[Caller, requires_once(Scope.ASSESSMENTS_WRITE)]
Uploader = Annotated[Stream, requires_stream(Scope.ASSESSMENTS_WRITE)]
Version = Annotated[int, Depends(expected_version)]


@router.post(
    _PATH,
    status_code=201,
    operation_id="announceAssessmentDocument",
    response_model=AssessmentDocumentOut,
    responses=problems(*_WRITING, errors.StandardUnfit),
    summary="Announce a document of an assessment",
)
async def announce_document(
    assessment_id: UUID,
    new: AssessmentDocumentIn,
    caller: Creator,
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """Of an own draft; its file comes by PUT to its `content`. The title is stored encrypted."""
    made = await service.announce(session, keyring, caller, assessment_id, new)
    response.headers["Location"] = f"/v1/assessments/{assessment_id}/documents"
    response.headers["ETag"] = version_etag(made["version"])
    return made


@uploads.put(
    _PATH + "/{document_id}/content",
    operation_id="uploadAssessmentDocument",
    response_model=AssessmentDocumentOut,
    responses=problems(
        *_WRITING,
        errors.DocumentNotFound,
        errors.DocumentUploaded,
        ContentNotAccepted,
        ContentInfected,
        ContentUnavailable,
        PreconditionRequired,
        PreconditionFailed,
    ),
    openapi_extra=SENT,
    summary="Send the file of an assessment's document",
)
async def upload_document(
    request: Request,
    assessment_id: UUID,
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
            lambda session, caller: service.draft_of(
                session, caller, assessment_id, document_id, version
            ),
            papers.note_infected,
            lambda session, caller, draft, spool: service.attach(
                session, blobs.keyring, caller, draft, spool
            ),
        ),
    )


@router.get(
    _PATH,
    operation_id="listAssessmentDocuments",
    response_model=Page[AssessmentDocumentOut],
    responses=problems(*_READING, CursorInvalid),
    summary="List an assessment's documents",
)
async def list_documents(
    request: Request,
    assessment_id: UUID,
    caller: Reader,
    session: Session,
    filters: Annotated[AssessmentDocumentFilter, Query()],
    response: Response,
    access_purpose: PurposeHeader = None,
) -> dict[str, Any]:
    """For whoever may read the detail, on the same terms; the reading is logged."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await service.list_documents(
        session, caller, assessment_id, purposes_of(request), after, filters.limit
    )
    items, following = pager.page(list(rows), lambda row: [str(row.id)], response)
    return {"items": [papers.wire(row) for row in items], "next_cursor": following}


@router.get(
    _PATH + "/{document_id}/content",
    operation_id="readAssessmentDocument",
    response_class=Response,
    responses=problems(
        *_READING,
        errors.DocumentNotFound,
        DocumentNotScanned,
        DocumentQuarantined,
        ContentUnavailable,
    )
    | SERVED,
    summary="Download an assessment's document",
)
async def read_content(
    request: Request,
    assessment_id: UUID,
    document_id: UUID,
    caller: Reader,
    session: Session,
    blobs: BlobsDep,
    access_purpose: PurposeHeader = None,
) -> Response:
    """The file, as an attachment, for whoever may read the detail, on the same terms. Every
    download is logged before its first byte, and the owner can see the log.
    """
    content = await service.open_content(
        session, blobs, caller, assessment_id, document_id, purposes_of(request)
    )
    return ContentResponse(content)


@router.patch(
    _PATH + "/{document_id}",
    operation_id="changeAssessmentDocument",
    response_model=AssessmentDocumentOut,
    responses=problems(
        AssessmentNotFound,
        RoleLacksRight,
        ContentRedacted,
        errors.DocumentNotFound,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Let the partner see a document, or not",
)
async def change_document(
    assessment_id: UUID,
    document_id: UUID,
    patch: AssessmentDocumentPatch,
    version: Version,
    caller: Writer,
    session: Session,
    response: Response,
) -> dict[str, Any]:
    """Of an own assessment, also when it is final. Needs `If-Match`."""
    changed = await service.change(
        *(session, caller, assessment_id, document_id, version),
        partner_visible=patch.partner_visible,
    )
    response.headers["ETag"] = version_etag(changed["version"])
    return changed


@router.delete(
    _PATH + "/{document_id}",
    status_code=204,
    operation_id="deleteAssessmentDocument",
    responses=problems(*_WRITING, errors.DocumentNotFound, UnderLegalHold),
    summary="Delete a document of a draft",
)
async def delete_document(
    assessment_id: UUID, document_id: UUID, caller: Writer, session: Session
) -> None:
    """With its file, for good. Of what is submitted or final nothing is taken away."""
    await service.remove(session, caller, assessment_id, document_id)
