"""HTTP of assurance: what a partner needs and has, plans, and the joint calendar."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.agencies.errors import AgencyUnknown
from app.assessments.assurance import errors, needs, plans
from app.assessments.assurance.schemas import (
    CalendarOut,
    CalendarQuery,
    CoverageOut,
    PartnerCoverageOut,
    PlanDecisionIn,
    PlanFilter,
    PlanIn,
    PlanOut,
    RequirementsOut,
    RequirementsQuery,
    Revision,
)
from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.errors import CountryOutsideScope, LevelAboveClient, PersonRequired, RoleLacksRight
from app.auth.scopes import Scope
from app.core.clock import Now
from app.core.db import Session
from app.core.errors import problems
from app.core.http import (
    PreconditionFailed,
    PreconditionRequired,
    RegistryRoute,
    expected_version,
    not_modified,
    version_etag,
)
from app.core.paging import LIMIT_DEFAULT, CursorInvalid, CursorText, Limit, PageQuery, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.partners.errors import PartnerMerged, PartnerNotFound

router = Router(tags=["assurance"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.ASSESSMENTS_READ)]
Planner = Annotated[Caller, requires_once(Scope.ASSESSMENTS_WRITE)]
Writer = Annotated[Caller, requires(Scope.ASSESSMENTS_WRITE)]
_OF_PARTNER = (PartnerNotFound, PartnerMerged, RoleLacksRight, AgencyUnknown)
_CHANGING = (errors.PlanNotFound, RoleLacksRight)


@router.get(
    "/partners/{partner_id}/assurance-requirements",
    operation_id="getAssuranceRequirements",
    response_model=RequirementsOut,
    responses=problems(*_OF_PARTNER),
    summary="Compute the assurance a partner needs",
)
async def get_requirements(
    partner_id: UUID,
    caller: Reader,
    session: Session,
    now: Now,
    query: Annotated[RequirementsQuery, Query()],
) -> dict[str, Any]:
    """Micro-assessment, visits, spot checks and audits that the agency's policy asks for in a year.

    Each with its rule, the rule's source, and whether it is confirmed. Ratings of other agencies
    count and are named. What is not given or not known is null, never nought.
    """
    return await needs.partner_requirements(session, caller, partner_id, query, now.date())


@router.get(
    "/partners/{partner_id}/assurance-coverage",
    operation_id="getAssuranceCoverage",
    response_model=PartnerCoverageOut,
    responses=problems(*_OF_PARTNER),
    summary="Compare required with planned and done assurance",
)
async def get_coverage(
    partner_id: UUID,
    caller: Reader,
    session: Session,
    now: Now,
    query: Annotated[RequirementsQuery, Query()],
) -> dict[str, Any]:
    """Final visits, spot checks and audits of the agency in the year, against the requirements.

    Another agency's count only where a row of the agency's approved plan says that both do it.
    """
    return await needs.partner_coverage(session, caller, partner_id, query, now.date())


# ------------------------------------------------------------------------------------- plans


def _answer(found: dict[str, Any], response: Response) -> dict[str, Any]:
    response.headers["ETag"] = version_etag(found["version"])
    return found


@router.post(
    "/assurance-plans",
    status_code=201,
    operation_id="createAssurancePlan",
    response_model=PlanOut,
    responses=problems(RoleLacksRight, LevelAboveClient, CountryOutsideScope, errors.PlanExists),
    summary="Begin an assurance plan",
)
async def create_plan(
    new: PlanIn, caller: Planner, session: Session, response: Response
) -> dict[str, Any]:
    """The calling agency's plan for a country and a year, as a draft that it alone sees."""
    found = await plans.create(session, caller, new)
    response.headers["Location"] = f"/v1/assurance-plans/{found['id']}"
    return _answer(found, response)


