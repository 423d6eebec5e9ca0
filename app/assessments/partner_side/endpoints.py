"""HTTP of assessments for their partner, and of its comments for those who read the detail."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from app.assessments.documents import errors, papers
from app.assessments.documents.schemas import AssessmentDocumentFilter, AssessmentDocumentOut
from app.assessments.errors import (
    AssessmentNotFound,
    AssessmentNotSubmitted,
    MilestoneOrder,
    PurposeNotShared,
    PurposeRequired,
)
from app.assessments.partner_side import service
from app.assessments.partner_side.schemas import (
    CommentFilter,
    OwnAssessmentFilter,
    OwnAssessmentOut,
    OwnDetailOut,
)
from app.assessments.schemas import AssessmentOut
from app.audit.exceptions.errors import ContentRedacted
from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.errors import RoleLacksRight
from app.auth.scopes import Scope
from app.core.blobs.errors import DocumentNotScanned, DocumentQuarantined
from app.core.blobs.service import BlobsDep, ContentUnavailable
from app.core.blobs.serving import SERVED, ContentResponse
from app.core.clock import Now
from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute, version_etag
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.purpose import PurposeHeader, purposes_of
from app.partners.self_service import comments
from app.partners.self_service.schemas import CommentOut

_SELF = "/self/assessments"
_ONE = _SELF + "/{assessment_id}"
router = Router(tags=["assessments of the partner"], route_class=RegistryRoute)
Own = Annotated[Caller, requires(Scope.SELF_READ)]
Reader = Annotated[Caller, requires(Scope.ASSESSMENTS_DETAIL)]
Writer = Annotated[Caller, requires_once(Scope.ASSESSMENTS_WRITE)]


def _after(pager: Pager) -> tuple[datetime, UUID] | None:
    if pager.after is None:
        return None
    return datetime.fromisoformat(pager.after[0]), UUID(pager.after[1])


@router.get(
    _SELF,
    operation_id="listOwnAssessments",
    response_model=Page[OwnAssessmentOut],
    responses=problems(CursorInvalid),
    summary="List assessments of the own organisation",
)
async def list_own(
    request: Request,
    caller: Own,
    session: Session,
    filters: Annotated[OwnAssessmentFilter, Query()],
    response: Response,
) -> dict[str, Any]:
    """Final ones of every agency and those shown for a comment, newest first; without what is an
    agency's alone, or kept back by oversight for a time."""
    pager = Pager(request, caller.client_id, filters.limit, filters.cursor)
    rows = await service.list_own(session, caller, _after(pager), filters.limit)
    items, following = pager.page(
        list(rows), lambda row: [row.created_at.isoformat(), str(row.id)], response
    )
    return {"items": await service.shown(session, items), "next_cursor": following}


@router.get(
    _ONE + "/detail",
    operation_id="readOwnAssessment",
    response_model=OwnDetailOut,
    responses=problems(AssessmentNotFound, ContentRedacted),
    summary="Read an assessment of the own organisation",
)
async def read_own(
    assessment_id: UUID, caller: Own, session: Session, keyring: Keys
) -> dict[str, Any]:
    """The detail of a final one, as the type gives it to the partner. The reading is logged."""
    return await service.read_own_detail(session, keyring, caller, assessment_id)


@router.get(
    _ONE + "/documents",
    operation_id="listOwnAssessmentDocuments",
    response_model=Page[AssessmentDocumentOut],
    responses=problems(AssessmentNotFound, ContentRedacted, CursorInvalid),
    summary="List documents of an assessment of the own organisation",
)
async def list_own_documents(
    request: Request,
    assessment_id: UUID,
    caller: Own,
    session: Session,
    filters: Annotated[AssessmentDocumentFilter, Query()],
    response: Response,
) -> dict[str, Any]:
    """Those that the agency lets the partner see."""
    pager = Pager(request, caller.client_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await service.list_own_documents(session, caller, assessment_id, after, filters.limit)
    items, following = pager.page(list(rows), lambda row: [str(row.id)], response)
    return {"items": [papers.wire(row) for row in items], "next_cursor": following}


@router.get(
    _ONE + "/documents/{document_id}/content",
    operation_id="readOwnAssessmentDocument",
    response_class=Response,
    responses=problems(
        AssessmentNotFound,
        ContentRedacted,
        errors.DocumentNotFound,
        DocumentNotScanned,
        DocumentQuarantined,
        ContentUnavailable,
    )
    | SERVED,
    summary="Download a document of an assessment of the own organisation",
)
async def read_own_document(
    assessment_id: UUID, document_id: UUID, caller: Own, session: Session, blobs: BlobsDep
) -> Response:
    """One that the agency lets the partner see. Every download is logged."""
    return ContentResponse(
        await service.open_own_document(session, blobs, caller, assessment_id, document_id)
    )


@router.post(
    "/assessments/{assessment_id}/comment-request",
    status_code=201,
    operation_id="requestPartnerComment",
    response_model=AssessmentOut,
    responses=problems(AssessmentNotFound, RoleLacksRight, AssessmentNotSubmitted, MilestoneOrder),
    summary="Ask the partner to comment before an assessment is final",
)
async def ask_for_comment(
    assessment_id: UUID, caller: Writer, session: Session, now: Now, response: Response
) -> dict[str, Any]:
    """Shows the summary of an own submitted assessment to its partner, which has 15 days to
    comment; records the step `draft_to_partner`, and `partner_comments` when it has. What is sent
    back is shown no more.
    """
    changed = await service.ask_for_comment(session, caller, assessment_id, now.date())
    response.headers["ETag"] = version_etag(changed["version"])
    return changed


@router.get(
    "/assessments/{assessment_id}/comments",
    operation_id="listAssessmentComments",
    response_model=Page[CommentOut],
    responses=problems(
        AssessmentNotFound, ContentRedacted, PurposeRequired, PurposeNotShared, CursorInvalid
    ),
    summary="Read the partner's comments on an assessment",
)
async def list_comments(
    request: Request,
    assessment_id: UUID,
    caller: Reader,
    session: Session,
    keyring: Keys,
    filters: Annotated[CommentFilter, Query()],
    response: Response,
    access_purpose: PurposeHeader = None,
) -> dict[str, Any]:
    """For whoever may read the detail, newest first; the reading is logged. All but the owner
    state a purpose.
    """
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    purposes = purposes_of(request)
    rows = await service.list_comments(
        session, caller, assessment_id, purposes, _after(pager), filters.limit
    )
    items, following = pager.page(
        list(rows), lambda row: [row.made_at.isoformat(), str(row.id)], response
    )
    found = await comments.disclose(session, keyring, caller, items, purposes)
    return {"items": found, "next_cursor": following}
