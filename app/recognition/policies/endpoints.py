"""HTTP of recognition policies."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from app.agencies.errors import AgencyUnknown
from app.auth.caller import Caller, Keys, requires, requires_once
from app.auth.errors import PersonRequired, RoleLacksRight
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
from app.core.paging import CursorInvalid, Pager
from app.core.routing import Router
from app.core.schemas import Page
from app.recognition.policies import queries, service, trying
from app.recognition.policies.errors import (
    PolicyDecided,
    PolicyInvalid,
    PolicyNotFound,
    PolicyPast,
    PolicyRace,
    SamePerson,
)
from app.recognition.policies.schemas import (
    CatalogueOut,
    CheckOut,
    ComparisonFilter,
    ComparisonOut,
    DryRunIn,
    DryRunOut,
    PolicyDecisionIn,
    PolicyFilter,
    PolicyIn,
    PolicyOut,
    RulesIn,
)

router = Router(prefix="/recognition-policies", tags=["recognition"], route_class=RegistryRoute)
Reader = Annotated[Caller, requires(Scope.POLICIES_READ)]
Writer = Annotated[Caller, requires(Scope.POLICIES_WRITE)]
Proposer = Annotated[Caller, requires_once(Scope.POLICIES_WRITE)]
Approver = Annotated[Caller, requires_once(Scope.POLICIES_APPROVE)]


@router.get(
    "",
    operation_id="listRecognitionPolicies",
    response_model=Page[PolicyOut],
    responses=problems(CursorInvalid),
    summary="List recognition policies",
)
async def list_policies(
    request: Request,
    response: Response,
    caller: Reader,
    session: Session,
    filters: Annotated[PolicyFilter, Query()],
) -> dict[str, Any]:
    """Which assessments and measures of others an agency goes by; every version ever approved, and
    of the own agency also what is proposed, refused or withdrawn."""
    pager = Pager(request, caller.agency_id, filters.limit, filters.cursor)
    after = UUID(pager.after[0]) if pager.after else None
    asked = filters.model_dump(include={"agency", "requirement", "state", "in_force_on"})
    rows = await queries.list_policies(session, asked, after, filters.limit + 1)
    items, following = pager.page(list(rows), lambda row: [str(row.id)], response)
    shown = [service.wire(row, caller) for row in rows[: len(items)]]
    return {"items": shown, "next_cursor": following}


@router.get(
    "/requirements",
    operation_id="listRecognitionRequirements",
    response_model=CatalogueOut,
    summary="Read what policies may say",
)
async def list_requirements(caller: Reader) -> dict[str, Any]:
    """Every requirement with the JSON Schema of its rules, and the groups of agencies that a rule
    may name."""
    return service.catalogue()


@router.get(
    "/comparison",
    operation_id="compareRecognitionPolicies",
    response_model=ComparisonOut,
    responses=problems(AgencyUnknown),
    summary="Compare two agencies' policies",
)
async def compare(
    caller: Reader, session: Session, now: Now, wanted: Annotated[ComparisonFilter, Query()]
) -> dict[str, Any]:
    """Every place where the rules of two agencies differ on a day; what one leaves out and the
    other says as the default has it is the same."""
    return await service.compare(session, wanted, now.date())


@router.post(
    "/check",
    operation_id="checkRecognitionPolicy",
    response_model=CheckOut,
    responses=problems(PolicyInvalid),
    summary="Check rules without proposing them",
)
async def check(wanted: RulesIn, caller: Reader, session: Session) -> dict[str, Any]:
    """Everything that is wrong with rules at once, each with its place; else the rules with all
    defaults filled in. Nothing is stored."""
    rules = await service.check(session, wanted.requirement, wanted.rules)
    read = [rule.model_dump(mode="json") for rule in rules]
    return {"requirement": wanted.requirement, "rules": read}


@router.post(
    "/dry-run",
    operation_id="tryRecognitionPolicy",
    response_model=DryRunOut,
    responses=problems(PolicyInvalid, RoleLacksRight),
    summary="Try rules on past clearances",
)
async def try_rules(
    wanted: DryRunIn, caller: Writer, session: Session, keys: Keys, now: Now
) -> dict[str, Any]:
    """What would have changed: own clearances asked again with the facts of now, by the policies
    in force and by these rules."""
    return await trying.dry_run(session, keys, caller, wanted, now)


@router.post(
    "",
    status_code=201,
    operation_id="proposeRecognitionPolicy",
    response_model=PolicyOut,
    responses=problems(PersonRequired, RoleLacksRight, PolicyInvalid, PolicyRace),
    summary="Propose a recognition policy",
)
async def propose(
    new: PolicyIn, caller: Proposer, session: Session, response: Response
) -> dict[str, Any]:
    """The next version of the own agency's policy for a requirement. It holds when a second person
    has approved it, from its first day or the day of the approval, whichever is later."""
    row = await service.propose(session, caller, new)
    response.headers["Location"] = f"/v1/recognition-policies/{row.id}"
    response.headers["ETag"] = version_etag(row.row_version)
    return service.wire(row, caller)


@router.get(
    "/{policy_id}",
    operation_id="getRecognitionPolicy",
    response_model=PolicyOut,
    responses=problems(PolicyNotFound),
    summary="Read a recognition policy",
)
async def get_policy(
    policy_id: UUID, caller: Reader, session: Session, response: Response
) -> dict[str, Any]:
    """One version. Of another agency what was approved, without persons."""
    row = await service.get_policy(session, policy_id)
    response.headers["ETag"] = version_etag(row.row_version)
    response.headers["Cache-Control"] = "no-store"
    return service.wire(row, caller)


@router.post(
    "/{policy_id}/approval",
    operation_id="decideRecognitionPolicy",
    response_model=PolicyOut,
    responses=problems(
        PersonRequired,
        RoleLacksRight,
        PolicyNotFound,
        SamePerson,
        PolicyDecided,
        PolicyPast,
        PreconditionRequired,
        PreconditionFailed,
    ),
    summary="Approve or refuse a recognition policy",
)
async def decide(
    policy_id: UUID,
    said: PolicyDecisionIn,
    caller: Approver,
    version: Annotated[int, Depends(expected_version)],
    session: Session,
    now: Now,
    response: Response,
) -> dict[str, Any]:
    """A second person of the agency decides. An approved version is open to all agencies, takes the
    place of the one before, and never changes."""
    row = await service.decide(session, caller, policy_id, version, said, now.date())
    response.headers["ETag"] = version_etag(row.row_version)
    return service.wire(row, caller)


@router.delete(
    "/{policy_id}",
    status_code=204,
    operation_id="withdrawRecognitionPolicy",
    response_model=None,
    responses=problems(PersonRequired, RoleLacksRight, PolicyNotFound, PolicyDecided),
    summary="Withdraw a proposed recognition policy",
)
async def withdraw(policy_id: UUID, caller: Writer, session: Session) -> Response:
    """Take back a proposal that waits for its decision; it stays in the own agency's list."""
    await service.withdraw(session, caller, policy_id)
    return Response(status_code=204)
