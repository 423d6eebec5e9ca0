"""HTTP of PSEA self-assessments: the partner's routes and the agency's."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.agencies.errors import AgencyUnknown
from app.assessments.errors import MethodologyUnknown
from app.assessments.self_assessments import queries, review, service
from app.assessments.self_assessments.errors import (
    AnswersInvalid,
    ReasonMissing,
    SelfAssessmentNotFound,
    SelfAssessmentOpen,
    SelfAssessmentStep,
)
from app.assessments.self_assessments.schemas import (
    SelfAssessmentDecisionIn,
    SelfAssessmentEntry,
    SelfAssessmentFilter,
    SelfAssessmentIn,
    SelfAssessmentOut,
    SelfAssessmentPatch,
)
from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.errors import LevelAboveClient, PersonRequired, RoleLacksRight
from app.auth.scopes import Scope
from app.core.clock import Now
from app.core.db import Session
from app.core.errors import problems
from app.core.http import (
    PreconditionFailed,
    PreconditionRequired,
    RegistryRoute,
    expected_version,
    version_etag,
)
from app.core.paging import CursorInvalid, PageQuery, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.errors import PartnerMerged, PartnerNotFound, PatchEmpty
from app.partners.self_service.access import own_id

_SELF, _PATH = "/self/psea-self-assessments", "/psea-self-assessments"
router = Router(tags=["psea self-assessments"], route_class=RegistryRoute)
Own = Annotated[Caller, requires(Scope.SELF_READ)]
OwnWriter = Annotated[Caller, requires(Scope.SELF_WRITE)]
OwnCreator = Annotated[Caller, requires_once(Scope.SELF_WRITE)]
Reader = Annotated[Caller, requires(Scope.ASSESSMENTS_DETAIL)]
Decider = Annotated[Caller, requires_once(Scope.ASSESSMENTS_WRITE)]
Version = Annotated[int, Depends(expected_version)]


def _after(pager: Pager) -> queries.After:
    if pager.after is None:
        return None
    return datetime.fromisoformat(pager.after[0]), UUID(pager.after[1])


def _key(row: Any) -> list[str]:
    return [row.created_at.isoformat(), str(row.id)]


@router.post(
    _SELF,
    status_code=201,
    operation_id="startPseaSelfAssessment",
    response_model=SelfAssessmentOut,
    responses=problems(
        *(PartnerMerged, AgencyUnknown, MethodologyUnknown, AnswersInvalid, SelfAssessmentOpen)
    ),
    summary="Begin a PSEA self-assessment",
)
async def start(
    new: SelfAssessmentIn,
    caller: OwnCreator,
    session: Session,
    keyring: Keys,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """A draft for one agency, which sees it when it is handed in; one at a time for each agency.

    The answers are stored encrypted. Allegations and names of persons never belong in here.
    """
    made = await service.start(session, keyring, caller, new, now.date())
    response.headers["Location"] = f"/v1{_SELF}/{made['id']}"
    response.headers["ETag"] = version_etag(made["version"])
    return made


@router.get(
    _SELF,
    operation_id="listOwnPseaSelfAssessments",
    response_model=Page[SelfAssessmentEntry],
    responses=problems(CursorInvalid),
    summary="List the own PSEA self-assessments",
)
async def list_own(
    request: Request,
    caller: Own,
    session: Session,
    filters: Annotated[PageQuery, Query()],
    response: Response,
) -> dict[str, Any]:
    """To every agency, newest first."""
    pager = Pager(request, caller.client_id, filters.limit, filters.cursor)
    rows = await queries.list_own(session, own_id(caller), _after(pager), filters.limit + 1)
    items, following = pager.page(list(rows), _key, response)
    return {"items": [service.entry(row) for row in items], "next_cursor": following}


@router.get(
    _SELF + "/{self_assessment_id}",
    operation_id="getOwnPseaSelfAssessment",
    response_model=SelfAssessmentOut,
    responses=problems(SelfAssessmentNotFound),
    summary="Read an own PSEA self-assessment",
)
async def get_own(
    self_assessment_id: UUID, caller: Own, session: Session, keyring: Keys, response: Response
) -> dict[str, Any]:
    """With its answers, and why it was sent back, if it was."""
    found = await service.get_own(session, keyring, caller, self_assessment_id)
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.patch(
    _SELF + "/{self_assessment_id}",
    operation_id="changeOwnPseaSelfAssessment",
    response_model=SelfAssessmentOut,
    responses=problems(
        SelfAssessmentNotFound,
        SelfAssessmentStep,
        AnswersInvalid,
        MethodologyUnknown,
        PatchEmpty,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Change, hand in or withdraw an own PSEA self-assessment",
)
async def change_own(
    self_assessment_id: UUID,
    patch: SelfAssessmentPatch,
    version: Version,
    caller: OwnWriter,
    session: Session,
    keyring: Keys,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """`standards` takes the place of all answers, while it is a draft or was sent back.

    `status: submitted` hands it in, complete; `withdrawn` takes it back until it is taken up.
    """
    changed = await service.change(
        session, keyring, caller, self_assessment_id, version, patch, now.date()
    )
    response.headers["ETag"] = version_etag(changed["version"])
    return changed


@router.get(
    _PATH,
    operation_id="listPseaSelfAssessments",
    response_model=Page[SelfAssessmentEntry],
    responses=problems(CursorInvalid),
    summary="List PSEA self-assessments handed in to the own agency",
)
async def list_addressed(
    request: Request,
    caller: Reader,
    session: Session,
    filters: Annotated[SelfAssessmentFilter, Query()],
    response: Response,
) -> dict[str, Any]:
    """Without the answers, newest first; no other agency knows of them."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    rows = await review.list_addressed(session, caller, filters, _after(pager))
    items, following = pager.page(list(rows), _key, response)
    return {"items": [review.agency_entry(row) for row in items], "next_cursor": following}


@router.get(
    _PATH + "/{self_assessment_id}",
    operation_id="getPseaSelfAssessment",
    response_model=SelfAssessmentOut,
    responses=problems(SelfAssessmentNotFound),
    summary="Read a PSEA self-assessment handed in to the own agency",
)
async def get_addressed(
    self_assessment_id: UUID, caller: Reader, session: Session, keyring: Keys, response: Response
) -> dict[str, Any]:
    """With the answers, unless the partner has it in hand again. The reading is logged."""
    found = await review.get_addressed(session, keyring, caller, self_assessment_id)
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.post(
    _PATH + "/{self_assessment_id}/decision",
    operation_id="decidePseaSelfAssessment",
    response_model=SelfAssessmentOut,
    responses=problems(
        SelfAssessmentNotFound,
        PersonRequired,
        RoleLacksRight,
        LevelAboveClient,
        PartnerNotFound,
        PartnerMerged,
        SelfAssessmentStep,
        ReasonMissing,
        AnswersInvalid,
        MethodologyUnknown,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Send a PSEA self-assessment back, or take it up",
)
async def decide(
    self_assessment_id: UUID,
    decision: SelfAssessmentDecisionIn,
    version: Version,
    caller: Decider,
    session: Session,
    keyring: Keys,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """`return` with a reason for the partner; `take_up` begins an own draft assessment with a
    copy of the answers (`assessment_id`), which then goes its own way. Needs `If-Match`.
    """
    done = await review.decide(
        session, keyring, caller, self_assessment_id, version, decision, now.date()
    )
    response.headers["ETag"] = version_etag(done["version"])
    return done
