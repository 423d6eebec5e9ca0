"""HTTP of assessments: filing, reading, who has read."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError

from app.agencies.errors import AgencyUnknown
from app.assessments import detail, service
from app.assessments.errors import (
    AssessmentFinal,
    AssessmentNotFound,
    AssessmentSubmitted,
    DetailInvalid,
    MethodologyUnknown,
    NoteMissing,
)
from app.assessments.life_cycle import overlaps
from app.assessments.schemas import (
    AssessmentFilter,
    AssessmentOut,
    AssessmentPatch,
    DisclosureOut,
    FiledOut,
)
from app.assessments.types import ALL, AssessmentIn
from app.assessments.wire import etag_of, shown
from app.audit.exceptions.errors import ContentRedacted, UnderLegalHold
from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.errors import LevelAboveClient, RoleLacksRight
from app.auth.scopes import Scope
from app.core.clock import Now
from app.core.db import Session
from app.core.errors import problems
from app.core.http import (
    Handler,
    PreconditionFailed,
    PreconditionRequired,
    RegistryRoute,
    expected_version,
    not_modified,
    version_etag,
)
from app.core.paging import LIMIT_DEFAULT, CursorInvalid, CursorText, Limit, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.errors import PartnerMerged, PartnerNotFound, PatchEmpty


class TypedRoute(RegistryRoute):
    """Route whose body is a union by `type`: error pointers lead into the body as it was sent."""

    def get_route_handler(self) -> Handler:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await inner(request)
            except RequestValidationError as error:
                # The union names the chosen member inside the location.
                errors = [item | {"loc": _untagged(item["loc"])} for item in error.errors()]
                raise RequestValidationError(errors) from None

        return handle


def _untagged(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    return (loc[0], *loc[2:]) if loc[0] == "body" and loc[1:2] and loc[1] in ALL else loc


router = Router(prefix="/assessments", tags=["assessments"], route_class=TypedRoute)
Reader = Annotated[Caller, requires(Scope.ASSESSMENTS_READ)]
Filer = Annotated[Caller, requires_once(Scope.ASSESSMENTS_WRITE)]
Writer = Annotated[Caller, requires(Scope.ASSESSMENTS_WRITE)]
_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "Not modified"}}


@router.post(
    "",
    status_code=201,
    operation_id="fileAssessment",
    response_model=FiledOut,
    response_model_exclude_unset=True,  # no word of warnings where there are none
    responses=problems(
        PartnerNotFound,
        PartnerMerged,
        MethodologyUnknown,
        DetailInvalid,
        AgencyUnknown,
        RoleLacksRight,
        LevelAboveClient,
    ),
    summary="File an assessment",
)
async def file_assessment(
    new: AssessmentIn,
    caller: Filer,
    session: Session,
    keyring: Keys,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """File a finished assessment, or start a draft; the calling agency owns it.

    Scored types compute their rating from the detail. The detail is stored encrypted. A later
    final result supersedes the agency's earlier one of the same kind for the partner. `warnings`
    name what other agencies have of the same kind.
    """
    filed = await service.file_assessment(session, keyring, caller, new, now.date())
    response.headers["Location"] = f"/v1/assessments/{filed['id']}"
    response.headers["ETag"] = version_etag(filed["version"])
    found = await overlaps.overlaps(session, caller, filed["partner_id"], filed["type"])
    return {**filed, "warnings": found} if found else filed


@router.get(
    "",
    operation_id="listAssessments",
    response_model=Page[AssessmentOut],
    responses=problems(CursorInvalid),
    summary="List assessment summaries",
)
async def list_assessments(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    filters: Annotated[AssessmentFilter, Query()],
) -> dict[str, Any]:
    """Summaries the calling agency may see, newest first."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = None
    if pager.after:
        after = (datetime.fromisoformat(pager.after[0]), UUID(pager.after[1]))
    rows = await service.list_assessments(session, caller, filters, after)
    items, following = pager.page(
        rows, lambda row: [row.created_at.isoformat(), str(row.id)], response
    )
    return {"items": await shown(session, items), "next_cursor": following}


@router.get(
    "/{assessment_id}",
    operation_id="getAssessment",
    response_model=AssessmentOut,
    responses=problems(AssessmentNotFound) | _NOT_MODIFIED,
    summary="Read an assessment summary",
)
async def get_assessment(
    request: Request, assessment_id: UUID, caller: Reader, session: Session, response: Response
) -> Any:
    """Type, dates, owner and rating of one assessment; its ETag is its version."""
    found = await service.get_assessment(session, caller, assessment_id)
    etag = etag_of(found)
    response.headers["ETag"] = etag
    return not_modified(request, etag) or found


@router.patch(
    "/{assessment_id}",
    operation_id="changeAssessment",
    response_model=AssessmentOut,
    responses=problems(
        AssessmentNotFound,
        RoleLacksRight,
        AssessmentFinal,
        AssessmentSubmitted,
        NoteMissing,
        AgencyUnknown,
        ContentRedacted,
        UnderLegalHold,
        PatchEmpty,
        MethodologyUnknown,
        DetailInvalid,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Change or finish a draft",
)
async def change_assessment(
    assessment_id: UUID,
    patch: AssessmentPatch,
    caller: Writer,
    version: Annotated[int, Depends(expected_version)],
    session: Session,
    keyring: Keys,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """JSON Merge Patch of an own draft; `status` submits, files or cancels it. Needs `If-Match`.

    Of a submitted one only `status`: `final`, `draft` (sent back) or `cancelled`, with `note`.
    """
    changed = await service.change_draft(
        session, keyring, caller, assessment_id, version, patch, now.date()
    )
    response.headers["ETag"] = version_etag(changed["version"])
    return changed


@router.get(
    "/{assessment_id}/disclosures",
    operation_id="listAssessmentDisclosures",
    response_model=Page[DisclosureOut],
    responses=problems(AssessmentNotFound, RoleLacksRight, CursorInvalid),
    summary="List who has read a detail",
)
async def list_disclosures(
    request: Request,
    response: Response,
    assessment_id: UUID,
    caller: Reader,
    session: Session,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText | None = None,
) -> dict[str, Any]:
    """Each reading of the own agency's assessment, newest first; for everyone else a 404."""
    pager = Pager(request, caller.agency_id, limit, cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await detail.disclosures(session, caller, assessment_id, after, limit + 1)
    items, following = pager.page(rows, lambda row: [str(row["id"])], response)
    return {"items": items, "next_cursor": following}
