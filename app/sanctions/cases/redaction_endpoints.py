"""HTTP of redacting what was written at a step of a case, and who an individual in it is."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Response

from app.audit.exceptions import errors as refusals
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
from app.sanctions.cases import errors, redaction

router = Router(prefix="/sanctions", tags=["redactions"], route_class=RegistryRoute)
Redactor = Annotated[Caller, requires_once(Scope.SANCTIONS_WRITE)]


@router.post(
    "/cases/{case_id}/steps/{step_id}/redaction",
    status_code=201,
    operation_id="redactSanctionCaseStep",
    response_model=RedactionDetailOut,
    responses=problems(
        errors.CaseNotFound,
        PersonRequired,
        refusals.RoleRequired,
        refusals.RedactionExists,
    ),
    summary="Hide what was written at a step",
)
async def redact_step(
    case_id: UUID,
    step_id: UUID,
    new: RedactionIn,
    caller: Redactor,
    session: Session,
    keys: Keys,
    response: Response,
) -> dict[str, Any]:
    """An emergency: nobody reads the text from the next request on. The step itself stays.

    A second person decides within 72 hours; without a decision it stays hidden.
    """
    found = await redaction.hide(session, keys, caller, case_id, step_id, new.reason)
    response.headers["Location"] = f"/v1/redactions/{found['id']}"
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.post(
    "/cases/{case_id}/steps/{step_id}/redaction/decision",
    status_code=201,
    operation_id="decideSanctionCaseStepRedaction",
    response_model=RedactionDetailOut,
    responses=problems(
        errors.CaseNotFound,
        PersonRequired,
        refusals.RoleRequired,
        refusals.RedactionNotFound,
        refusals.RedactionDecided,
        refusals.SecondPersonRequired,
        refusals.UnderLegalHold,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Destroy or bring back a hidden step",
)
async def decide_redaction(
    case_id: UUID,
    step_id: UUID,
    decision: RedactionDecisionIn,
    version: Annotated[int, Depends(expected_version)],
    caller: Redactor,
    session: Session,
    keys: Keys,
) -> dict[str, Any]:
    """A second person: `confirm` destroys the text for good, `undo` brings it back as it was.

    Under a legal hold it stays hidden, and `confirm` is refused. `If-Match` is the version of
    the redaction.
    """
    return await redaction.decide(session, keys, caller, case_id, step_id, version, decision)


@router.post(
    "/cases/{case_id}/respondents/{respondent_id}/redaction",
    status_code=201,
    operation_id="redactSanctionCaseIndividual",
    response_model=RedactionDetailOut,
    responses=problems(
        errors.CaseNotFound,
        errors.RespondentNotFound,
        PersonRequired,
        refusals.RoleRequired,
        refusals.RedactionExists,
    ),
    summary="Hide who an individual in a case is",
)
async def redact_individual(
    case_id: UUID,
    respondent_id: UUID,
    new: RedactionIn,
    caller: Redactor,
    session: Session,
    keys: Keys,
    response: Response,
) -> dict[str, Any]:
    """An emergency: nobody reads the facts from the next request on, and nobody is listed by them.

    A second person decides within 72 hours; without a decision it stays hidden.
    """
    found = await redaction.hide_individual(
        session, keys, caller, case_id, respondent_id, new.reason
    )
    response.headers["Location"] = f"/v1/redactions/{found['id']}"
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.post(
    "/cases/{case_id}/respondents/{respondent_id}/redaction/decision",
    status_code=201,
    operation_id="decideSanctionCaseIndividualRedaction",
    response_model=RedactionDetailOut,
    responses=problems(
        errors.CaseNotFound,
        errors.RespondentNotFound,
        PersonRequired,
        refusals.RoleRequired,
        refusals.RedactionNotFound,
        refusals.RedactionDecided,
        refusals.SecondPersonRequired,
        refusals.UnderLegalHold,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Destroy or bring back the facts of an individual",
)
async def decide_individual_redaction(
    case_id: UUID,
    respondent_id: UUID,
    decision: RedactionDecisionIn,
    version: Annotated[int, Depends(expected_version)],
    caller: Redactor,
    session: Session,
    keys: Keys,
) -> dict[str, Any]:
    """A second person: `confirm` destroys them for good, `undo` brings them back as they were.

    Under a legal hold they stay hidden, and `confirm` is refused. `If-Match` is the version of
    the redaction.
    """
    return await redaction.decide_individual(
        session, keys, caller, case_id, respondent_id, version, decision
    )
