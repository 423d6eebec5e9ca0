"""HTTP of the detail. A router of its own: what is read often is found early."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Header, Request, Response

from app.assessments import detail
from app.assessments.errors import AssessmentNotFound, PurposeNotShared, PurposeRequired
from app.assessments.queries import DETAIL_FAST
from app.assessments.schemas import DetailOut
from app.audit.exceptions.errors import ContentRedacted
from app.auth.caller import Keys, VerifiedToken, caller_from, requires_token
from app.auth.scopes import Scope
from app.core.db import DatabaseDep
from app.core.errors import problems
from app.core.http import RegistryRoute, not_modified
from app.core.routing import Router

router = Router(prefix="/assessments", tags=["assessments"], route_class=RegistryRoute)
DetailReader = Annotated[VerifiedToken, requires_token(Scope.ASSESSMENTS_DETAIL)]


@router.get(
    "/{assessment_id}/detail",
    operation_id="readAssessmentDetail",
    response_model=DetailOut,
    responses=problems(AssessmentNotFound, ContentRedacted, PurposeRequired, PurposeNotShared)
    | {304: {"description": "Not modified"}},
    summary="Read an assessment's detail",
)
async def read_detail(
    request: Request,
    assessment_id: UUID,
    token: DetailReader,
    keyring: Keys,
    database: DatabaseDep,
    access_purpose: Annotated[
        str | None,
        Header(
            description='why a shared RESTRICTED detail is read: `CODE; ref="reference"`',
            examples=['PARTNER_SELECTION; ref="WFP-KE-2026-17"'],
        ),
    ] = None,
) -> Response:
    """The answers behind the rating. The reading is logged, and the owner can see the log.

    Checked in this order: scope (403), visibility (404), redaction (410), purpose (422).
    The owner's own reads and INTER_AGENCY details need no purpose.
    """
    headers = request.headers.getlist("access-purpose") if access_purpose is not None else []
    protected = Scope.PARTNERS_PROTECTED in token.scopes
    async with database.fast_read() as connection:
        row = await connection.fetchrow(DETAIL_FAST, token.client_id, assessment_id, protected)
        caller = caller_from(request, token, row, Scope.ASSESSMENTS_DETAIL)
        told = await detail.read_detail(connection, keyring, caller, row, headers, request.scope)
    return not_modified(request, told.etag) or Response(
        told.body, media_type="application/json", headers={"ETag": told.etag}
    )
