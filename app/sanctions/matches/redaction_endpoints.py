"""HTTP of redacting the reasons of a decision on a potential match, and what a partner answered."""

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
from app.sanctions.matches import errors, redaction

router = Router(prefix="/sanctions/matches", tags=["redactions"], route_class=RegistryRoute)
Redactor = Annotated[Caller, requires_once(Scope.SCREENING_ADJUDICATE)]


@router.post(
    "/{match_id}/decisions/{decision_id}/redaction",
    status_code=201,
    operation_id="redactMatchDecision",
    response_model=RedactionDetailOut,
    responses=problems(
        errors.MatchNotFound,
        PersonRequired,
        refusals.RoleRequired,
        refusals.RedactionExists,
    ),
    summary="Hide the reasons of a decision",
)
async def redact_reasons(
    match_id: UUID,
    decision_id: UUID,
    new: RedactionIn,
    caller: Redactor,
    session: Session,
    keys: Keys,
    response: Response,
) -> dict[str, Any]:
    """An emergency: nobody reads the reasons from the next request on. The decision stands.

    A second person decides within 72 hours; without a decision it stays hidden.
    """
    found = await redaction.hide(session, keys, caller, match_id, decision_id, new.reason)
    response.headers["Location"] = f"/v1/redactions/{found['id']}"
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.post(
    "/{match_id}/decisions/{decision_id}/redaction/decision",
    status_code=201,
    operation_id="decideMatchDecisionRedaction",
    response_model=RedactionDetailOut,
    responses=problems(
        errors.MatchNotFound,
        PersonRequired,
        refusals.RoleRequired,
        refusals.RedactionNotFound,
        refusals.RedactionDecided,
        refusals.SecondPersonRequired,
        refusals.UnderLegalHold,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Destroy or bring back hidden reasons",
)
async def decide_redaction(
    match_id: UUID,
    decision_id: UUID,
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
    return await redaction.decide(session, keys, caller, match_id, decision_id, version, decision)


@router.post(
    "/{match_id}/facts-requests/{request_id}/redaction",
    status_code=201,
    operation_id="redactMatchFacts",
    response_model=RedactionDetailOut,
    responses=problems(
        errors.MatchNotFound,
        PersonRequired,
        refusals.RoleRequired,
        refusals.RedactionExists,
    ),
    summary="Hide what a partner was asked and answered",
)
async def redact_facts(
    match_id: UUID,
    request_id: UUID,
    new: RedactionIn,
    caller: Redactor,
    session: Session,
    keys: Keys,
    response: Response,
) -> dict[str, Any]:
    """An emergency: nobody reads reason and answer from the next request on. The question stays.

    A second person decides within 72 hours; without a decision it stays hidden.
    """
    found = await redaction.hide_facts(session, keys, caller, match_id, request_id, new.reason)
    response.headers["Location"] = f"/v1/redactions/{found['id']}"
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.post(
    "/{match_id}/facts-requests/{request_id}/redaction/decision",
    status_code=201,
    operation_id="decideMatchFactsRedaction",
    response_model=RedactionDetailOut,
    responses=problems(
        errors.MatchNotFound,
        PersonRequired,
        refusals.RoleRequired,
        refusals.RedactionNotFound,
        refusals.RedactionDecided,
        refusals.SecondPersonRequired,
        refusals.UnderLegalHold,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Destroy or bring back what was asked and answered",
)
async def decide_facts_redaction(
    match_id: UUID,
    request_id: UUID,
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
    return await redaction.decide_facts(
        session, keys, caller, match_id, request_id, version, decision
    )
