"""HTTP of verifications and of the standing."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Header, Query, Request, Response

from app.audit.errors import PurposeRequired
from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.errors import LevelAboveClient, RoleLacksRight
from app.auth.scopes import Scope
from app.core.clock import Now
from app.core.db import Session
from app.core.errors import problems
from app.core.http import RegistryRoute, bytes_etag, not_modified
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.errors import PartnerNotFound
from app.partners.verifications import rules, service, standing
from app.partners.verifications.errors import (
    AnswersUnfit,
    QuestionSetNotInForce,
    ReasonRequired,
    VerificationNotFound,
    VerificationNotPossible,
)
from app.partners.verifications.schemas import (
    QuestionSetOut,
    StandingOut,
    VerificationComments,
    VerificationFilter,
    VerificationIn,
    VerificationOut,
)

router = Router(tags=["verifications"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.PARTNERS_READ)]
Verifier = Annotated[Caller, requires_once(Scope.PARTNERS_VERIFY)]
CommentReader = Annotated[Caller, requires(Scope.FLAGS_READ)]


@router.get(
    "/verification-questions",
    operation_id="getVerificationQuestions",
    response_model=QuestionSetOut,
    summary="Read the questions of a verification",
)
async def get_questions(caller: Reader, now: Now) -> dict[str, Any]:
    """The questions in force, the answers that are needed, and how long a verification holds."""
    found = rules.in_force(now.date())
    return {
        **found.model_dump(include={"version", "effective_from", "source", "confirmed"}),
        "questions": [question.model_dump() for question in found.questions],
        "partner_types": list(found.partner_types.codes),
        "valid_months": found.validity.months,
        "valid_months_confirmed": found.validity.confirmed,
        "notice_days": list(found.notices.days),
    }


@router.get(
    "/partners/{partner_id}/verifications",
    operation_id="listVerifications",
    response_model=Page[VerificationOut],
    responses=problems(PartnerNotFound, CursorInvalid),
    summary="List verifications of a partner",
)
async def list_verifications(
    request: Request,
    response: Response,
    partner_id: UUID,
    caller: Reader,
    session: Session,
    filters: Annotated[VerificationFilter, Query()],
) -> dict[str, Any]:
    """Verifications by all agencies, newest first, also of profiles merged into this one."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    rows = await service.list_verifications(
        session, caller, partner_id, pager.after, filters.limit + 1
    )
    items, following = pager.page(list(rows), service.page_key, response)
    return {"items": [service.wire(row) for row in items], "next_cursor": following}


@router.post(
    "/partners/{partner_id}/verifications",
    status_code=201,
    operation_id="recordVerification",
    response_model=VerificationOut,
    responses=problems(
        PartnerNotFound,
        RoleLacksRight,
        LevelAboveClient,
        QuestionSetNotInForce,
        VerificationNotPossible,
        AnswersUnfit,
        ReasonRequired,
    ),
    summary="Verify a partner",
)
async def record_verification(
    partner_id: UUID,
    new: VerificationIn,
    caller: Verifier,
    session: Session,
    keys: Keys,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """Answers of a named person to the questions in force; the registry draws the result.

    The newest verification decides the partner's status for all agencies. What stands against
    it is a 409 that names every obstacle; what speaks against the partner (a flag, a measure, a
    match, its headquarters) stops a positive result only. Headquarters of international NGOs are
    verified by an agency's headquarters unit.
    """
    made = await service.record_verification(session, keys, caller, partner_id, new, now)
    response.headers["Location"] = f"/v1/partners/{partner_id}/verifications/{made['id']}"
    return made


@router.get(
    "/partners/{partner_id}/verifications/{verification_id}",
    operation_id="getVerification",
    response_model=VerificationOut,
    responses=problems(PartnerNotFound, VerificationNotFound),
    summary="Read a verification",
)
async def get_verification(
    partner_id: UUID, verification_id: UUID, caller: Reader, session: Session
) -> dict[str, Any]:
    """One agency's verification: result and dates."""
    return await service.get_verification(session, caller, partner_id, verification_id)


@router.get(
    "/partners/{partner_id}/verifications/{verification_id}/comments",
    operation_id="readVerificationComments",
    response_model=VerificationComments,
    responses=problems(PartnerNotFound, VerificationNotFound, PurposeRequired),
    summary="Read the answers and comments of a verification",
)
async def read_comments(
    request: Request,
    partner_id: UUID,
    verification_id: UUID,
    caller: CommentReader,
    session: Session,
    keys: Keys,
    access_purpose: Annotated[
        str | None,
        Header(
            description='why another agency\'s comments are read: `CODE; ref="reference"`',
            examples=['PARTNER_SELECTION; ref="WFP-KE-2026-17"'],
        ),
    ] = None,
) -> dict[str, Any]:
    """RESTRICTED: what was answered and written. The reading is logged; its agency sees the log.

    The own agency's need no purpose.
    """
    headers = request.headers.getlist("access-purpose") if access_purpose is not None else []
    return await service.read_comments(session, keys, caller, partner_id, verification_id, headers)


@router.get(
    "/partners/{partner_id}/standing",
    operation_id="getStanding",
    response_model=StandingOut,
    responses=problems(PartnerNotFound) | {304: {"description": "Not modified"}},
    summary="Read where a partner stands",
)
async def get_standing(
    request: Request, partner_id: UUID, caller: Reader, session: Session
) -> Response:
    """Status, verification by agency, locks and why, flags, completeness: computed at this moment.

    The ETag is over the bytes for this caller.
    """
    found = await standing.get_standing(session, caller, partner_id)
    body = found.model_dump_json().encode()
    etag = bytes_etag(body)
    return not_modified(request, etag) or Response(
        body, media_type="application/json", headers={"ETag": etag}
    )
