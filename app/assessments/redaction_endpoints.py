"""HTTP of redacting an assessment's detail."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Response

from app.assessments import redaction
from app.assessments.errors import AccessRequestNotFound, AssessmentNotFound, ShareNotFound
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
from app.core.routing import Router

router = Router(tags=["redactions"], route_class=RegistryRoute)
Redactor = Annotated[Caller, requires_once(Scope.ASSESSMENTS_WRITE)]
Version = Annotated[int, Depends(expected_version)]
_HIDING = (PersonRequired, errors.RoleRequired, errors.RedactionExists)
_DECIDING = (
    *(PersonRequired, errors.RoleRequired, errors.RedactionNotFound, errors.RedactionDecided),
    *(errors.SecondPersonRequired, errors.UnderLegalHold),
    *(PreconditionRequired, PreconditionFailed),
)
_SHARE = "/assessments/{assessment_id}/shares/{share_id}/redaction"
_REQUEST = "/access-requests/{request_id}/redaction"


def _made(found: dict[str, Any], response: Response) -> dict[str, Any]:
    response.headers["Location"] = f"/v1/redactions/{found['id']}"
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.post(
    "/assessments/{assessment_id}/redaction",
    status_code=201,
    operation_id="redactAssessment",
    response_model=RedactionDetailOut,
    responses=problems(AssessmentNotFound, *_HIDING),
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
    find = redaction.of_assessment(assessment_id)
    return _made(await redaction.hide(session, keys, caller, find, new.reason), response)


@router.post(
    "/assessments/{assessment_id}/redaction/decision",
    status_code=201,
    operation_id="decideAssessmentRedaction",
    response_model=RedactionDetailOut,
    responses=problems(AssessmentNotFound, *_DECIDING),
    summary="Destroy or bring back a hidden detail",
)
async def decide_redaction(
    assessment_id: UUID,
    decision: RedactionDecisionIn,
    version: Version,
    caller: Redactor,
    session: Session,
    keys: Keys,
) -> dict[str, Any]:
    """A second person: `confirm` destroys the detail, the notes of its shares, and what access
    requests say of it.

    `undo` brings it back as it was. Under a legal hold it stays hidden, and `confirm` is refused.
    `If-Match` is the version of the redaction.
    """
    find = redaction.of_assessment(assessment_id)
    return await redaction.decide(session, keys, caller, find, version, decision)


@router.post(
    _SHARE,
    status_code=201,
    operation_id="redactShareNote",
    response_model=RedactionDetailOut,
    responses=problems(AssessmentNotFound, ShareNotFound, *_HIDING),
    summary="Hide the note of a share at once",
)
async def redact_share(
    assessment_id: UUID,
    share_id: UUID,
    new: RedactionIn,
    caller: Redactor,
    session: Session,
    keys: Keys,
    response: Response,
) -> dict[str, Any]:
    """An emergency: neither the owner nor the recipient reads the note of an own share from the
    next request on. The share itself stays as it is. A second person decides within 72 hours.
    """
    find = redaction.of_share(assessment_id, share_id)
    return _made(await redaction.hide(session, keys, caller, find, new.reason), response)


@router.post(
    _SHARE + "/decision",
    status_code=201,
    operation_id="decideShareNoteRedaction",
    response_model=RedactionDetailOut,
    responses=problems(AssessmentNotFound, ShareNotFound, *_DECIDING),
    summary="Destroy or bring back a hidden note of a share",
)
async def decide_share_redaction(
    assessment_id: UUID,
    share_id: UUID,
    decision: RedactionDecisionIn,
    version: Version,
    caller: Redactor,
    session: Session,
    keys: Keys,
) -> dict[str, Any]:
    """A second person: `confirm` destroys the note, `undo` brings it back. `If-Match` is the
    version of the redaction.
    """
    find = redaction.of_share(assessment_id, share_id)
    return await redaction.decide(session, keys, caller, find, version, decision)


@router.post(
    _REQUEST,
    status_code=201,
    operation_id="redactAccessRequest",
    response_model=RedactionDetailOut,
    responses=problems(AccessRequestNotFound, *_HIDING),
    summary="Hide the texts of an access request at once",
)
async def redact_request(
    request_id: UUID,
    new: RedactionIn,
    caller: Redactor,
    session: Session,
    keys: Keys,
    response: Response,
) -> dict[str, Any]:
    """An emergency: the asking agency hides its justification, the owner of the assessment both
    the justification and its own reason, from both agencies. A second person decides within 72
    hours. The request and its decision stay as they are.
    """
    find = redaction.of_request(request_id)
    return _made(await redaction.hide(session, keys, caller, find, new.reason), response)


@router.post(
    _REQUEST + "/decision",
    status_code=201,
    operation_id="decideAccessRequestRedaction",
    response_model=RedactionDetailOut,
    responses=problems(AccessRequestNotFound, *_DECIDING),
    summary="Destroy or bring back hidden texts of an access request",
)
async def decide_request_redaction(
    request_id: UUID,
    decision: RedactionDecisionIn,
    version: Version,
    caller: Redactor,
    session: Session,
    keys: Keys,
) -> dict[str, Any]:
    """A second person of the agency that hid them: `confirm` destroys them, `undo` brings them
    back. `If-Match` is the version of the redaction.
    """
    find = redaction.of_request(request_id)
    return await redaction.decide(session, keys, caller, find, version, decision)
