"""HTTP of the partner's own people and documents."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.scopes import Scope
from app.auth.streams import Stream, requires_stream
from app.core.blobs.errors import (
    ContentInfected,
    ContentNotAccepted,
    DocumentNotScanned,
    DocumentQuarantined,
)
from app.core.blobs.service import BlobsDep, ContentUnavailable
from app.core.blobs.serving import SENT, SERVED, ContentResponse
from app.core.clock import Now
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
from app.partners.documents import endpoints as files
from app.partners.documents import errors as document_errors
from app.partners.documents import service as documents
from app.partners.documents.schemas import DocumentFilter, DocumentIn, DocumentOut
from app.partners.errors import EditsFrozen, PartnerMerged
from app.partners.people import errors, requests
from app.partners.people import service as people
from app.partners.people.endpoints import page_after, page_key
from app.partners.people.schemas import (
    PeopleFilter,
    PersonEnd,
    PersonEntry,
    PersonIn,
    PersonOut,
    PersonPatch,
    PersonRequestIn,
    PersonRequestOut,
)
from app.partners.self_service.access import own_id

router = Router(prefix="/self", tags=["self"], route_class=RegistryRoute)
uploads = Router(prefix="/self", tags=["self"], route_class=UploadRoute)
Reader = Annotated[Caller, requires(Scope.SELF_READ)]
Writer = Annotated[Caller, requires(Scope.SELF_WRITE)]
Creator = Annotated[Caller, requires_once(Scope.SELF_WRITE)]
Uploader = Annotated[Stream, requires_stream(Scope.SELF_WRITE)]


@router.get(
    "/people",
    operation_id="listOwnPeople",
    response_model=Page[PersonOut],
    responses=problems(PartnerMerged, CursorInvalid),
    summary="Read the own people",
)
async def list_people(
    request: Request,
    caller: Reader,
    session: Session,
    keyring: Keys,
    filters: Annotated[PeopleFilter, Query()],
    response: Response,
) -> dict[str, Any]:
    """Those who stand for the organisation; the reading is logged."""
    pager = Pager(request, caller.client_id, filters.limit, filters.cursor)
    rows, stated = await people.list_people(
        session, caller, own_id(caller), filters, page_after(pager), []
    )
    page, following = pager.page(list(rows), page_key, response)
    shown = await people.disclose(session, keyring, caller, own_id(caller), page, stated)
    return {"items": shown, "next_cursor": following}


@router.post(
    "/people",
    status_code=201,
    operation_id="addOwnPerson",
    response_model=PersonEntry,
    responses=problems(PartnerMerged, EditsFrozen, errors.NoticeUnknown),
    summary="Add a person to the own profile",
)
async def add_person(
    new: PersonIn, caller: Creator, session: Session, keyring: Keys, response: Response
) -> dict[str, Any]:
    """Who was given which privacy notice belongs to it."""
    made = await people.add_person(session, keyring, caller, own_id(caller), new)
    response.headers["Location"] = "/v1/self/people"
    response.headers["ETag"] = version_etag(made["version"])
    return made


@router.patch(
    "/people/{person_id}",
    operation_id="changeOwnPerson",
    response_model=PersonEntry,
    responses=problems(
        PartnerMerged,
        EditsFrozen,
        errors.PersonEntryNotFound,
        errors.PersonErased,
        errors.PersonPatchInvalid,
        errors.NoticeUnknown,
        errors.PeriodInvalid,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Change an own person's entry",
)
async def change_person(
    person_id: UUID,
    patch: PersonPatch,
    version: Annotated[int, Depends(expected_version)],
    caller: Writer,
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """JSON Merge Patch; what was before is kept, sealed."""
    changed = await people.change_person(
        session, keyring, caller, own_id(caller), person_id, version, patch
    )
    response.headers["ETag"] = version_etag(changed["version"])
    return changed


@router.post(
    "/people/{person_id}/end",
    status_code=201,
    operation_id="endOwnPerson",
    response_model=PersonEntry,
    responses=problems(
        PartnerMerged,
        EditsFrozen,
        errors.PersonEntryNotFound,
        errors.PersonErased,
        errors.PersonEnded,
        errors.PeriodInvalid,
        errors.ReplacementUnknown,
    ),
    summary="End an own person's entry",
)
async def end_person(
    person_id: UUID,
    end: PersonEnd,
    caller: Creator,
    session: Session,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """Somebody no longer stands for the organisation."""
    ended = await people.end_person(session, caller, own_id(caller), person_id, end, now.date())
    response.headers["ETag"] = version_etag(ended["version"])
    return ended


@router.post(
    "/people/{person_id}/requests",
    status_code=201,
    operation_id="fileOwnPersonRequest",
    response_model=PersonRequestOut,
    responses=problems(
        PartnerMerged, errors.PersonEntryNotFound, errors.PersonErased, errors.ReceivedInFuture
    ),
    summary="File a person's request through the partner",
)
async def file_request(
    person_id: UUID,
    new: PersonRequestIn,
    caller: Creator,
    session: Session,
    keyring: Keys,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """Access, correction or erasure; `owner_agency` answers within 30 days."""
    made = await requests.file_request(
        session, keyring, caller, own_id(caller), person_id, new, now.date()
    )
    response.headers["Location"] = f"/v1/self/people/{person_id}/requests"
    return made


@router.get(
    "/people/{person_id}/requests",
    operation_id="listOwnPersonRequests",
    response_model=Page[PersonRequestOut],
    responses=problems(PartnerMerged, errors.PersonEntryNotFound, CursorInvalid),
    summary="List requests of an own person that the partner filed",
)
async def list_requests(
    request: Request,
    person_id: UUID,
    caller: Reader,
    session: Session,
    response: Response,
    filters: Annotated[PeopleFilter, Query()],
) -> dict[str, Any]:
    """Newest first, with their deadlines."""
    pager = Pager(request, caller.client_id, filters.limit, filters.cursor)
    rows = await requests.list_of_person(
        session, caller, own_id(caller), person_id, page_after(pager), filters.limit
    )
    items, following = pager.page(list(rows), page_key, response)
    return {"items": [requests.wire(row) for row in items], "next_cursor": following}


@router.post(
    "/documents",
    status_code=201,
    operation_id="announceOwnDocument",
    response_model=DocumentOut,
    responses=problems(
        PartnerMerged,
        EditsFrozen,
        document_errors.PeriodInvalid,
        document_errors.SupersededUnknown,
    ),
    summary="Announce an own document",
)
async def announce(
    new: DocumentIn, caller: Creator, session: Session, keyring: Keys, response: Response
) -> dict[str, Any]:
    """A draft that only the partner sees; its file comes by PUT to its `content`."""
    made = await documents.announce(session, keyring, caller, own_id(caller), new)
    response.headers["Location"] = f"/v1/self/documents/{made['id']}"
    response.headers["ETag"] = version_etag(made["version"])
    return made


@uploads.put(
    "/documents/{document_id}/content",
    operation_id="uploadOwnDocument",
    response_model=DocumentOut,
    responses=problems(
        PartnerMerged,
        document_errors.DocumentNotFound,
        document_errors.DocumentUploaded,
        ContentNotAccepted,
        ContentInfected,
        ContentUnavailable,
        PreconditionRequired,
        PreconditionFailed,
    ),
    openapi_extra=SENT,
    summary="Send an own document's file",
)
async def upload(
    request: Request,
    document_id: UUID,
    version: Annotated[int, Depends(expected_version)],
    uploader: Uploader,
    blobs: BlobsDep,
    response: Response,
) -> dict[str, Any]:
    """The file as it is, `application/octet-stream`; `If-Match` with the draft's ETag."""
    own = own_id(uploader.caller)
    return await files.receive(request, own, document_id, version, uploader, blobs, response)