@router.get(
    "/assurance-plans",
    operation_id="listAssurancePlans",
    response_model=Page[PlanOut],
    responses=problems(RoleLacksRight, CursorInvalid),
    summary="List assurance plans",
)
async def list_plans(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    filters: Annotated[PlanFilter, Query()],
) -> dict[str, Any]:
    """Own plans, and others' that are approved, newest first; of an own plan the open revision."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await plans.list_plans(session, caller, filters, after)
    items, following = pager.page(list(rows), lambda row: [str(row.id)], response)
    return {"items": [plans.wire(row, caller) for row in items], "next_cursor": following}


@router.get(
    "/assurance-plans/calendar",
    operation_id="getAssuranceCalendar",
    response_model=Page[CalendarOut],
    responses=problems(RoleLacksRight, PartnerNotFound, PartnerMerged, CursorInvalid),
    summary="Read the joint assurance calendar",
)
async def get_calendar(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    now: Now,
    query: Annotated[CalendarQuery, Query()],
) -> dict[str, Any]:
    """Activities of all agencies' approved plans of a year, in its order.

    Marked where another agency plans, or holds, something on the same partner: there one agency
    leads, and one visit, spot check or audit may do for both.
    """
    pager = Pager(request, caller.agency_id, query.limit, query.cursor)
    after = (int(pager.after[0]), UUID(pager.after[1])) if pager.after else None
    rows = await needs.calendar(session, caller, query, after, now.date())
    items, following = pager.page(rows, lambda row: [row["quarter"], str(row["id"])], response)
    return {"items": items, "next_cursor": following}


@router.get(
    "/assurance-plans/{plan_id}",
    operation_id="getAssurancePlan",
    response_model=PlanOut,
    responses=problems(errors.PlanNotFound) | {304: {"description": "Not modified"}},
    summary="Read an assurance plan",
)
async def get_plan(
    request: Request,
    response: Response,
    plan_id: UUID,
    caller: Reader,
    session: Session,
    revision: Revision | None = None,
) -> Any:
    """The revision being written, for its agency; else the approved one, or the one named."""
    found = _answer(await plans.get(session, caller, plan_id, revision), response)
    return not_modified(request, response.headers["ETag"]) or found


@router.get(
    "/assurance-plans/{plan_id}/revisions",
    operation_id="listAssurancePlanRevisions",
    response_model=Page[PlanOut],
    responses=problems(errors.PlanNotFound, CursorInvalid),
    summary="List a plan's revisions",
)
async def list_revisions(
    request: Request,
    response: Response,
    plan_id: UUID,
    caller: Reader,
    session: Session,
    limit: Limit = LIMIT_DEFAULT,
    cursor: CursorText | None = None,
) -> dict[str, Any]:
    """All revisions for the plan's agency, the approved one for others, newest first."""
    pager = Pager(request, caller.agency_id, limit, cursor)
    before = int(pager.after[0]) if pager.after else None
    rows = await plans.revisions(session, caller, plan_id, before, limit + 1)
    items, following = pager.page(rows, lambda row: [row.revision], response)
    return {"items": [plans.wire(row, caller) for row in items], "next_cursor": following}


@router.delete(
    "/assurance-plans/{plan_id}",
    status_code=204,
    operation_id="discardAssurancePlanDraft",
    responses=problems(*_CHANGING, errors.PlanNotDraft),
    summary="Discard a plan's draft",
)
async def discard_draft(plan_id: UUID, caller: Writer, session: Session) -> None:
    """Throws the draft away with its activities; an approved revision stays in force."""
    await plans.discard(session, caller, plan_id)


@router.post(
    "/assurance-plans/{plan_id}/submission",
    operation_id="submitAssurancePlan",
    response_model=PlanOut,
    responses=problems(*_CHANGING, PersonRequired, errors.PlanNotDraft),
    summary="Submit a plan for approval",
)
async def submit_plan(
    plan_id: UUID, caller: Planner, session: Session, response: Response
) -> dict[str, Any]:
    """Hands the draft in; from then on nothing of it changes until it is approved or returned."""
    return _answer(await plans.submit(session, caller, plan_id), response)


@router.post(
    "/assurance-plans/{plan_id}/approval",
    operation_id="approveAssurancePlan",
    response_model=PlanOut,
    responses=problems(
        *_CHANGING,
        PersonRequired,
        errors.PlanNotSubmitted,
        errors.SecondPersonRequired,
        errors.DoneLeftOut,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Approve or return a plan",
)
async def approve_plan(
    plan_id: UUID,
    decision: PlanDecisionIn,
    caller: Planner,
    version: Annotated[int, Depends(expected_version)],
    session: Session,
    keyring: Keys,
    response: Response,
) -> dict[str, Any]:
    """By another person than the one who submitted it, the head of office; needs `If-Match`.

    An approved revision supersedes the one before, and its activities stand in the calendar. One
    that is returned is sent back with a reason, for the plan's agency alone.
    """
    found = await plans.decide(session, keyring, caller, plan_id, version, decision)
    return _answer(found, response)


@router.post(
    "/assurance-plans/{plan_id}/amendment",
    status_code=201,
    operation_id="amendAssurancePlan",
    response_model=PlanOut,
    responses=problems(*_CHANGING, errors.AmendmentOpen, errors.PlanNotApproved),
    summary="Amend an approved plan",
)
async def amend_plan(
    plan_id: UUID, caller: Planner, session: Session, response: Response
) -> dict[str, Any]:
    """Begins the next revision with all activities as they stand; it is approved like the first."""
    return _answer(await plans.amend(session, caller, plan_id), response)


@router.get(
    "/assurance-plans/{plan_id}/coverage",
    operation_id="getAssurancePlanCoverage",
    response_model=Page[CoverageOut],
    responses=problems(errors.PlanNotFound, CursorInvalid),
    summary="List the coverage of a plan's partners",
)
async def get_plan_coverage(
    request: Request,
    response: Response,
    plan_id: UUID,
    caller: Reader,
    session: Session,
    query: Annotated[PageQuery, Query()],
) -> dict[str, Any]:
    """For each partner of the plan what its rows say is required, what is planned, what is done."""
    pager = Pager(request, caller.agency_id, query.limit, query.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    rows = await needs.plan_coverage(session, caller, plan_id, query, after)
    items, following = pager.page(rows, lambda row: [str(row["partner_id"])], response)
    return {"items": items, "next_cursor": following}
