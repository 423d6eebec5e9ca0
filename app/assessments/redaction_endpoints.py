"""HTTP of redacting an assessment's detail."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from app.assessments import redaction
from app.assessments.errors import AssessmentNotFound
from app.audit.exceptions import errors
from app.audit.exceptions.schemas import RedactionDecisionIn, RedactionDetailOut, RedactionIn
from app.auth.caller import Caller, Keys, requires_once
from app.auth.errors import PersonRequired
from app.auth.scopes import Scope
from app.core.db import Session
from app.core.errors import problems
from app.core.http import (
    PreconditionFailed,
    PreconditionRequired,
    RegistryRoute,
    expected_version,
    version_etag,
)

router = APIRouter(prefix="/assessments", tags=["redactions"], route_class=RegistryRoute)
Redactor = Annotated[Caller, requires_once(Scope.ASSESSMENTS_WRITE)]


@router.post(
    "/{assessment_id}/redaction",
    status_code=201,
    operation_id="redactAssessment",
    response_model=RedactionDetailOut,
    responses=problems(
        AssessmentNotFound, PersonRequired, errors.RoleRequired, errors.RedactionExists
    ),
    summary="Hide an assessment's detail at once",
)
async def redact_assessment(
    assessment_id: UUID,
    new: RedactionIn,
    caller: Redactor,
    session: Session,
    keys: Keys,
    response: Response,
) -> dict[str, Any]:
    """An emergency: nobody reads the detail from the next request on, its owner included.

    A second person decides within 72 hours; without a decision it stays hidden. The summary
    stays, marked `redacted`. The answer lists who has read the detail.
    """
    found = await redaction.hide(session, keys, caller, assessment_id, new.reason)
    response.headers["Location"] = f"/v1/redactions/{found['id']}"
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.post(
    "/{assessment_id}/redaction/decision",
    status_code=201,
    operation_id="decideAssessmentRedaction",
    response_model=RedactionDetailOut,
    responses=problems(
        AssessmentNotFound,
        PersonRequired,
        errors.RoleRequired,
        errors.RedactionNotFound,
        errors.RedactionDecided,
        errors.SecondPersonRequired,
        errors.UnderLegalHold,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Destroy or bring back a hidden detail",
)
async def decide_redaction(
    assessment_id: UUID,
    decision: RedactionDecisionIn,
    version: Annotated[int, Depends(expected_version)],
    caller: Redactor,
    session: Session,
    keys: Keys,
) -> dict[str, Any]:
    """A second person: `confirm` destroys the detail and what access requests say of it.

    `undo` brings it back as it was. Under a legal hold it stays hidden, and `confirm` is refused.
    `If-Match` is the version of the redaction.
    """
    return await redaction.decide(session, keys, caller, assessment_id, version, decision)
