"""HTTP of redacting what agencies wrote beside a measure."""

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
from app.sanctions.entries import errors, redaction

router = Router(prefix="/sanctions/entries", tags=["redactions"], route_class=RegistryRoute)
Redactor = Annotated[Caller, requires_once(Scope.SANCTIONS_WRITE)]


@router.post(
    "/{entry_id}/texts/{text_id}/redaction",
    status_code=201,
    operation_id="redactSanctionEntryText",
    response_model=RedactionDetailOut,
    responses=problems(
        errors.EntryTextNotFound,
        PersonRequired,
        refusals.RoleRequired,
        refusals.RedactionExists,
    ),
    summary="Hide what was written beside a measure",
)
async def redact_text(
    entry_id: UUID,
    text_id: UUID,
    new: RedactionIn,
    caller: Redactor,
    session: Session,
    keys: Keys,
    response: Response,
) -> dict[str, Any]:
    """An emergency: nobody reads the text from the next request on. The measure itself stays.

    `text_id` is the id of an act (its reasons), of a condition (the note of its verification), of
    the own agency's recognition, or of the measure itself (why it was lifted). A second person
    decides within 72 hours; without a decision it stays hidden.
    """
    found = await redaction.hide(session, keys, caller, entry_id, text_id, new.reason)
    response.headers["Location"] = f"/v1/redactions/{found['id']}"
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.post(
    "/{entry_id}/texts/{text_id}/redaction/decision",
    status_code=201,
    operation_id="decideSanctionEntryTextRedaction",
    response_model=RedactionDetailOut,
    responses=problems(
        errors.EntryTextNotFound,
        PersonRequired,
        refusals.RoleRequired,
        refusals.RedactionNotFound,
        refusals.RedactionDecided,
        refusals.SecondPersonRequired,
        refusals.UnderLegalHold,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Destroy or bring back what was hidden beside a measure",
)
async def decide_redaction(
    entry_id: UUID,
    text_id: UUID,
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
    return await redaction.decide(session, keys, caller, entry_id, text_id, version, decision)