@router.get(
    "/documents/{document_id}/content",
    operation_id="readOwnDocumentContent",
    response_class=Response,
    responses=problems(
        PartnerMerged,
        document_errors.DocumentNotFound,
        DocumentNotScanned,
        DocumentQuarantined,
        ContentUnavailable,
    )
    | SERVED,
    summary="Download a document about the own organisation",
)
async def read_document_content(
    document_id: UUID, caller: Reader, session: Session, blobs: BlobsDep
) -> Response:
    """Any document of `GET /v1/self/documents`, always as an attachment; logged before its first
    byte."""
    content = await documents.open_content(session, blobs, caller, own_id(caller), document_id, [])
    return ContentResponse(content)


@router.get(
    "/documents",
    operation_id="listOwnDocuments",
    response_model=Page[DocumentOut],
    responses=problems(PartnerMerged, CursorInvalid),
    summary="List documents about the own organisation",
)
async def list_documents(
    request: Request,
    caller: Reader,
    session: Session,
    filters: Annotated[DocumentFilter, Query()],
    response: Response,
) -> dict[str, Any]:
    """The own ones, and those of agencies that are not RESTRICTED; newest first."""
    pager = Pager(request, caller.client_id, filters.limit, filters.cursor)
    after = None
    if pager.after:
        after = (datetime.fromisoformat(pager.after[0]), UUID(pager.after[1]))
    rows = list(await documents.list_documents(session, caller, own_id(caller), filters, after))
    items, following = pager.page(rows, page_key, response)
    return {"items": [documents.wire(row) for row in items], "next_cursor": following}
